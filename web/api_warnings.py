"""GET warnings: what fires where, with the figures, as far as the key may see."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store
from models.rule_text import RuleText
from models.warning import StockWarning
from rules.warning_rules import Metric
from web.api_calls import Call
from web.api_models import ProductRef, StoreRef, WarningOut, WarningsPage, WarningsQuery
from web.api_pages import last_seen, next_cursor, portion
from web.api_problems import ApiProblem, Fault, FieldProblem
from web.services import services
from workflows.api_keys import Caller

#: Words in the names of figures that tell what a store pays.
_PRICES = ("fen", "price", "yuan", "loss")


def warnings(session: Session, call: Call) -> WarningsPage:
    """The warnings asked for, by their number."""
    asked: WarningsQuery = call.query
    query = _asked(_visible(call.caller), asked).order_by(StockWarning.id)
    after = last_seen(call, "warnings", int)
    if after is not None:
        query = query.where(StockWarning.id > after)
    rows, more = portion(session, query, asked.limit)
    cursor = next_cursor(call, "warnings", rows[-1].id) if more else None
    return WarningsPage(as_of=call.now, next_cursor=cursor, items=_told(session, rows, call.caller))


def warning(session: Session, call: Call) -> WarningOut:
    """One warning. Raises ApiProblem 404 for one that is not there or not to be seen."""
    found = session.scalar(_visible(call.caller).where(StockWarning.id == call.path["warning_id"]))
    if found is None:
        raise ApiProblem(Fault.NOT_FOUND, "没有这条预警，或者密钥看不到它。")
    return _told(session, [found], call.caller)[0]


def store_ref(store: Store) -> StoreRef:
    """A store as answers name it."""
    return StoreRef(code=store.code, name=store.name, region=store.region)


def product_ref(product: Product) -> ProductRef:
    """A product as answers name it."""
    return ProductRef(code=product.code, name=product.name, brand=product.brand)


def seen_stores(caller: Caller) -> Select[Any]:
    """The ids of the stores a key sees."""
    query = select(Store.id)
    return query.where(Store.region.in_(caller.regions)) if caller.regions else query


def seen_products(caller: Caller) -> Select[Any]:
    """The ids of the products a key sees."""
    query = select(Product.id)
    return query.where(Product.brand.in_(caller.brands)) if caller.brands else query


def _visible(caller: Caller) -> Select[Any]:
    query = select(StockWarning)
    if caller.regions:
        query = query.where(StockWarning.store_id.in_(seen_stores(caller)))
    # A warning of a whole store speaks of other brands as well: a brand's key does not see it.
    return query.where(StockWarning.product_id.in_(seen_products(caller))) if caller.brands else query


def _asked(query: Select[Any], asked: WarningsQuery) -> Select[Any]:
    if asked.state:
        query = query.where(StockWarning.state.in_(asked.state))
    if asked.rule:
        query = query.where(StockWarning.rule == asked.rule)
    if asked.level:
        query = query.where(StockWarning.level >= asked.level)
    if asked.store:
        query = query.where(StockWarning.store_id.in_(select(Store.id).where(Store.code == asked.store)))
    if asked.product:
        query = query.where(StockWarning.product_id.in_(select(Product.id).where(Product.code == asked.product)))
    if asked.updated_since:
        query = query.where(StockWarning.changed_at >= _moment(asked.updated_since))
    return query


def _moment(given: datetime) -> datetime:
    try:
        if given.tzinfo is not None:
            return given.astimezone(UTC)
    except OverflowError:  # the first and last hours there are
        pass
    why = "要带时区，例如 2026-09-07T09:00:00+08:00"
    problem = FieldProblem(index=None, field="updated_since", code="bad_value", sentence=f"“updated_since”{why}。")
    raise ApiProblem(Fault.INVALID, "查询条件不对。", [problem])


def _told(session: Session, rows: Iterable[StockWarning], caller: Caller) -> list[WarningOut]:
    found = list(rows)
    lots = {row.lot_id for row in found if row.lot_id}
    batches = {lot.id: lot.batch for lot in session.execute(select(Lot.id, Lot.batch).where(Lot.id.in_(lots)))}
    named = select(RuleText.version, RuleText.name, RuleText.title).where(RuleText.name.in_({r.rule for r in found}))
    titles = {(version, name): title for version, name, title in session.execute(named)}
    return [_out(row, batches, titles.get((row.rule_version, row.rule), row.rule), caller) for row in found]


def _out(row: StockWarning, batches: dict[int, str], title: str, caller: Caller) -> WarningOut:
    prices = caller.sees_prices
    measured = prices or row.figures.get("metric") != Metric.EXPECTED_LOSS.value
    return WarningOut(
        id=row.id,
        state=row.state,
        rule=row.rule,
        rule_title=title,
        rule_version=row.rule_version,
        level=row.level,
        episode=row.episode,
        store=store_ref(row.store),
        product=product_ref(row.product) if row.product else None,
        batch=batches.get(row.lot_id),
        bottles=row.bottles,
        value=row.value if measured else None,
        threshold=row.threshold if measured else None,
        loss_fen=row.loss_fen if prices else None,
        figures=row.figures if prices else _without_prices(row.figures),
        stale=row.stale,
        inhibited_by=row.inhibited_by,
        snoozed_until=row.snoozed_until,
        fired_on=row.fired_on,
        seen_on=row.seen_on,
        changed_at=row.changed_at,
        resolved_on=row.resolved_on,
        cause=row.cause,
        explanation_url=f"{services().house.public_url}/w/{row.id}",
    )


def _without_prices(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if not any(word in name for word in _PRICES)}
