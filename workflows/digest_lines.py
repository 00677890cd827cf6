"""What may stand in a digest: warnings that wait for somebody, gathered by store and product.

A warning is due when nobody was told of its level yet, when its silence is over, when the scan or a timer made
it speak up again, or when it was told so many working days ago. Goods an open task already asks for are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import Lot, Product, Store
from models.engine import History
from models.people import Role
from models.stock import Reservation
from models.warning import StockWarning, WarningState
from rules.deadlines import expiry_date
from rules.priority import SURE_PERMILLE, Candidate
from rules.warnings import Action, Metric, Ruleset
from workflows.acting import SYSTEM
from workflows.house import House

#: Who hears of a warning whose rule is gone.
LADDER = (Role.SALES_REP, Role.REGIONAL_MANAGER, Role.BOSS)


@dataclass(frozen=True, slots=True)
class Finding:
    """One waiting warning with the words of its store and product. `due`: somebody has to be told of it today."""

    id: int
    version: int
    rule: str
    rule_version: str
    level: int
    bottles: int
    lot_id: int
    value: int
    threshold: int
    loss_fen: int
    stale: bool
    due: bool
    escalated: int
    fired_on: date
    notified_on: date | None
    told_at: datetime | None
    assignee_id: int | None
    figures: dict[str, Any]
    store_id: int
    store_code: str
    store: str
    region: str
    product_id: int
    product_code: str
    product: str
    case_size: int

    @property
    def metric(self) -> Metric | None:
        """What was measured; None when the figures do not say."""
        try:
            return Metric(str(self.figures.get("metric", "")))
        except ValueError:
            return None

    @property
    def expiry(self) -> date | None:
        """The last day of the goods' life; only for warnings of remaining life."""
        produced, life = self.figures.get("production_date"), self.figures.get("life_months")
        if self.metric is not Metric.REMAINING_LIFE or not produced or not life:
            return None
        return expiry_date(date.fromisoformat(produced[:10]), int(life))

    @property
    def as_of(self) -> date | None:
        """The day the stock was last seen or inferred."""
        said = self.figures.get("as_of")
        return date.fromisoformat(str(said)[:10]) if said else None


@dataclass(frozen=True, slots=True)
class Place:
    """A product in a store (or a whole store) with all that is wrong with it; the costliest finding first."""

    findings: tuple[Finding, ...]
    action: Action

    @property
    def first(self) -> Finding:
        """The finding that costs most."""
        return self.findings[0]

    @property
    def key(self) -> tuple[int, int]:
        """Store and product."""
        return self.first.store_id, self.first.product_id

    @property
    def voices(self) -> tuple[Finding, ...]:
        """The findings that count: those on fresh data, or all where nothing is fresh."""
        return tuple(f for f in self.findings if not f.stale) or self.findings

    @property
    def bottles(self) -> int:
        """Bottles concerned: the product as a whole, or the sum of its lots."""
        return _whole_or_lots((f.lot_id, f.bottles) for f in self.voices)

    @property
    def loss_fen(self) -> int:
        """分 that acting is expected to save; two rules about the same bottles save them once."""
        return _whole_or_lots((f.lot_id, f.loss_fen) for f in self.voices)

    @property
    def level(self) -> int:
        """The gravest level."""
        return max(f.level for f in self.voices)

    @property
    def stale(self) -> bool:
        """Whether nothing fresh is known: a count is asked for instead."""
        return all(f.stale for f in self.findings)

    @property
    def due(self) -> bool:
        """Whether somebody has to be told today."""
        return any(f.due for f in self.voices)

    @property
    def deadline(self) -> date | None:
        """The first end of a life among its goods."""
        return min((end for f in self.voices if (end := f.expiry)), default=None)

    @property
    def sure(self) -> bool:
        """Whether its goods have an end, or are likely enough to stay unsold."""
        chance = max(int(f.figures.get("slow_permille") or 0) for f in self.voices)
        return self.deadline is not None or chance >= SURE_PERMILLE

    @property
    def candidate(self) -> Candidate:
        """What its place in the order depends on."""
        first = self.first
        return Candidate(
            (first.store_code, first.product_code),
            first.store_id,
            Action.COUNT if self.stale else self.action,
            self.loss_fen,
            self.level,
            self.bottles,
            self.deadline,
            self.sure,
        )


def _whole_or_lots(amounts: Iterable[tuple[int, int]]) -> int:
    """The largest amount said of the whole, or the sum over lots of the largest said of each."""
    largest: dict[int, int] = {}
    for lot_id, amount in amounts:
        largest[lot_id] = max(largest.get(lot_id, 0), amount)
    return max(largest.pop(0, 0), sum(largest.values()))


