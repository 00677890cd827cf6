"""Chart and Excel table of digests: drawn for a whole morning at once, kept under the house's files.

A person's table shows that person's stores with money; a group's table shows its regions without.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog

from reports.charts import Spec, digest_spec
from reports.fonts import Fonts, ensure_fonts
from reports.vega import ChartError, chart_pngs
from reports.workbooks import DigestRow, digest_workbook
from rules.warnings import Metric, level_word
from workflows import digest_words as words
from workflows.acting import SHANGHAI
from workflows.digest_lines import Finding, Place
from workflows.house import House

log = structlog.get_logger()

IN_CHART = 12
KEPT = timedelta(days=30)
_UNSAFE = re.compile(r"[^\w-]+")


@dataclass(frozen=True)
class Paper:
    """What one digest carries: the places in order, told under a name, with or without money."""

    stem: str
    name: str
    places: Sequence[Place]
    money: bool


@dataclass(frozen=True)
class Written:
    """Where the picture (empty when it could not be drawn) and the table of a digest are."""

    picture: str
    table: str


def write_papers(
    house: House, papers: Sequence[Paper], titles: Mapping[str, str], today: date, fonts: Fonts | None
) -> list[Written]:
    """Draw and write the files of all digests, in their order."""
    if not papers:
        return []
    folder = house.files / "digests"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _draw(house, papers, folder, today, fonts) if house.digest.chart else [""] * len(papers)
    return [
        Written(picture, str(_write_table(house, paper, titles, folder, today)))
        for paper, picture in zip(papers, pictures, strict=True)
    ]


def forget_old_papers(house: House, now: datetime) -> int:
    """Remove files of digests nobody sends any more; return how many."""
    old = [
        path
        for path in (house.files / "digests").glob("*.*")
        if datetime.fromtimestamp(path.stat().st_mtime, SHANGHAI) < now - KEPT
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _draw(house: House, papers: Sequence[Paper], folder: Path, today: date, fonts: Fonts | None) -> list[str]:
    typeface = fonts or ensure_fonts(house.files / "fonts")
    try:
        drawn = chart_pngs([_spec(house, paper, today) for paper in papers], typeface)
    except ChartError:
        log.exception("digest_charts_failed", charts=len(papers))  # the words still go out
        return [""] * len(papers)
    paths = [_path(folder, paper, today, "png") for paper in papers]
    for path, picture in zip(paths, drawn, strict=True):
        path.write_bytes(picture)
    return [str(path) for path in paths]


def _spec(house: House, paper: Paper, today: date) -> Spec:
    shown = [place for place in paper.places if not place.stale][:IN_CHART] or list(paper.places[:IN_CHART])
    by_loss = paper.money and any(place.loss_fen for place in shown)
    unit = house.texts.sentence("digest_loss_unit" if by_loss else "warning_unit")
    rows = [
        (
            f"{place.first.store} {words.product_name(house, place.first)}",
            place.loss_fen / 100 if by_loss else float(place.bottles),
        )
        for place in shown
    ]
    return digest_spec(f"{paper.name} · {house.texts.day(today)}", rows, unit)


def _write_table(house: House, paper: Paper, titles: Mapping[str, str], folder: Path, today: date) -> Path:
    path = _path(folder, paper, today, "xlsx")
    digest_workbook(path, paper.name, today, _rows(house, paper, titles), money=paper.money)
    return path


def _path(folder: Path, paper: Paper, today: date, suffix: str) -> Path:
    return folder / f"{today:%Y%m%d}-{_UNSAFE.sub('_', paper.stem)}.{suffix}"


def _rows(house: House, paper: Paper, titles: Mapping[str, str]) -> Iterable[DigestRow]:
    for place in paper.places:
        for finding in place.findings:
            yield _row(house, place, finding, titles, money=paper.money)


def _row(house: House, place: Place, finding: Finding, titles: Mapping[str, str], *, money: bool) -> DigestRow:
    figures, label = finding.figures, house.texts.label
    monthly = figures.get("monthly_millibottles")
    return DigestRow(
        store_code=finding.store_code,
        store=finding.store,
        region=finding.region,
        product_code=finding.product_code,
        product=words.product_name(house, finding),
        batch=str(figures.get("batch") or ""),
        stock=finding.bottles,
        case_size=finding.case_size,
        age_days=_age(figures),
        monthly_sales=None if monthly is None else monthly / 1000,
        months_left=finding.bottles * 1000 / monthly if monthly else None,
        rule=titles.get(finding.rule, finding.rule),
        level=level_word(finding.level),
        advice=words.advice(house, place),
        source=words.source(house, finding),
        source_date=finding.as_of,
        why=words.reason(house, finding, titles, money=money),
        value=_amount(finding, finding.value, money=money),
        threshold=_amount(finding, finding.threshold, money=money),
        rule_version=finding.rule_version,
        fired_on=finding.fired_on,
        notified_on=finding.notified_on,
        state=label("digest_state", "stale" if finding.stale else "due" if finding.due else "told"),
        number=f"W{finding.id}",
        page=words.page(house, finding),
        loss_fen=finding.loss_fen,
    )


def _age(figures: Mapping[str, object]) -> int | None:
    received, day = figures.get("received_on"), figures.get("day")
    if not received or not day:
        return None
    return (date.fromisoformat(str(day)[:10]) - date.fromisoformat(str(received)[:10])).days


def _amount(finding: Finding, milli: int, *, money: bool) -> str:
    """A value or threshold with its unit; amounts of money are for people only."""
    metric = finding.metric
    if metric is None or (metric.facts.unit == "元" and not money):
        return ""
    if metric is Metric.MONTHS_OF_COVER and milli == finding.value and not finding.figures.get("monthly_millibottles"):
        return ""  # nothing is sold, so no number of months is true
    return f"{words.short(milli)} {metric.facts.unit}"
