"""The morning's letter to one person: the lines most worth a visit, counts to make on the way, and the rest counted.

In a house's first days only grave lines are told, or a few where none is grave, so that five hundred old findings do
not become five hundred visits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from models.people import Role
from rules.priority import Costs, Effort, in_order
from rules.warnings import level_word
from texts.message import Message
from workflows import digest_words as words
from workflows.digest_lines import LADDER, Place
from workflows.digest_receivers import Hearer, Hearing
from workflows.digest_words import Tongue, tongue_of
from workflows.house import House


@dataclass(frozen=True)
class Worklist:
    """What one person hears today. `lines` and `counts` are shown, `rest` only counted; `every` is all of theirs."""

    hearer: Hearer
    lines: Sequence[Place]
    counts: Sequence[Place]
    rest: Sequence[Place]
    more_counts: int
    told: int
    every: Sequence[Place]
    stand_in: Mapping[tuple[int, Role], str]

    @property
    def says_something(self) -> bool:
        """Whether there is anything new."""
        return bool(self.lines or self.counts)


def costs_of(house: House) -> Costs:
    """What acting costs, as the business set it."""
    section = house.digest
    minutes: Mapping[str, int] = {str(action): number for action, number in section.effort_minutes.items()}
    yuan: Mapping[str, int] = {str(action): number for action, number in section.cost_yuan.items()}
    efforts = {action: Effort(number, yuan.get(action, 0) * 100) for action, number in minutes.items()}
    return Costs(efforts, section.travel_minutes)


def ranked(places: Iterable[Place], costs: Costs) -> list[Place]:
    """Put places in the order of loss avoided for each minute of work."""
    by_key = {place.candidate.key: place for place in places}
    return [by_key[candidate.key] for candidate in in_order((p.candidate for p in by_key.values()), costs)]


def worklist(house: House, hearing: Hearing, costs: Costs, *, ramp: bool) -> Worklist:
    """Choose what a person is shown today."""
    section = house.digest
    due = ranked((place for place in hearing.places if place.due and not place.stale), costs)
    old = ranked((place for place in hearing.places if place.due and place.stale), costs)
    others = ranked((place for place in hearing.places if not place.due), costs)
    lines = _of_ramp(house, due) if ramp else due[: section.lines_per_person]
    shown = {place.key for place in lines}
    rest = [place for place in due if place.key not in shown]
    counts = old[: section.counts_per_person]
    every = [*lines, *rest, *old, *others]
    told = sum(not place.stale for place in others)
    return Worklist(hearing.hearer, lines, counts, rest, len(old) - len(counts), told, every, hearing.stand_in)


def letter(
    house: House, work: Worklist, titles: Mapping[str, str], today: date, *, cards: int, ramp_days: int
) -> Message:
    """Word the letter; pictures and files are put in later."""
    tongue = tongue_of(work.hearer.channel)
    due = [*work.lines, *work.rest]
    message = house.texts.say(
        "digest_person",
        today=today,
        shown=len(work.lines),
        places=len(due),
        stores=len({place.first.store_id for place in due}),
        levels=words.by_level(house, due) if due else "",
        loss_fen=sum(place.loss_fen for place in due),
        by_product=words.by_product(house, due, tongue),
        lines=[line(house, number, place, titles, tongue) for number, place in enumerate(work.lines, start=1)],
        told=work.told,
        counts=[_count_line(house, place, tongue) for place in work.counts],
        more_counts=work.more_counts,
        stand_in=list(_stand_in(house, work, tongue)),
        cards=cards,
        ramp=ramp_days,
    )
    if work.lines:
        return message
    only_counts = house.texts.say("digest_person_only_counts", today=today, count=len(work.counts))
    return Message(only_counts.title, message.body)


def line(
    house: House,
    number: int,
    place: Place,
    titles: Mapping[str, str],
    tongue: Tongue,
    text: str = "digest_line",
    **more: object,
) -> str:
    """One place in one line, with a link to its costliest warning."""
    first = place.first
    return house.texts.sentence(
        text,
        number=number,
        level=level_word(place.level),
        store=tongue.name(first.store),
        product=tongue.name(words.product_name(house, first)),
        stock=words.stock(place),
        reasons=words.reasons(house, place, titles, money=True),
        source=words.source(house, first),
        advice=words.advice(house, place),
        link=tongue.link(f"W{first.id}", words.page(house, first)),
        **more,
    )


def _of_ramp(house: House, due: Sequence[Place]) -> list[Place]:
    section = house.digest
    grave = [place for place in due if place.level >= section.ramp_level]
    return grave[: section.lines_per_person] or list(due[: section.ramp_lines])


def _count_line(house: House, place: Place, tongue: Tongue) -> str:
    first = place.first
    return house.texts.sentence(
        "digest_count_line",
        store=tongue.name(first.store),
        product=tongue.name(words.product_name(house, first)),
        as_of=first.as_of,
        link=tongue.link(f"W{first.id}", words.page(house, first)),
    )


def _stand_in(house: House, work: Worklist, tongue: Tongue) -> Iterable[str]:
    """Which stores came to this person because somebody nearer is missing."""
    told = {place.first.store_id for place in (*work.lines, *work.rest, *work.counts)}
    by_role: dict[Role, list[str]] = {}
    for (store_id, role), store in work.stand_in.items():
        if store_id in told:
            by_role.setdefault(role, []).append(store)
    for role, stores in sorted(by_role.items(), key=lambda pair: LADDER.index(pair[0]) if pair[0] in LADDER else -1):
        said = words.listed(stores, tongue)
        yield house.texts.sentence("digest_stand_in", stores=said, role=house.texts.label("missing_role", role.value))
