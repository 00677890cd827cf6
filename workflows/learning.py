"""What the house learns from its own past: kept as rows, learnt anew once a month from outcomes known by then."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import structlog
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from models.catalog import Product
from models.stock import Delivery, Experience
from rules.experience import MOST_CASES, Case, Group, Question, Tree, learn
from rules.outlook import HORIZON, History, features, left_after, pace
from workflows.series_stream import known_series
from workflows.trends import Trends, trends_on

log = structlog.get_logger()

AGAIN_AFTER = timedelta(days=28)
SEASONED_AFTER = timedelta(days=365)  # since the first delivery; before, too little has had time to happen
DAYS_BACK = (HORIZON, HORIZON + 30, HORIZON + 60)  # the days whose outcome is looked at


def experience(session: Session) -> Tree:
    """The tree as it was last learnt; an empty one before."""
    return Tree([_group(row) for row in session.scalars(select(Experience).order_by(Experience.segment))])


def learn_if_due(session: Session, as_of: date) -> bool:
    """Learn anew when the last time is four weeks ago; says whether something was learnt."""
    last = session.scalar(select(func.max(Experience.as_of)))
    first = session.scalar(select(func.min(Delivery.delivered_on)))
    young = first is None or as_of - first < SEASONED_AFTER
    if young or (last is not None and last <= as_of < last + AGAIN_AFTER):
        return False
    return learn_now(session, as_of) > 0


def learn_now(session: Session, as_of: date) -> int:
    """Learn from what became of lines half a year ago and more; returns the number of groups."""
    tree = learn(_cases(session, as_of))
    session.execute(delete(Experience))
    if tree.groups:
        session.execute(insert(Experience), [_row(group, as_of) for group in tree.groups])
    log.info("experience_learnt", day=str(as_of), groups=len(tree.groups))
    return len(tree.groups)


def case_sizes(session: Session) -> dict[int, int]:
    """Bottles per case by product id."""
    return {row.id: row.case_size for row in session.execute(select(Product.id, Product.case_size))}


def _cases(session: Session, as_of: date) -> list[Case]:
    days = [as_of - timedelta(days=back) for back in DAYS_BACK]
    trends = trends_on(session, days)
    sizes = case_sizes(session)
    share = _share(trends)
    found: list[Case] = []
    for known in known_series(session, as_of):
        if not _is_drawn(known.series, share):
            continue
        history = known.history(sizes[known.series[1]])
        found += _of_history(history, days, trends, known.series)
    return found


def _of_history(
    history: History, days: Sequence[date], trends: Sequence[Trends], series: tuple[int, int]
) -> Iterator[Case]:
    store, product = series
    for day, then in zip((day.toordinal() for day in days), trends, strict=True):
        if not history.days or history.days[0] > day:
            continue
        now = pace(history, day)
        if round(now.bottles) < 1:
            continue
        row = features(history, day, then.of_product(product), then.of_store(store), now)
        left = min(1.0, left_after(history, day) / round(now.bottles))
        yield Case(row, left > 0, left)


def _share(trends: Sequence[Trends]) -> float:
    """How many of all series may be looked at without having more cases than are needed."""
    series = sum(store.yearly for then in trends for store in then.stores.values())
    return min(1.0, MOST_CASES / max(series, 1))


def _is_drawn(series: tuple[int, int], share: float) -> bool:
    # By a sum of the series' own name, so that the same data always gives the same tree.
    return zlib.crc32(b"%d:%d" % series) < share * 2**32


def _row(group: Group, as_of: date) -> Mapping[str, object]:
    return {
        "segment": group.name,
        "cases": group.cases,
        "slow": group.slow,
        "slow_permille": group.slow_permille,
        "left_permille": group.left_permille,
        "questions": [list(question) for question in group.questions],
        "as_of": as_of,
    }


def _group(row: Experience) -> Group:
    questions = tuple(Question(int(feature), float(value), bool(above)) for feature, value, above in row.questions)
    return Group(row.segment, questions, row.cases, row.slow, row.slow_permille, row.left_permille)
