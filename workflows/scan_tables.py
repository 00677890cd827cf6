"""The temporary tables of one scan. They live in its transaction and are gone with it.

Rules are numbers in them and thresholds are codes: `code` is eight times a row of thresholds, plus the
level. Level 0 means past the point where a warning clears, but below level 1: it keeps an old warning
alive and makes no new one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    text,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from rules.warning_rules import Grain, Rule, Ruleset

CODES_IN_ROW = 8  # a row of thresholds has at most six levels
_META = MetaData()


def _key(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, _META, *columns, prefixes=["TEMPORARY"], sqlite_with_rowid=False)


#: The rules. `quiet_from`: what was resolved since then comes back as the same episode. `pending_until`: what is
#: watched since then fires. `fresh_from`: older inputs are stale. `opens`: something new may fire this month.
rule_row = _table(
    "scan_rule",
    _key("no"),
    Column("name", String(64)),
    Column("version", String(16)),
    Column("metric", String(32)),
    Column("grain", String(16)),
    Column("pending_days", Integer),
    Column("pending_until", Date),
    Column("quiet_from", Date),
    Column("fresh_from", Date),
    Column("opens", Boolean),
)
#: Thousandths of the metric's unit behind a code; of level 0 those of level 1.
level_row = _table("scan_level", _key("code"), Column("threshold", Integer))
#: What a store holds of a product in all, with what is known of its sales.
shelf = _table(
    "scan_shelf",
    _key("store_id"),
    _key("product_id"),
    Column("bottles", Integer),
    Column("received_on", Date),
    Column("as_of", Date),
    Column("known_on", Date),
    Column("source", String(32)),
    Column("months", Integer),
    Column("monthly", Integer),
    Column("first_arrived_on", Date),
    Column("last_sale_on", Date),
    Column("unsold", Integer),
    Column("share", Integer),
    Column("peer_share", Integer),
    Column("peers", Integer),
)
#: Stores of one region and channel, by the first of them.
circle = _table("scan_circle", _key("store_id"), Column("first_id", Integer))
#: What such a circle received and sold of a product in the window.
peer = _table(
    "scan_peer",
    _key("product_id"),
    _key("first_id"),
    Column("received", Integer),
    Column("sold", Integer),
    Column("stores", Integer),
)
#: A store as a whole, beside the stores of its tier and region. Covers in thousandths of a month.
whole_store = _table(
    "scan_store",
    _key("store_id"),
    Column("bottles", Integer),
    Column("received_on", Date),
    Column("as_of", Date),
    Column("source", String(32)),
    Column("monthly", BigInteger),
    Column("loss", BigInteger),
    Column("cover", BigInteger),
    Column("median", BigInteger),
    Column("mad", BigInteger),
    Column("z_milli", BigInteger),
    Column("peers", Integer),
)
#: Last day of life and thousandths of a month left, by production day and months of life.
life = _table(
    "scan_life",
    Column("production_date", Date, primary_key=True),
    _key("months"),
    Column("last_day", Date),
    Column("left_milli", Integer),
)
#: `value` is empty where it passes with the days: then it counts from `counted_from`.
hit = _table(
    "scan_hit",
    _key("rule_no"),
    _key("store_id"),
    _key("product_id"),
    _key("lot_id"),
    Column("code", Integer),
    Column("bottles", Integer),
    Column("value", BigInteger),
    Column("counted_from", Date),
    Column("loss", BigInteger),
    Column("received_on", Date),
    Column("as_of", Date),
    Column("source", String(32)),
    Column("stale", Boolean),
)
#: What becomes of a warning. `event` is empty where only figures are written anew.
step = _table(
    "scan_step",
    _key("warning_id"),
    Column("version", Integer),
    Column("rule", String(64)),
    Column("rule_no", Integer),
    Column("store_id", Integer),
    Column("product_id", Integer),
    Column("lot_id", Integer),
    Column("event", String(16)),
    Column("from_state", String(16)),
    Column("to_state", String(16)),
    Column("level", Integer),
    Column("cause", String(32)),
)
#: Hits that have no open warning, with what they will be numbered; `waits`: they are only watched for now.
newcomer = _table(
    "scan_newcomer",
    _key("rule_no"),
    _key("store_id"),
    _key("product_id"),
    _key("lot_id"),
    Column("episode", Integer),
    Column("waits", Boolean),
    Column("number", Integer),
    Column("inhibited_by", String(64)),
)
#: Stores and products in which somebody else may have the word now.
pair = _table("scan_pair", _key("store_id"), _key("product_id"))

#: Looked up by hashing on PostgreSQL, where an index would cost more than it saves.
_LARGE = (shelf, hit, newcomer)


@dataclass(frozen=True)
class Numbered:
    """A rule with its number in this scan, and the first of its codes."""

    no: int
    rule: Rule
    first_code: int

    def code(self, row: int, level: int) -> int:
        """What stands for a level of one of its rows of thresholds."""
        return self.first_code + row * CODES_IN_ROW + level


def numbered(ruleset: Ruleset) -> list[Numbered]:
    """The rules in the order of the file, with numbers and codes."""
    found: list[Numbered] = []
    first = 0
    for no, rule in enumerate(ruleset.rules):
        found.append(Numbered(no, rule, first))
        first += len(rule.thresholds) * CODES_IN_ROW
    return found


def of_grain(rules: list[Numbered], grain: Grain) -> list[Numbered]:
    """Those measured for lots, products or whole stores."""
    return [one for one in rules if one.rule.metric.facts.grain is grain]


def level_of(code: ColumnElement[int] | Column[int]) -> ColumnElement[int]:
    """The level behind a code."""
    return code % CODES_IN_ROW


@contextmanager
def temporary_tables(session: Session, rules: list[Numbered], today: date) -> Iterator[None]:
    """Make the tables, with the rules in them, and take them away again."""
    connection = session.connection()
    for table in _META.sorted_tables:
        _made_for(connection, table).create(connection, checkfirst=False)
    _write_rules(session, rules, today)
    yield
    for table in _META.sorted_tables:
        table.drop(connection, checkfirst=False)


def count_rows(session: Session, table: Table) -> None:
    """Let PostgreSQL know how much was just put into the table; nobody counts a temporary one by itself."""
    measure(session, f"{table.name} ({', '.join(column.name for column in table.primary_key)})")


def measure(session: Session, what: str) -> None:
    """Let PostgreSQL look at a table, or some columns of it. SQLite plans by its indexes."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {what}"))


