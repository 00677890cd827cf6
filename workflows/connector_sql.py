"""Rows of a view in another database, written to a file that is imported like one somebody sent.

The file comes first and the import after it, so that our own transaction never waits for another
machine. Only SELECTs are sent, on a connection that is read-only where the database knows the word;
names of views and columns are quoted by the dialect and never pasted into SQL.
"""

import csv
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Select, column, create_engine, literal_column, make_url, select, table, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import quoted_name

from settings.schema import Connector
from workflows.acting import SHANGHAI
from workflows.connector_marks import Mark, read_mark, write_mark

CHUNK = 5_000  # rows fetched at once
MOST_ROWS = 500_000  # rows of one run; the next run goes on from there
CONNECT_SECONDS = 10
_NAME = re.compile(r"[^\W\d][\w $#-]{0,127}")


class PullFailed(Exception):
    """The other database gave no rows; `str()` is the Chinese sentence, without any secret."""


@dataclass(frozen=True)
class Pulled:
    """A file of rows, and the mark the next run begins at. `more`: the view has more than one run takes."""

    path: Path
    rows: int
    mark: str
    more: bool = False


@dataclass(frozen=True)
class _Question:
    """What is asked of the view: rows since a mark, no more than so many, before a moment of the monotonic clock."""

    connector: Connector
    mark: str
    most_rows: int
    deadline: float


def pull(connector: Connector, mark: str, path: Path, most_rows: int = MOST_ROWS) -> Pulled:
    """Write the rows since the mark into a CSV file; a mark of another view or column means nothing here.

    Raises PullFailed.
    """
    own = f"{connector.view} {connector.watermark} "
    since = mark.removeprefix(own) if mark.startswith(own) else ""
    deadline = time.monotonic() + connector.timeout_seconds
    try:
        with _connected(connector) as connection:
            pulled = _spooled(connection, _Question(connector, since, most_rows, deadline), path)
            return replace(pulled, mark=own + pulled.mark if pulled.mark else "")
    except SQLAlchemyError as problem:
        raise PullFailed(f"对方数据库没有给出数据：{_reason(problem)}") from None
    except TypeError:  # values that cannot be compared, or not be kept
        raise PullFailed(f"watermark 列“{connector.watermark}”要是时间、日期、整数或文字，而且每行都一样。") from None


@contextmanager
def _connected(connector: Connector) -> Iterator[Connection]:
    url = _url(connector)
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=_connect_args(url, connector.timeout_seconds))
    except NoSuchModuleError:
        raise PullFailed(f"不认识这种数据库：{url.drivername}。") from None
    except ImportError as missing:
        raise PullFailed(f"没有安装 {url.drivername} 的驱动：{missing.name}；请用 pip 安装后再试。") from None
    options = {"postgresql_readonly": True} if url.get_backend_name() == "postgresql" else {}
    with engine.connect().execution_options(stream_results=True, max_row_buffer=CHUNK, **options) as connection:
        _make_read_only(connection, connector.timeout_seconds)
        yield connection
        connection.rollback()


def _url(connector: Connector) -> URL:
    try:
        url = make_url(connector.url.get_secret_value())
    except (ArgumentError, ValueError):
        raise PullFailed("url 的写法不对，例如 postgresql+psycopg://用户:密码@主机/库。") from None
    # SQLite would make an empty file where there is none.
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise PullFailed("url 里的 SQLite 文件不存在。")
    return url


def _connect_args(url: URL, seconds: int) -> dict[str, Any]:
    known: Mapping[str, dict[str, Any]] = {
        "sqlite": {"timeout": CONNECT_SECONDS, "check_same_thread": False},
        "postgresql": {"connect_timeout": CONNECT_SECONDS, "options": f"-c statement_timeout={seconds * 1000}"},
        "mysql": {"connect_timeout": CONNECT_SECONDS, "read_timeout": seconds},
        "mariadb": {"connect_timeout": CONNECT_SECONDS, "read_timeout": seconds},
        "mssql": {"timeout": seconds},
    }
    return known.get(url.get_backend_name(), {})


def _make_read_only(connection: Connection, seconds: int) -> None:
    name = connection.dialect.name
    if name == "sqlite":
        connection.execute(text("PRAGMA query_only = ON"))
        end = time.monotonic() + seconds
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: time.monotonic() > end, 100_000)
    elif name in {"mysql", "mariadb"}:
        connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
    elif name == "oracle":
        connection.execute(text("SET TRANSACTION READ ONLY"))


def _spooled(connection: Connection, asked: _Question, path: Path) -> Pulled:
    connector = asked.connector
    result = connection.execute(_query(asked))
    names = list(result.keys())
    place = _place_of(connector.watermark, names) if connector.watermark else None
    rows, last = 0, Mark(read_mark(asked.mark, timedelta(0)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="replace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for some in result.partitions(CHUNK):
            if time.monotonic() > asked.deadline:
                raise PullFailed(
                    f"{connector.timeout_seconds} 秒内没有读完，什么都没有写入；可以加大 timeout_seconds。"
                )
            for row in some:
                writer.writerow([_cell(value) for value in row])
                rows += 1
                last = last if place is None else last.later(row[place])
    reached = write_mark(last)
    if rows > asked.most_rows and reached == asked.mark:
        raise PullFailed(f"一次超过 {asked.most_rows:,} 行而 watermark 没有前进；请写上或换一个 watermark 列。")
    return Pulled(path, rows, reached, more=rows > asked.most_rows)


def _query(asked: _Question) -> Select[Any]:
    connector = asked.connector
    since = read_mark(asked.mark, timedelta(minutes=connector.overlap_minutes))
    wanted = list(dict.fromkeys([*connector.columns.values(), *([connector.watermark] if connector.watermark else [])]))
    columns: Sequence[Any] = [column(_named(name)) for name in wanted] if connector.columns else [literal_column("*")]
    *schema, view = connector.view.split(".")
    source = table(_named(view), schema=_dotted(schema) if schema else None)
    query = select(*columns).select_from(source).limit(asked.most_rows + 1)
    if not connector.watermark:
        return query
    moving: Any = column(_named(connector.watermark))
    query = query.order_by(moving)
    return query if since is None else query.where(moving >= since)


def _dotted(parts: list[str]) -> str:
    if len(parts) > 2:
        raise PullFailed("视图最多写成 库.模式.视图。")
    names = [_named(part) for part in parts]
    return names[0] if len(names) == 1 else ".".join(names)


def _named(name: str) -> quoted_name:
    if not _NAME.fullmatch(name):
        raise PullFailed(f"“{name[:40]}”不能用作视图名或列名。")
    return quoted_name(name, quote=True)


def _place_of(name: str, names: list[str]) -> int:
    if name not in names:
        raise PullFailed(f"视图里没有 watermark 列“{name}”；有：{'、'.join(names)[:200]}。")
    return names.index(name)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        local = value.astimezone(SHANGHAI) if value.tzinfo else value
        return f"{local:%Y-%m-%d}" if local.time() == datetime.min.time() else f"{local:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return str(value).replace("\x00", "")


def _reason(problem: SQLAlchemyError) -> str:
    """The driver's own words, one line, without the address and its password."""
    lines = str(getattr(problem, "orig", None) or type(problem).__name__).strip().splitlines()
    return re.sub(r"\w+://\S+", "…", lines[0] if lines else type(problem).__name__)[:200]
