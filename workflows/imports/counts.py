"""What stands in stores: counts, and opening balances, which must say how old the goods are.

A count speaks for all of a product in its store that evening; where it names no batch, it is laid on the
lots known to be there. Each is kept as an observation; what is believed follows the newest.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select

from models.stock import Observation, StockSource
from workflows.imports.columns import Row
from workflows.imports.common_columns import store_column, store_name_column
from workflows.imports.counted_rows import AGE_IS_MISSING, CountReader, Line, counted_columns
from workflows.imports.finding import NotFound
from workflows.imports.intake import Intake, portions
from workflows.imports.lots import pseudo_batch
from workflows.observations import Noted, Seen, observe

_STORES = (store_column(), store_name_column())
COLUMNS = counted_columns(_STORES, age_is_asked=False, no_lot="可空：按先进先出分到店里已知的批次")
OPENING_COLUMNS = counted_columns(_STORES, "期初数量", "期初库存", age_is_asked=True, no_lot="可空：按入店月份归为一批")
_Series = tuple[tuple[int, int], date]  # store and product, day


def load(intake: Intake) -> None:
    """Keep counts of stores."""
    _load(intake, StockSource.SYSTEM if intake.by_program else StockSource.COUNT)


def load_opening(intake: Intake) -> None:
    """Keep opening balances of stores; rows that do not say how old the goods are are refused."""
    _load(intake, StockSource.OPENING)


def _load(intake: Intake, source: StockSource) -> None:
    reader = CountReader(intake)
    lines = [line for row in intake.rows if (line := _line(intake, reader, row, source)) is not None]
    reader.refuse_repeats(lines)
    if intake.problems and not intake.skip_bad:
        return
    lines = [line for line in lines if line.row.number not in intake.problems.bad_rows]
    reader.make_lots(lines)
    keep_observed(intake, reader, lines, dict.fromkeys((line.place for line in lines), source))


def _line(intake: Intake, reader: CountReader, row: Row, source: StockSource) -> Line | None:
    try:
        shop = reader.finder.shop(row.values)
    except NotFound as refused:
        intake.refuse(row, refused.column, refused.value, str(refused))
        return None
    line = reader.line(row, shop)
    if line is None or source is not StockSource.OPENING:
        return line
    if line.received_on is None:
        intake.refuse(row, "received_on", "", AGE_IS_MISSING)
        return None
    return line if line.lot else replace(line, lot=(line.item.id, pseudo_batch(None, line.received_on) or ""))


def keep_observed(
    intake: Intake, reader: CountReader, lines: Sequence[Line], sources: dict[tuple[int, int], StockSource]
) -> None:
    """Keep lines of stores as observations, unless the last count of that day said just the same."""
    counts: dict[_Series, list[Seen]] = defaultdict(list)
    negative = 0
    for line in lines:
        negative += line.bottles < 0
        counts[line.place, line.as_of].append(_seen(intake, reader, line, sources[line.place]))
    kept = _kept_before(intake, counts)
    fresh = [
        replace(one, key=f"{one.key}:{len(kept.get(count, ()))}")
        for count, group in counts.items()
        if not _says_the_same(kept.get(count), group)
        for one in group
    ]
    noted = observe(intake.session, fresh, intake.now)
    # Somebody may have imported the same a moment before: then the keys are known by now.
    intake.tally.accepted += len(noted.new)
    intake.tally.changed += sum(one.key in noted.new and bool(kept.get((one.series, one.as_of))) for one in fresh)
    intake.tally.unchanged += len(lines) - len(noted.new)
    _tell(intake, noted, negative)


def _seen(intake: Intake, reader: CountReader, line: Line, source: StockSource) -> Seen:
    lot_id = None if line.lot is None else reader.lots[line.lot]
    by = line.row.values.get("counted_by") or intake.actor_name
    said = (line.place, lot_id, line.bottles, line.as_of, line.received_on, source.value)
    digest = hashlib.sha256(repr(said).encode()).hexdigest()[:24]
    margin = max(0, -line.bottles)  # books below nothing: nothing is there, and the books are off by so much
    return Seen(
        f"file:{digest}",
        line.place[0],
        line.place[1],
        lot_id,
        max(0, line.bottles),
        line.as_of,
        source,
        by,
        margin=margin,
        received_on=line.received_on,
    )


def _kept_before(intake: Intake, counts: dict[_Series, list[Seen]]) -> dict[_Series, list[set[str]]]:
    """What was kept of the same store, product and day: the keys of each count, the last one last."""
    products = sorted({place[1] for place, _ in counts})
    days = {day for _, day in counts}
    by_moment: dict[_Series, dict[datetime, set[str]]] = defaultdict(lambda: defaultdict(set))
    for some in portions(products, 1_000):
        columns = (
            Observation.store_id,
            Observation.product_id,
            Observation.as_of,
            Observation.recorded_at,
            Observation.key,
        )
        where = (Observation.product_id.in_(some), Observation.as_of.between(min(days), max(days)))
        for store, product, day, moment, key in intake.session.execute(select(*columns).where(*where)):
            if ((store, product), day) in counts:
                by_moment[(store, product), day][moment].add(key)
    return {count: [kept[moment] for moment in sorted(kept)] for count, kept in by_moment.items()}


def _says_the_same(kept: list[set[str]] | None, group: Sequence[Seen]) -> bool:
    return kept is not None and {key.rpartition(":")[0] for key in kept[-1]} == {one.key for one in group}


def _tell(intake: Intake, noted: Noted, negative: int) -> None:
    notes = intake.tally.notes
    if noted.older:
        notes.append(f"{len(noted.older)} 行早于已有的盘点：留作记录，不改变现在的库存。")
    if noted.ageless:
        notes.append(f"{len(noted.ageless)} 行的货不知道哪天进的店：库龄从盘点那天算起；知道的话请补“入店日期”。")
    if negative:
        notes.append(f"{negative} 行是负数：按 0 瓶记，误差记为差的瓶数，请去店里核对。")