@contextmanager
def by_hashing(session: Session) -> Iterator[None]:
    """Let PostgreSQL look hundreds of thousands up by hashing; it would rather sort them, which takes twice as long."""
    connection = session.connection()
    chooses = connection.dialect.name == "postgresql"
    if chooses:
        connection.execute(text("SET LOCAL enable_mergejoin = off"))
    yield
    if chooses:
        connection.execute(text("SET LOCAL enable_mergejoin = on"))


def _made_for(connection: Connection, table: Table) -> Table:
    if connection.dialect.name != "postgresql" or table not in _LARGE:
        return table
    columns: list[Column[Any]] = [Column(column.name, column.type) for column in table.columns]
    return Table(table.name, MetaData(), *columns, prefixes=["TEMPORARY"])


def _write_rules(session: Session, rules: list[Numbered], today: date) -> None:
    if not rules:
        return
    session.execute(
        insert(rule_row),
        [
            {
                "no": one.no,
                "name": one.rule.name,
                "version": one.rule.version,
                "metric": one.rule.metric.value,
                "grain": one.rule.metric.facts.grain.value,
                "pending_days": one.rule.pending_days,
                "pending_until": today - timedelta(days=one.rule.pending_days),
                "quiet_from": today - timedelta(days=one.rule.quiet_days),
                "fresh_from": today - timedelta(days=one.rule.fresh_days),
                "opens": today.month not in one.rule.leave_out_months,
            }
            for one in rules
        ],
    )
    session.execute(
        insert(level_row),
        [
            {"code": one.code(place, level), "threshold": row.levels[max(level, 1) - 1]}
            for one in rules
            for place, row in enumerate(one.rule.thresholds)
            for level in range(len(row.levels) + 1)
        ],
    )
    measure(session, rule_row.name)
