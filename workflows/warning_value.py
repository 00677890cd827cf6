"""What a warning's value is on any day: ages grow and lives shrink without the row being written."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.warning import ScanRun, StockWarning, WarningState
from rules.sell_through import DAYS_IN_MONTH
from rules.shelf_life import months_left
from rules.warning_rules import Metric


def value_on(warning: StockWarning, day: date) -> int:
    """Thousandths of the metric's unit on that day, by what was known when the row was written."""
    metric, since = warning.figures.get("metric"), warning.counted_from
    if since is None:
        return warning.value
    if metric == Metric.REMAINING_LIFE:
        return months_left(day, since)
    days = (day - since).days
    return round(days * 1_000 / DAYS_IN_MONTH) if metric == Metric.MONTHS_OF_COVER else days * 1_000


def confirmed_on(session: Session, warning: StockWarning) -> date:
    """The last day the scan found it so: of an open one with fresh inputs the last scan, else when it was written."""
    if warning.state is WarningState.RESOLVED or warning.stale:
        return warning.seen_on
    return max(warning.seen_on, last_scan_day(session) or warning.seen_on)


def last_scan_day(session: Session) -> date | None:
    """The day of the last scan, None before the first."""
    return session.scalar(select(func.max(ScanRun.day)))
