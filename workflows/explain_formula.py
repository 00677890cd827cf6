"""The formula of each metric with the stored numbers put in; the result is what the scan found, never worked out anew."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from models.warning import StockWarning
from rules.deadlines import expiry_date
from rules.sell_through import DAYS_IN_MONTH
from rules.warning_rules import Metric
from texts.render import Texts
from workflows.figures import Figures
from workflows.warning_words import amount

LONGEST_LIFE = 1_200  # months
LAST_YEAR = 9_000  # of a production day that a life can be added to


@dataclass(frozen=True)
class Measured:
    """The value in thousandths of the metric's unit, and the day it is of."""

    metric: Metric | None
    day: date
    value: int

    @property
    def said(self) -> str:
        """The value as people read it."""
        return amount(self.value, self.metric) if self.metric else ""


Lines = Iterator[str]
Formula = Callable[[Texts, StockWarning, Figures, Measured], Lines]


def formula(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    """How the value came about, one or two lines; for figures of an older kind nothing."""
    if measured.metric is None:
        return
    yield from _FORMULAS[measured.metric](texts, warning, figures, measured)
    if warning.loss_fen and measured.metric is not Metric.EXPECTED_LOSS:
        yield from _worth(texts, warning, figures)


def _worth(texts: Texts, warning: StockWarning, figures: Figures) -> Lines:
    """What the expected loss beside the warning is made of."""
    if not warning.product_id:
        yield texts.sentence("explain_formula_worth_store", loss_fen=warning.loss_fen)
    elif price := figures.positive("price_fen"):
        left = round(warning.loss_fen * 1000 / price)
        everything = left == warning.bottles * 1000 and figures.number("unsold_millibottles") is None
        yield texts.sentence(
            "explain_formula_worth", loss_fen=warning.loss_fen, left=_bottles(left), price_fen=price, all=everything
        )


def _difference(texts: Texts, measured: Measured, start: str, first: date | None) -> str:
    return texts.sentence(
        "explain_formula_days",
        word=measured.metric.facts.word if measured.metric else "",
        start=texts.label("explain_day", start),
        first=first,
        day=measured.day,
        value=measured.said,
    )


def _in_store(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    yield _difference(texts, measured, "received_on", warning.counted_from or figures.day("received_on"))


def _in_channel(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    first = warning.counted_from or figures.day("channel_since") or figures.day("received_on")
    yield _difference(texts, measured, "channel_since", first)
    yield texts.sentence("explain_formula_channel")


def _since_production(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    yield _difference(texts, measured, "production_date", warning.counted_from or figures.day("production_date"))


def _life(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    made, months = figures.day("production_date"), figures.positive("life_months")
    end = warning.counted_from or _last_day(made, months)
    yield texts.sentence(
        "explain_formula_life",
        made=made,
        months=months,
        end=end,
        day=measured.day,
        left=(end - measured.day).days if end else None,
        value=measured.said,
        over=measured.value < 0,
    )


def _last_day(made: date | None, months: int | None) -> date | None:
    sane = made is not None and made.year < LAST_YEAR and months is not None and months <= LONGEST_LIFE
    return expiry_date(made, months) if made and months and sane else None


def _cover(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    monthly = figures.positive("monthly_millibottles")
    if monthly is None:
        first = warning.counted_from or figures.day("received_on")
        yield texts.sentence("explain_formula_no_sales", first=first, day=measured.day, value=measured.said)
        return
    monthly_words = _bottles(monthly)
    yield texts.sentence("explain_formula_cover", bottles=warning.bottles, monthly=monthly_words, value=measured.said)


def _safety(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    monthly = _bottles(figures.positive("monthly_millibottles"))
    yield texts.sentence("explain_formula_safety", bottles=warning.bottles, monthly=monthly, value=measured.said)


def _idle(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    sold = figures.day("last_sold_on")
    arrived = warning.counted_from or figures.day("last_arrived_on") or figures.day("received_on")
    yield _difference(texts, measured, "last_sold_on" if sold else "last_arrived_on", sold or arrived)
    if sold is None:
        yield texts.sentence("explain_formula_never_sold")


def _sell_through(texts: Texts, _warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    received, sold = figures.positive("received_bottles"), figures.number("sold_bottles")
    own = f"{min(sold * 100 / received, 100):z.1f}%" if received and sold is not None else ""
    yield texts.sentence("explain_formula_own", received=received, sold=sold, own=own)
    peer, months = figures.number("peer_permille"), figures.number("history_months")
    yield texts.sentence(
        "explain_formula_shrunk",
        own=own,
        months=months,
        peer=f"{peer / 10:z.1f}%" if peer is not None else "",
        k=figures.number("shrinkage_k"),
        value=measured.said,
    )


def _unsold(texts: Texts, warning: StockWarning, figures: Figures) -> str:
    monthly, horizon = figures.number("monthly_millibottles"), figures.positive("horizon_days")
    known = monthly is not None and horizon is not None
    return texts.sentence(
        "explain_formula_unsold",
        bottles=warning.bottles,
        horizon=horizon,
        selling=f"{monthly / 1000 * horizon / DAYS_IN_MONTH:z.1f}" if monthly is not None and horizon else "",
        monthly=_bottles(monthly) if known else "",
        left=_bottles(figures.number("unsold_millibottles")),
    )


def _expected_unsold(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    yield _unsold(texts, warning, figures)
    yield texts.sentence("explain_formula_value", value=measured.said)


def _expected_loss(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    yield _unsold(texts, warning, figures)
    left, price = _bottles(figures.number("unsold_millibottles")), figures.number("price_fen")
    yield texts.sentence("explain_formula_loss", left=left, price_fen=price, value=measured.said)


def _turnover(texts: Texts, _warning: StockWarning, figures: Figures, measured: Measured) -> Lines:
    own, middle, spread = (_bottles(figures.number(name)) for name in ("cover_milli", "median", "mad"))
    yield texts.sentence("explain_formula_turnover", own=own, middle=middle, spread=spread, value=measured.said)


def _bottles(milli: int | None) -> str:
    """Thousandths with one digit after the point; what would read as nothing gets more of them."""
    if milli is None:
        return ""
    return f"{milli / 1000:z.1f}" if milli == 0 or abs(milli) >= 50 else f"{milli / 1000:z.3f}"


_FORMULAS: Mapping[Metric, Formula] = {
    Metric.AGE_IN_STORE: _in_store,
    Metric.AGE_IN_CHANNEL: _in_channel,
    Metric.AGE_SINCE_PRODUCTION: _since_production,
    Metric.REMAINING_LIFE: _life,
    Metric.MONTHS_OF_COVER: _cover,
    Metric.SAFETY_STOCK: _safety,
    Metric.DAYS_WITHOUT_SALE: _idle,
    Metric.SELL_THROUGH: _sell_through,
    Metric.EXPECTED_UNSOLD: _expected_unsold,
    Metric.EXPECTED_LOSS: _expected_loss,
    Metric.TURNOVER: _turnover,
}
