"""Connectors: drop files and views of other databases, fetched once, mended without loss, told of once."""

import os
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, make_url, text

from models.api import PullState
from models.catalog import Product
from models.engine import Outbox
from models.stock import Delivery
from running.build import build_house
from running.commands import cli
from running.sandboxed import sandbox_environment
from settings import ConfigError, load
from settings.schema import Connector
from tests.api_kit import all_of, count_of
from tests.conftest import PG, postgres_database
from tests.test_pages_store import at_desk
from tests.webapp import open_shop
from tests.world import ROOT, World
from workflows.api_keys import ApiScope, create_key
from workflows.connector_folder import waiting
from workflows.connector_marks import Mark, read_mark, write_mark
from workflows.connector_sql import PullFailed, pull
from workflows.connector_trial import try_connector
from workflows.connectors import forget_mark, run_connector
from workflows.schedule import pull_jobs, run_due

HEAD = "门店编码,商品编码,发货日期,瓶数,单号,行号\n"
GOOD = HEAD + "S01,P1,2026-09-01,6,CK1,1\nS02,P1,2026-09-01,12,CK1,2\n"
BAD = HEAD + "S01,P1,2026-09-01,6,CK1,1\nS99,P1,2026-09-01,12,CK1,2\n"
COLUMNS = {
    "store": "CUST NO",
    "product": "ITEM",
    "delivered_on": "BILL_DATE",
    "bottles": "QTY",
    "document": "BILL",
    "line": "LINE",
}
VIEW = """CREATE VIEW "v_出货" AS SELECT cust AS "CUST NO", item AS "ITEM", day AS "BILL_DATE", qty AS "QTY", bill AS "BILL",
line AS "LINE", moved AS "MOVED_AT", 'x' AS "数量" FROM sale"""


