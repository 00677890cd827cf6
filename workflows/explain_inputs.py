"""The inputs of a warning, one line each: value, unit, where it is from, of which day, how old, how sure."""

from collections.abc import Iterator

from models.stock import StockSource
from models.warning import StockWarning
from texts.render import Texts
from workflows.figures import Figures
from workflows.warning_words import stock_words

#: Days that are inputs of their own, in the order they are told.
DAYS = ("received_on", "channel_since", "production_date", "first_arrived_on", "last_arrived_on", "last_sold_on")


def inputs(texts: Texts, warning: StockWarning, figures: Figures) -> Iterator[str]:
    """Every input the scan noted; what is missing and matters is named as missing."""
    yield _stock(texts, warning, figures)
    for name in DAYS:
        if day := figures.day(name):
            label = texts.label("explain_day", name)
            yield texts.sentence("explain_input_day", name=label, day=day, days=figures.days_since(name))
    yield from _life(texts, figures)
    yield from _rate(texts, figures)
    yield from _window(texts, figures)
    if (price := figures.number("price_fen")) is not None:
        yield texts.sentence("explain_input_price", price_fen=price)


def source_words(texts: Texts, source: StockSource | None) -> str:
    """Where something is known from, in words."""
    return texts.label("explain_source", source.value) if source else "来源没有记录"


def _stock(texts: Texts, warning: StockWarning, figures: Figures) -> str:
    return texts.sentence(
        "explain_input_stock",
        stock=stock_words(warning),
        batch=figures.word("batch") if warning.lot_id else "",
        source=source_words(texts, figures.source()),
        as_of=figures.day("as_of"),
        days=figures.days_since("as_of"),
        confidence=figures.confidence(),
    )


def _life(texts: Texts, figures: Figures) -> Iterator[str]:
    months = figures.positive("life_months")
    basis = figures.word("basis")
    # Goods without a basis have no shelf life, whatever stands in the product file.
    if months and basis not in {"", "none"}:
        yield texts.sentence("explain_input_life", months=months, basis=texts.label("expiry_basis", basis))


def _rate(texts: Texts, figures: Figures) -> Iterator[str]:
    monthly = figures.number("monthly_millibottles")
    if monthly is None:
        return
    low, high = figures.number("low_millibottles"), figures.number("high_millibottles")
    interval = f"{low / 1000:z.1f} 至 {high / 1000:z.1f}" if low is not None and high is not None and high > 0 else ""
    yield texts.sentence(
        "explain_input_rate",
        monthly=f"{monthly / 1000:z.1f}",
        interval=interval,
        months=figures.positive("history_months"),
        source=source_words(texts, figures.source("rate_source")) if figures.word("rate_source") else "",
        as_of=figures.day("rate_as_of"),
        days=figures.days_since("rate_as_of"),
        confidence=figures.confidence("rate_source"),
    )


def _window(texts: Texts, figures: Figures) -> Iterator[str]:
    received, sold = figures.number("received_bottles"), figures.number("sold_bottles")
    if received is not None:
        yield texts.sentence("explain_input_window", received=received, sold=sold)