def findings(session: Session, house: House, today: date) -> list[Finding]:
    """Every warning that waits for somebody that day: firing, or too old to tell; not silenced, not inhibited."""
    waits = or_(
        StockWarning.state == WarningState.FIRING,
        and_(StockWarning.state == WarningState.PENDING, StockWarning.stale.is_(True)),
    )
    return findings_where(session, house, today, waits, *_speaks(today))


def findings_where(session: Session, house: House, today: date, *where: ColumnElement[bool]) -> list[Finding]:
    """The warnings that meet some conditions, as findings of that day."""
    return [Finding(*row) for row in session.execute(_query(_due(house, today)).where(*where))]


def places(found: Iterable[Finding], ruleset: Ruleset) -> list[Place]:
    """Gather findings by store and product; the costliest decides what is suggested."""
    gathered: dict[tuple[int, int], list[Finding]] = {}
    for finding in sorted(found, key=lambda f: (f.stale, -f.loss_fen, -f.level, f.id)):
        gathered.setdefault((finding.store_id, finding.product_id), []).append(finding)
    actions = {rule.name: rule.action for rule in ruleset.rules}
    return [Place(tuple(same), actions.get(same[0].rule, Action.START_RECALL)) for same in gathered.values()]


def _query(due: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            StockWarning.id,
            StockWarning.version,
            StockWarning.rule,
            StockWarning.rule_version,
            StockWarning.level,
            StockWarning.bottles,
            StockWarning.lot_id,
            StockWarning.value,
            StockWarning.threshold,
            StockWarning.loss_fen,
            StockWarning.stale,
            due.label("due"),
            StockWarning.escalated,
            StockWarning.fired_on,
            StockWarning.notified_on,
            StockWarning.told_at,
            StockWarning.assignee_id,
            StockWarning.figures,
            Store.id,
            Store.code,
            Store.name,
            Store.region,
            StockWarning.product_id,
            func.coalesce(Product.code, ""),
            func.coalesce(Product.name, ""),
            func.coalesce(Product.case_size, 0),
        )
        .join(Store, Store.id == StockWarning.store_id)
        .outerjoin(Product, Product.id == StockWarning.product_id)
    )


def _speaks(today: date) -> tuple[ColumnElement[bool], ...]:
    """Nothing keeps it quiet: no silence, no open recall, no graver warning, no task that asks for its goods."""
    silent = and_(StockWarning.snoozed_until.is_not(None), StockWarning.snoozed_until > today)
    return ~func.coalesce(silent, False), StockWarning.inhibited_by == "", ~_is_asked_for()


def speaking(today: date) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a firing warning may be put before people."""
    fires = (StockWarning.state == WarningState.FIRING, StockWarning.stale.is_(False))
    return (*fires, *_speaks(today))


def _due(house: House, today: date) -> ColumnElement[bool]:
    told_until = house.calendar.add_workdays(today, -house.digest.renotify_workdays)
    news = and_(StockWarning.level > StockWarning.notified_level, StockWarning.level > StockWarning.acked_level)
    silence_over = and_(
        StockWarning.snoozed_until.is_not(None),
        StockWarning.snoozed_until <= today,
        or_(StockWarning.notified_on.is_(None), StockWarning.notified_on < StockWarning.snoozed_until),
    )
    long_ago = func.coalesce(StockWarning.notified_on, StockWarning.fired_on) <= told_until
    # On that very day it was told already; a count asked for that morning does not make it news at noon.
    today_already = and_(StockWarning.notified_on.is_not(None), StockWarning.notified_on >= today)
    spoke = or_(news, silence_over, long_ago, _spoke_up())
    return case((today_already, False), else_=func.coalesce(spoke, False))


def _spoke_up() -> ColumnElement[bool]:
    """The scan or a timer made it fire again since somebody was told."""
    again = select(History.id).where(
        History.flow == "warning",
        History.subject_id == StockWarning.id,
        History.to_state == WarningState.FIRING.value,
        History.entrance == SYSTEM.entrance,
        History.at > StockWarning.told_at,
    )
    return again.exists()


def _is_asked_for() -> ColumnElement[bool]:
    """Whether an open task of the store speaks for the goods of the warning."""
    asked = (
        select(Reservation.id)
        .join(Lot, Lot.id == Reservation.lot_id)
        .where(
            Reservation.store_id == StockWarning.store_id,
            Lot.product_id == StockWarning.product_id,
            or_(StockWarning.lot_id == 0, StockWarning.lot_id == Reservation.lot_id),
            Reservation.bottles > 0,
        )
    )
    return asked.exists()


def days_of_ramp(session: Session, house: House, today: date) -> int:
    """How many days of the first weeks are left, today included; 0 when the house is past them."""
    first = session.scalar(select(func.min(StockWarning.notified_on)))
    end = (first or today) + timedelta(days=house.digest.ramp_days)
    return max((end - today).days, 0)