def later(seconds: float = 60) -> datetime:
    """A present in which the files of this test have been quiet for a while."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def dropping(folder: Path, **changes) -> Connector:
    return Connector(name="drop", kind="deliveries", folder=f"{folder}/*.csv", **changes)


def run(world: World, connector: Connector, now: datetime | None = None):
    return run_connector(world.database, world.house, connector, now or later())


def state(world: World, name: str = "drop") -> PullState:
    return next(row for row in all_of(world, PullState) if row.name == name)


def letters(world: World) -> list[str]:
    return [row.message["body"] for row in all_of(world, Outbox) if row.key.startswith("connector:")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


def test_a_dropped_file_is_taken_once_and_put_away(world, folder):
    (folder / "出货.csv").write_text(GOOD, encoding="utf-8")
    first, again = run(world, dropping(folder)), run(world, dropping(folder))

    assert (first.accepted, first.troubles, again.sources) == (2, [], [])
    assert [path.name[16:] for path in (folder / "done").iterdir()] == ["出货.csv"]
    assert count_of(world, Delivery) == 2
    assert (state(world).accepted, state(world).error, state(world).busy_until) == (2, "", None)
    world.proves_itself()


def test_the_same_rows_in_another_file_change_nothing(world, folder):
    (folder / "1.csv").write_text(GOOD, encoding="utf-8")
    run(world, dropping(folder))
    (folder / "2.csv").write_text(GOOD, encoding="utf-8")
    again = run(world, dropping(folder))

    assert (again.accepted, again.unchanged) == (0, 2)
    assert count_of(world, Delivery) == 2


def test_a_crash_between_commit_and_putting_away_repeats_without_harm(world, folder):
    """What a killed worker leaves behind: rows committed, the file still there, the claim still standing."""
    path = folder / "1.csv"
    path.write_text(GOOD, encoding="utf-8")
    run(world, dropping(folder))
    next((folder / "done").iterdir()).rename(path)
    with world.database.write() as session:
        session.get_one(PullState, "drop").busy_until = later() + timedelta(minutes=20)
    assert run(world, dropping(folder)).busy
    assert path.exists()
    after = run(world, dropping(folder), later(60 * 60))

    assert (after.accepted, after.unchanged) == (0, 2)
    assert not path.exists()
    assert count_of(world, Delivery) == 2


def test_files_somebody_still_writes_are_left_alone(folder):
    for name in ("a.csv", "b.csv.part", ".c.csv", "~$d.csv", "e.csv.tmp", "f.txt"):
        (folder / name).write_text(GOOD, encoding="utf-8")
    (folder / "g.csv").symlink_to(folder / "a.csv")
    (folder / "h.csv").mkdir()
    fresh = waiting(f"{folder}/*", later(0), 30)
    old = waiting(f"{folder}/*", later(60), 30)

    assert (fresh.ready, fresh.unfinished) == ((), 2)
    assert sorted(path.name for path in old.ready) == ["a.csv", "f.txt"]
    assert waiting(str(folder), later(60), 30) == old


def test_a_copy_that_keeps_its_old_time_is_not_taken_while_it_grows(folder):
    path = folder / "a.csv"
    path.write_text(GOOD, encoding="utf-8")
    os.utime(path, (time.time() - 3_600, time.time() - 3_600))

    assert waiting(f"{folder}/*.csv", later(0), 30).ready == ()


def test_a_wrong_file_is_put_aside_with_its_cells_marked_and_told_once(world, folder):
    (folder / "1.csv").write_text("nonsense\n1\n", encoding="utf-8")
    first = run(world, dropping(folder))
    again = run(world, dropping(folder))

    assert len(first.troubles) == 1
    assert (again.troubles, state(world).error) == ([], "")
    assert [path.name[16:] for path in (folder / "failed").iterdir()] == ["1.csv"]
    assert len(letters(world)) == 1  # the boss; the world has no finance
    assert "数据对接“drop”出了问题：1.csv：" in letters(world)[0]


def test_a_file_with_a_wrong_row_is_put_aside_whole(world, folder):
    (folder / "1.csv").write_text(BAD, encoding="utf-8")
    done = run(world, dropping(folder))

    assert (done.accepted, done.rejected) == (0, 1)
    assert "没有这家门店" in done.troubles[0]
    assert sorted(path.name[16:] for path in (folder / "failed").iterdir()) == ["1-错误.xlsx", "1.csv"]
    assert count_of(world, Delivery) == 0
    (folder / "mended.csv").write_text(BAD.replace("S99", "S02"), encoding="utf-8")
    assert run(world, dropping(folder)).accepted == 2


def test_a_lasting_trouble_is_told_once_and_again_after_it_was_mended(world, folder):
    connector = dropping(folder)
    folder.rmdir()
    for hour in range(5):
        run(world, connector, later(hour * 3_600))
    assert len(letters(world)) == 1
    since = state(world).error_since or later(0)
    folder.mkdir()
    run(world, connector, later(6 * 3_600))
    assert (state(world).error, state(world).error_since) == ("", None)
    folder.rmdir()
    run(world, connector, later(7 * 3_600))

    assert len(letters(world)) == 2
    assert (state(world).error_since or since) > since


def test_columns_of_their_own_names_are_mapped_and_only_those_are_read(world, folder):
    text_of = "数量,CUST NO,ITEM,BILL_DATE,QTY,BILL,LINE\n999,S01,P1,2026/9/1,6,CK7,1\n"
    (folder / "1.csv").write_text(text_of, encoding="utf-8")
    done = run(world, dropping(folder, columns=COLUMNS))

    assert (done.accepted, done.troubles) == (1, [])
    assert all_of(world, Delivery)[0].bottles == 6


def test_errors_of_mapped_columns_speak_of_their_headers(world, folder):
    (folder / "1.csv").write_text("CUST NO,ITEM,BILL_DATE,QTY,BILL,LINE\nS01,P1,昨天,6,CK7,1\n", encoding="utf-8")

    assert "第 2 行“BILL_DATE”（写的是 昨天）" in run(world, dropping(folder, columns=COLUMNS)).troubles[0]


def test_a_trial_run_writes_moves_and_remembers_nothing(world, folder):
    (folder / "1.csv").write_text(BAD, encoding="utf-8")
    tried = try_connector(world.database, world.house, dropping(folder), later())

    assert (tried.sources, tried.accepted, tried.rejected) == (["1.csv"], 0, 1)
    (folder / "1.csv").write_text(GOOD, encoding="utf-8")
    assert try_connector(world.database, world.house, dropping(folder), later()).accepted == 2
    assert (count_of(world, Delivery), count_of(world, PullState)) == (0, 0)
    assert (folder / "1.csv").exists()


# Views


@contextmanager
def erp(kind: str, folder: Path):
    """An ERP's database with a table of sales and a view with Chinese names; gives its URL and a writer."""
    if kind == "sqlite":
        url = f"sqlite:///{folder}/erp.db"
        sqlite3.connect(folder / "erp.db").close()
        with _opened(url) as engine:
            yield url, engine
        return
    if not PG:
        pytest.skip("no PostgreSQL server")
    with postgres_database() as url, _opened(url) as engine:
        yield url, engine


