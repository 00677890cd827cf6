"""What the figures rest on: deliveries and counts up to that day, our own experience, other stores, the queue of lots."""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from models.catalog import Lot
from models.stock import ChannelStock, Delivery, Observation, SellOut
from models.warning import StockWarning
from rules.warning_rules import Grain, Metric
from texts.render import Texts
from workflows.explain_inputs import source_words
from workflows.figures import Figures

DELIVERIES = 5
COUNTS = 3
LOTS = 8
UNSOLD = (Metric.EXPECTED_UNSOLD, Metric.EXPECTED_LOSS)
Lines = Iterator[str]


def sales_sources(
    session: Session, texts: Texts, warning: StockWarning, figures: Figures, metric: Metric | None
) -> Lines:
    """The last deliveries, counts and sales the rate was worked out from."""
    if not warning.product_id or (metric is not None and not metric.facts.by_sales):
        return
    until = figures.day("day") or warning.seen_on
    deliveries = _deliveries(session, warning, until)
    said = "，".join(f"{day:%Y-%m-%d} 到货 {bottles} 瓶" for day, bottles in deliveries)
    yield texts.sentence("explain_deliveries", lines=said, count=len(deliveries))
    counts = _counts(session, texts, warning, until)
    yield texts.sentence("explain_counts", lines="，".join(counts), count=len(counts))
    if sold := _sold(session, warning, until):
        yield texts.sentence("explain_sold", lines="，".join(sold))


def experience(texts: Texts, figures: Figures) -> Lines:
    """How often stock with such a past was still there after the horizon, in our own history."""
    cases, slow = figures.positive("cases"), figures.number("slow")
    if cases is not None and slow is not None:
        yield texts.sentence(
            "explain_experience", cases=cases, slow=min(slow, cases), horizon=figures.positive("horizon_days") or 180
        )
    if (chance := figures.number("slow_permille")) is not None:
        yield texts.sentence("explain_chance", percent=f"{chance / 10:.0f}")


def peers(texts: Texts, figures: Figures, metric: Metric | None) -> Lines:
    """The stores it was compared with."""
    number = figures.number("peers")
    if number is None or metric not in {Metric.SELL_THROUGH, Metric.TURNOVER}:
        return
    yield texts.sentence("explain_peers", peers=number, turnover=metric is Metric.TURNOVER)


def flow_of_goods(session: Session, texts: Texts, warning: StockWarning, metric: Metric | None) -> Lines:
    """The lots of the product in the store in the order they are sold, and where this one stands."""
    if not warning.product_id or metric is None or not (metric.facts.grain is Grain.LOT or metric in UNSOLD):
        return
    rows = _lots(session, warning)
    place = next((number for number, row in enumerate(rows) if row[0] == warning.lot_id), None)
    if place is not None:
        ahead = sum(bottles for _, _, bottles, _, _ in rows[:place])
        yield texts.sentence("explain_queue", place=place + 1, lots=len(rows), ahead=ahead)
    if len(rows) > 1 or metric in UNSOLD:
        for _, batch, bottles, received, unsold in rows[:LOTS]:
            left = f"{unsold / 1000:z.1f}" if unsold else ""
            yield texts.sentence("explain_lot", batch=batch, bottles=bottles, received=received, left=left)
    if len(rows) > LOTS:
        yield texts.sentence("explain_more_lots", more=len(rows) - LOTS)


def _lots(session: Session, warning: StockWarning) -> list[tuple[int, str, int, date, int]]:
    # First in, first out; of lots that came together the one made earlier goes first.
    query = (
        select(Lot.id, Lot.batch, ChannelStock.bottles, ChannelStock.received_on, ChannelStock.unsold_millibottles)
        .join(Lot, Lot.id == ChannelStock.lot_id)
        .where(
            ChannelStock.store_id == warning.store_id,
            ChannelStock.product_id == warning.product_id,
            ChannelStock.bottles > 0,
        )
        .order_by(func.coalesce(Lot.production_date, ChannelStock.received_on), ChannelStock.received_on, Lot.id)
    )
    return [(lot, batch, bottles, received, unsold) for lot, batch, bottles, received, unsold in session.execute(query)]


def _deliveries(session: Session, warning: StockWarning, until: date) -> list[tuple[date, int]]:
    query = (
        select(Delivery.delivered_on, cast(func.sum(Delivery.bottles), Integer))
        .where(
            Delivery.store_id == warning.store_id,
            Delivery.product_id == warning.product_id,
            Delivery.delivered_on <= until,
        )
        .group_by(Delivery.delivered_on)
        .order_by(Delivery.delivered_on.desc())
        .limit(DELIVERIES)
    )
    return [(day, bottles) for day, bottles in session.execute(query)]


def _counts(session: Session, texts: Texts, warning: StockWarning, until: date) -> list[str]:
    query = (
        select(Observation.as_of, Observation.source, cast(func.sum(Observation.bottles), Integer))
        .where(
            Observation.store_id == warning.store_id,
            Observation.product_id == warning.product_id,
            Observation.as_of <= until,
        )
        .group_by(Observation.as_of, Observation.source, Observation.recorded_at)
        .order_by(Observation.as_of.desc(), Observation.recorded_at.desc())
        .limit(COUNTS)
    )
    return [
        f"{day:%Y-%m-%d} {source_words(texts, source)} {bottles} 瓶" for day, source, bottles in session.execute(query)
    ]


def _sold(session: Session, warning: StockWarning, until: date) -> list[str]:
    query = (
        select(SellOut.first_day, SellOut.last_day, SellOut.bottles, SellOut.is_lower_bound)
        .where(
            SellOut.store_id == warning.store_id,
            SellOut.product_id == warning.product_id,
            SellOut.last_day <= until,
        )
        .order_by(SellOut.last_day.desc(), SellOut.id.desc())
        .limit(COUNTS)
    )
    return [_span(*row) for row in session.execute(query)]


def _span(first: date, last: date, bottles: int, is_lower_bound: bool) -> str:
    days = f"{first:%Y-%m-%d}" if first == last else f"{first:%Y-%m-%d} 至 {last:%Y-%m-%d}"
    return f"{days} {'至少' if is_lower_bound else ''}卖出 {bottles} 瓶"
