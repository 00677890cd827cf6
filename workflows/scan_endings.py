"""Why a warning is over, told from what changed; and when it is not over, only nobody looked.

Asked for the few whose condition no longer holds, so each question may be one of its own.
"""

from typing import Any

from sqlalchemy import ScalarSelect, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import ExpiryBasis, Lot, Product, Store
from models.stock import ChannelStock, MoveKind, Observation, Place, PlaceKind, SalesRate, StockMove, StockSource
from models.warning import ResolveCause, StockWarning, WarningState
from rules.warning_rules import Grain, Metric
from workflows.scan_levels import Condition, scope_of
from workflows.scan_tables import Numbered, rule_row, step

W = StockWarning


def settle_endings(session: Session, rules: list[Numbered]) -> None:
    """Give every warning without a hit its cause, or mark it stale when its inputs are too old to tell."""
    cause = _cause(rules)
    decided = (
        select(
            step.c.warning_id,
            case((cause.is_(None), "stale"), else_="resolved").label("event"),
            case((cause.is_(None), step.c.from_state), else_=WarningState.RESOLVED.value).label("to_state"),
            cause.label("cause"),
        )
        .join(W, W.id == step.c.warning_id)
        .join(Store, Store.id == W.store_id)
        .outerjoin(Product, Product.id == W.product_id)
        .outerjoin(rule_row, rule_row.c.no == step.c.rule_no)
        .where(step.c.event == "gone")
        .subquery()
    )
    session.execute(
        update(step)
        .where(step.c.warning_id == decided.c.warning_id)
        .values(event=decided.c.event, to_state=decided.c.to_state, cause=decided.c.cause)
    )


def _cause(rules: list[Numbered]) -> ColumnElement[Any]:
    """The cause, NULL while the inputs are too old. The first that holds counts."""
    goods_left = func.coalesce(_bottles_now(), 0)
    fewer = goods_left < W.bottles
    return case(
        (rule_row.c.no.is_(None), ResolveCause.RULE_CHANGED.value),
        (_out_of_scope(rules), ResolveCause.OUT_OF_SCOPE.value),
        (and_(goods_left > 0, _known_on() < rule_row.c.fresh_from), None),
        (and_(W.rule_version != rule_row.c.version, ~fewer), ResolveCause.RULE_CHANGED.value),
        (and_(fewer, _moved(MoveKind.HAND_OVER, MoveKind.DESTROY)), ResolveCause.RECALLED.value),
        (and_(fewer, _moved(MoveKind.TRANSFER)), ResolveCause.TRANSFERRED.value),
        (and_(fewer, _counted()), ResolveCause.RECOUNTED.value),
        (fewer, ResolveCause.SOLD.value),
        else_=ResolveCause.CLEARED.value,
    )


def _out_of_scope(rules: list[Numbered]) -> Condition:
    """The store closed, or store or product is no longer among what the rule looks at."""
    exempt = [one.no for one in rules if one.rule.metric.facts.exempts_aged]
    by_life = [one.no for one in rules if one.rule.metric is Metric.REMAINING_LIFE]
    outside = [
        and_(rule_row.c.no == one.no, W.rule_version == rule_row.c.version, ~scope_of(one.rule.scope))
        for one in rules
        if one.rule.scope.named
    ]
    return or_(
        Store.active.is_(False),
        and_(rule_row.c.no.in_(exempt), Product.gains_with_age.is_(True)),
        and_(rule_row.c.no.in_(by_life), Product.expiry_basis == ExpiryBasis.NONE),
        *outside,
    )


def _subject() -> Condition:
    """The stock a warning is about: one lot, a product, or the whole store."""
    return and_(
        ChannelStock.store_id == W.store_id,
        ChannelStock.bottles > 0,
        or_(W.product_id == 0, ChannelStock.product_id == W.product_id),
        or_(W.lot_id == 0, ChannelStock.lot_id == W.lot_id),
    )


def _bottles_now() -> ScalarSelect[int]:
    return select(func.sum(ChannelStock.bottles)).where(_subject()).correlate(W).scalar_subquery()


def _known_on() -> ColumnElement[Any]:
    """The day the inputs are of: of a product the older of stock and rate, of a store the last look at it."""
    first, last = func.min(ChannelStock.as_of), func.max(ChannelStock.as_of)
    oldest = select(first).where(_subject()).correlate(W).scalar_subquery()
    newest = select(last).where(_subject()).correlate(W).scalar_subquery()
    rated = (
        select(SalesRate.as_of)
        .where(SalesRate.store_id == W.store_id, SalesRate.product_id == W.product_id, SalesRate.as_of < oldest)
        .correlate(W)
        .scalar_subquery()
    )
    return case(
        (rule_row.c.grain == Grain.STORE.value, newest),
        (rule_row.c.grain == Grain.PRODUCT.value, func.coalesce(rated, oldest)),
        else_=oldest,
    )


def _moved(*kinds: MoveKind) -> Condition:
    """Goods left the shelf that way since the warning was last written."""
    return exists(
        select(StockMove.id)
        .join(Place, Place.id == StockMove.from_place_id)
        .join(Lot, Lot.id == StockMove.lot_id)
        .where(
            Place.kind == PlaceKind.STORE_SHELF,
            Place.ref == W.store_id,
            StockMove.kind.in_(kinds),
            or_(StockMove.happened_on >= W.seen_on, StockMove.recorded_at >= W.seen_on),
            or_(W.product_id == 0, Lot.product_id == W.product_id),
            or_(W.lot_id == 0, StockMove.lot_id == W.lot_id),
        )
        .correlate(W)
    )


def _counted() -> Condition:
    """Somebody looked, and it was less than believed."""
    looked = [StockSource.COUNT, StockSource.VISIT, StockSource.REPORT, StockSource.OPENING]
    return exists(
        select(Observation.id)
        .where(
            Observation.store_id == W.store_id,
            or_(W.product_id == 0, Observation.product_id == W.product_id),
            Observation.source.in_(looked),
            Observation.as_of >= W.seen_on,
        )
        .correlate(W)
    )