@contextmanager
def _opened(url: str):
    engine = create_engine(url)
    moment = "timestamp" if make_url(url).get_backend_name() == "postgresql" else "text"
    table = f"CREATE TABLE sale (id integer primary key, cust text, item text, day date, qty numeric, bill text, line integer, moved {moment})"
    with engine.begin() as connection:
        connection.execute(text(table))
        connection.execute(text(VIEW))
    yield engine
    engine.dispose()


def sell(engine, number: int, *, store: str = "S01", qty: object = 6, moved: str = "2026-09-01 10:00:00") -> None:
    row = {"id": number, "cust": store, "qty": qty, "bill": f"XS{number}", "moved": moved}
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO sale VALUES (:id, :cust, 'P1', '2026-09-01', :qty, :bill, 1, :moved)"), row
        )


def viewing(url: str, **changes) -> Connector:
    asked = {"view": "v_出货", "columns": COLUMNS, "watermark": "MOVED_AT", **changes}
    return Connector(name="drop", kind="deliveries", url=url, **asked)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def shop_floor(request, tmp_path):
    with erp(request.param, tmp_path) as found:
        yield found


def test_a_view_is_read_from_its_mark_on(world, shop_floor):
    url, engine = shop_floor
    sell(engine, 1)
    first = run(world, viewing(url))
    sell(engine, 2, moved="2026-09-01 12:00:00")
    second = run(world, viewing(url, overlap_minutes=0))

    assert (first.accepted, first.troubles) == (1, [])
    assert (second.accepted, second.unchanged) == (1, 1)  # the row at the mark itself is read again
    assert {row.key: row.bottles for row in all_of(world, Delivery)} == {"doc:XS1:1": 6, "doc:XS2:1": 6}
    assert "12:00:00" in state(world).watermark


def test_a_row_committed_late_with_an_older_moment_is_found_by_the_overlap(world, shop_floor):
    url, engine = shop_floor
    if url.startswith("sqlite"):
        pytest.skip("moments are text there")
    sell(engine, 1, moved="2026-09-01 12:00:00")
    run(world, viewing(url))
    sell(engine, 2, moved="2026-09-01 11:30:00")

    assert run(world, viewing(url)).accepted == 1


def test_a_crash_after_the_rows_and_before_the_mark_reads_them_again(world, shop_floor):
    url, engine = shop_floor
    sell(engine, 1)
    run(world, viewing(url))
    with world.database.write() as session:
        session.get_one(PullState, "drop").watermark = ""
    again = run(world, viewing(url))

    assert (again.accepted, again.unchanged) == (0, 1)
    assert count_of(world, Delivery) == 1


def test_a_refused_row_waits_at_the_mark_until_it_is_mended(world, shop_floor):
    url, engine = shop_floor
    sell(engine, 1, store="S77")
    sell(engine, 2, moved="2026-09-03 12:00:00")
    runs = [run(world, viewing(url, overlap_minutes=0)) for _ in range(3)]
    assert [(one.accepted, one.rejected) for one in runs] == [(1, 1), (0, 1), (0, 1)]
    assert state(world).watermark == ""
    assert len(letters(world)) == 1
    with engine.begin() as connection:
        connection.execute(text("UPDATE sale SET cust = 'S02' WHERE id = 1"))
    mended = run(world, viewing(url, overlap_minutes=0))

    assert (mended.accepted, mended.rejected) == (1, 0)
    assert "2026-09-03" in state(world).watermark


def test_without_columns_their_headers_are_understood(world, shop_floor):
    url, engine = shop_floor
    sell(engine, 1)
    with engine.begin() as connection:
        connection.execute(
            text(
                'CREATE VIEW v2 AS SELECT cust AS "客户编码", item AS "存货编码", day AS "单据日期", qty AS "数量", '
                'bill AS "单据编号", line AS "分录号" FROM sale'
            )
        )
    done = run(world, viewing(url, view="v2", columns={}, watermark=""))

    assert (done.accepted, done.troubles) == (1, [])


def test_a_large_view_is_read_in_pieces_and_a_mark_that_stands_still_is_refused(tmp_path):
    with erp("sqlite", tmp_path) as (url, engine):
        for number in range(1, 8):
            sell(engine, number, moved=f"2026-09-0{number}")
        connector, out, mark, seen = viewing(url), tmp_path / "out.csv", "", []
        more = True
        while more:
            pulled = pull(connector, mark, out, most_rows=3)
            mark, more = pulled.mark, pulled.more
            seen.append(pulled.rows)
        with engine.begin() as connection:
            connection.execute(text("UPDATE sale SET moved = '2026-09-09'"))

        assert seen == [4, 4, 1]  # the row at a mark comes again
        stuck = pull(connector, mark, out, most_rows=3)
        with pytest.raises(PullFailed, match="watermark 没有前进"):
            pull(connector, stuck.mark, out, most_rows=3)
        with pytest.raises(PullFailed, match="watermark 没有前进"):
            pull(viewing(url, watermark=""), "", out, most_rows=3)


def test_two_workers_at_once_fetch_once(postgres_url, tmp_path, folder):
    world = World(tmp_path, postgres_url)
    (folder / "1.csv").write_text(GOOD, encoding="utf-8")
    start, runs = Barrier(4), []

    def work() -> None:
        start.wait()
        runs.append(run(world, dropping(folder)))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.database.close()

    assert sum(one.accepted for one in runs) == 2
    assert [one.troubles for one in runs] == [[]] * 4


@pytest.mark.parametrize(
    "view",
    [
        'v"; DROP TABLE sale; --',
        "v; DROP TABLE sale",
        "v' OR 1=1",
        "a.b.c.d",
        "",
        "v\x00",
        "(SELECT 1)",
        "sale--",
        "x" * 200,
    ],
)
def test_a_view_name_is_never_sql(tmp_path, view):
    with erp("sqlite", tmp_path) as (url, engine):
        sell(engine, 1)
        with pytest.raises(PullFailed):
            pull(viewing(url, view=view or "."), "", tmp_path / "out.csv")
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM sale")).scalar() == 1


@pytest.mark.parametrize("name", ['QTY" FROM sale; --', "QTY, BILL", "1", "", "a\nb"])
def test_a_column_name_is_never_sql(tmp_path, name):
    with erp("sqlite", tmp_path) as (url, _), pytest.raises(PullFailed):
        pull(viewing(url, columns={**COLUMNS, "bottles": name}), "", tmp_path / "out.csv")


def test_a_view_that_writes_is_stopped(tmp_path):
    """PostgreSQL views can call functions; the transaction is read-only all the same."""
    with erp("postgresql", tmp_path) as (url, engine):
        sell(engine, 1)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE FUNCTION steal() RETURNS int LANGUAGE sql AS 'INSERT INTO sale(id) VALUES (99) RETURNING 1'"
                )
            )
            connection.execute(text('CREATE VIEW evil AS SELECT steal() AS "QTY"'))
        with pytest.raises(PullFailed, match="read-only"):
            pull(viewing(url, view="evil", columns={"bottles": "QTY"}, watermark=""), "", tmp_path / "out.csv")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_endless_view_is_given_up(tmp_path, kind):
    endless = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) AS QTY FROM n",
        "postgresql": 'SELECT pg_sleep(60)::text AS "QTY"',
    }
    with erp(kind, tmp_path) as (url, engine):
        with engine.begin() as connection:
            connection.execute(text(f"CREATE VIEW slow AS {endless[kind]}"))
        began = time.monotonic()
        connector = viewing(url, view="slow", columns={"bottles": "QTY"}, watermark="", timeout_seconds=1)
        with pytest.raises(PullFailed):
            pull(connector, "", tmp_path / "out.csv")

        assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "url 的写法不对"),
        ("unset", "url 的写法不对"),
        ("sqlite:////nowhere/at/all.db", "不存在"),
        ("oracle+oracledb://u:geheim@h/x", "驱动"),
        ("mssql+pyodbc://u:geheim@h/x", "驱动"),
        ("nosuch://u:geheim@h/x", "不认识"),
        ("postgresql+psycopg://u:geheim@127.0.0.1:1/x", "没有给出数据"),
    ],
)
def test_a_database_that_cannot_be_reached_is_a_sentence_without_its_password(tmp_path, url, said):
    with pytest.raises(PullFailed, match=said) as failed:
        pull(viewing(url), "", tmp_path / "out.csv")

    assert "geheim" not in str(failed.value)


def test_a_failing_database_is_told_once(world, tmp_path):
    for hour in range(3):
        run(world, viewing("sqlite:////nowhere/at/all.db"), later(hour * 3_600))

    assert len(letters(world)) == 1
    assert state(world).error == "url 里的 SQLite 文件不存在。"


@pytest.mark.parametrize(
    "value",
    [
        7,
        7.5,
        "2026-09-01 10:00:00",
        datetime.fromisoformat("2026-09-01T10:00:05.000120"),
        datetime(2026, 9, 1, tzinfo=UTC),
        b"\x00\xff",
    ],
)
def test_a_mark_comes_back_as_it_was(value):
    assert read_mark(write_mark(Mark(value)), timedelta(0)) == value


def test_a_mark_never_goes_back(tmp_path):
    with erp("sqlite", tmp_path) as (url, engine):
        sell(engine, 1, moved="2026-09-01 10:00:00")
        mark = "v_出货 MOVED_AT text:2026-09-05 10:00:00"

        assert pull(viewing(url), mark, tmp_path / "out.csv").mark == mark


def test_a_mark_of_another_column_means_nothing(world, shop_floor):
    """A text of the old column would compare somehow with the new one, and rows would be passed over in silence."""
    url, engine = shop_floor
    sell(engine, 1)
    run(world, viewing(url, watermark="LINE"))
    assert state(world).watermark == "v_出货 LINE int:1"
    sell(engine, 2)

    assert run(world, viewing(url, overlap_minutes=0)).accepted == 1


def test_a_view_is_read_again_from_its_beginning_when_asked(world, shop_floor):
    url, engine = shop_floor
    sell(engine, 1)
    sell(engine, 2, moved="2026-09-05 10:00:00")
    run(world, viewing(url, overlap_minutes=0))
    assert run(world, viewing(url, overlap_minutes=0)).unchanged == 1
    with world.database.write() as session:
        forget_mark(session, "drop")

    assert run(world, viewing(url, overlap_minutes=0)).unchanged == 2


# Schedule, settings, desk, command line


def test_a_connector_runs_when_its_slot_comes_and_only_then(world, folder):
    (folder / "1.csv").write_text(GOOD, encoding="utf-8")
    house = replace(world.house, connectors=(dropping(folder, every_minutes=15),))
    noon = later().replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    ran = [run_due(world.database, house, pull_jobs(house), noon + timedelta(minutes=m)) for m in (0, 5, 14, 15, 16)]

    assert ran == [["connector:drop"], [], [], ["connector:drop"], []]
    assert count_of(world, Delivery) == 2


def test_a_daily_connector_runs_once_a_day_late_after_an_outage(world, folder):
    house = replace(world.house, connectors=(dropping(folder, at="06:40"),))
    day = datetime(2026, 12, 1, 22, 45, tzinfo=UTC)  # 06:45 in China
    ran = [run_due(world.database, house, pull_jobs(house), day + timedelta(hours=h)) for h in (0, 1, 12, 23.8, 24, 60)]

    assert [bool(names) for names in ran] == [True, False, False, False, True, True]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "nonsense"}, "connectors.0.kind: must be one of"),
        ({"columns": {"nonsense": "X"}}, "connectors.0.columns.nonsense: is no column"),
        ({"columns": {"store": "A", "product": "A", "delivered_on": "C", "bottles": "D"}}, "may be named once"),
        ({"columns": {"store": "A"}}, "connectors.0.columns.product: is needed"),
    ],
)
def test_a_connector_that_cannot_work_is_named_at_the_start(tmp_path, given, said):
    environ = sandbox_environment("http://127.0.0.1:8000", ["城东"]) | {"JIUHUI_FILES": str(tmp_path)}
    settings = load(ROOT / "config.yaml", environ)
    asked = {"name": "a", "kind": "deliveries", "folder": "/x/*.csv", **given}
    wrong = settings.model_copy(update={"connectors": [Connector(**asked)]})
    with pytest.raises(ConfigError, match=said):
        build_house(wrong)


@pytest.mark.parametrize(
    "given",
    [
        "{name: a, kind: deliveries}",
        "{name: a, kind: deliveries, folder: x, url: y, view: v}",
        "{name: a, kind: deliveries, url: y}",
        "{name: a, kind: deliveries, folder: x, watermark: v}",
        "{name: 'a b', kind: deliveries, folder: x}",
        "{name: a, kind: deliveries, folder: x, at: noon}",
        "{name: a, kind: deliveries, folder: x, nonsense: 1}",
    ],
)
def test_a_connector_without_sense_is_refused_with_its_place(given):
    environ = sandbox_environment("http://127.0.0.1:8000", ["城东"]) | {"JIUHUI_CONNECTORS": f"[{given}]"}
    with pytest.raises(ConfigError, match=r"connectors\.0"):
        load(ROOT / "config.yaml", environ)


def test_the_desk_shows_connectors_and_keys_to_boss_and_finance_only(tmp_path):
    shop = open_shop(tmp_path)
    secret = "postgresql+psycopg://u:geheim@127.0.0.1:1/x"
    shop.services.house = replace(shop.services.house, connectors=(viewing(secret), dropping(tmp_path, at="06:40")))
    with shop.services.database.write() as session:
        create_key(session, "用友", [ApiScope.STORES_WRITE], shop.clock())
    run_connector(shop.services.database, shop.services.house, viewing(secret), shop.clock())
    page = at_desk(shop, "boss").opens("/desk/connectors/")

    assert "视图 v_出货" in page
    assert "对方数据库没有给出数据" in page
    assert "每天 06:40" in page
    assert "用友" in page
    assert "geheim" not in page
    assert at_desk(shop, "rep").client.get("/desk/connectors/").status_code == 403
    assert shop.phone().client.get("/desk/connectors/").status_code == 401


def test_connectors_are_listed_tried_and_run_on_the_command_line(tmp_path, folder, monkeypatch):
    (folder / "1.csv").write_text("商品编码,商品名称,箱规\nA1,青岚,6\n", encoding="utf-8")
    os.utime(folder / "1.csv", (1, 1))
    given = f"[{{name: goods, kind: products, folder: '{folder}/*.csv', quiet_seconds: 1}}]"
    monkeypatch.setenv("JIUHUI_CONNECTORS", given)
    monkeypatch.setenv("JIUHUI_DATABASE__URL", f"sqlite:///{tmp_path}/x.db")
    monkeypatch.setenv("JIUHUI_FILES", str(tmp_path))
    time.sleep(1.1)

    def says(*words: str) -> str:
        done = CliRunner().invoke(cli, ["connectors", *words])
        assert done.exit_code in {0, 2}, done.output
        return done.output

    assert "goods: products from" in says("list")
    assert "DRY RUN, nothing written: goods: 1 sources, 1 accepted" in says("run", "goods", "--dry-run")
    assert "goods: 1 sources, 1 accepted, 0 unchanged, 0 rejected" in says("run", "--all")
    assert "last run" in says("list")
    assert "0 sources" in says("run", "goods", "--from-start")
    assert "no connector has this name" in CliRunner().invoke(cli, ["connectors", "run", "nobody"]).output


def test_a_refused_row_of_master_data_in_a_view_is_left_out(world, tmp_path):
    with erp("sqlite", tmp_path) as (url, engine):
        with engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE VIEW goods AS SELECT 'A1' AS 商品编码, '好' AS 商品名称, 6 AS 箱规, NULL AS 保质月数 "
                    "UNION ALL SELECT 'A2', '坏', 6, 12"
                )
            )
        connector = Connector(name="drop", kind="products", url=url, view="goods")
        done = run(world, connector)

    assert (done.accepted, done.rejected) == (1, 1)
    assert {row.code for row in all_of(world, Product)} == {"P1", "P2", "A1"}
