"""The morning's digests: one letter with picture, table and cards a person, one letter a group and platform.

Composing reads only and takes its time: ranking, wording, drawing. Writing is short: letters, cards, and the marks
of what was told. A second run on the same day writes nothing. When a platform's day or month is nearly used up the
digests of its channels wait for a day on which there is room again; nothing is marked as told meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import structlog
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.engine import Card, Outbox, Sent
from models.warning import StockWarning
from reports.fonts import Fonts
from rules.priority import Costs
from rules.warnings import Ruleset
from texts.message import Message
from workflows import digest_groups, digest_people, outbox
from workflows import digest_words as words
from workflows.digest_files import Paper, Written, write_papers
from workflows.digest_lines import Place, days_of_ramp, findings, places
from workflows.digest_marks import mark_asked_to_count, mark_told
from workflows.digest_people import Worklist, costs_of, worklist
from workflows.digest_receivers import hearings, staff_of
from workflows.house import Group, House
from workflows.quotas import channels_that_wait
from workflows.tell import card_row, group_channels
from workflows.warning_card import FLOW, card_of

log = structlog.get_logger()


@dataclass(frozen=True)
class Piece:
    """One letter of a digest; `warning_id` is whose card it is, 0 for the letter with the list."""

    key: str
    message: Message
    warning_id: int = 0
    card_ref: str = ""


@dataclass(frozen=True)
class Digest:
    """What one person or group gets this morning, composed and not yet written down."""

    channel: str
    recipient: str
    pieces: tuple[Piece, ...]
    told: tuple[int, ...] = ()
    asked_to_count: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Morning:
    """What all digests of a day share."""

    house: House
    today: date
    titles: Mapping[str, str]
    costs: Costs
    ramp_days: int
    written: frozenset[str]
    waiting: tuple[str, ...]

    def wants(self, channel: str, key: str) -> bool:
        """Whether a digest may be composed: not written yet, and its platform has room."""
        return key not in self.written and not channel.startswith(self.waiting)


def push_digests(
    session: Session, house: House, ruleset: Ruleset, today: date, now: datetime, *, fonts: Fonts | None = None
) -> int:
    """Compose and write today's digests; return how many people and groups got one.

    A second run on the same day writes nothing. `fonts` are made under the house's files if not given.
    """
    return write_digests(session, house, compose_digests(session, house, ruleset, today, now, fonts=fonts), now)


def compose_digests(
    session: Session, house: House, ruleset: Ruleset, today: date, now: datetime, *, fonts: Fonts | None = None
) -> list[Digest]:
    """Rank, word and draw everything; reads only, since it takes a tenth of a second a person."""
    morning = _Morning(
        house,
        today,
        {rule.name: rule.title for rule in ruleset.rules},
        costs_of(house),
        days_of_ramp(session, house, today),
        _written(session, today),
        channels_that_wait(session, house, now),
    )
    everything = places(findings(session, house, today), ruleset)
    receivers = {rule.name: rule.receivers for rule in ruleset.rules}
    heard, nobody = hearings(staff_of(session, today), everything, receivers)
    lists = [worklist(house, hearing, morning.costs, ramp=morning.ramp_days > 0) for hearing in heard]
    people = [work for work in lists if work.says_something and _may_go(morning, work)]
    groups = [(group, found) for group in house.groups if (found := _lines_of(morning, group, everything))]
    papers = write_papers(
        house, [*map(_own_paper, people), *(_shared_paper(*pair) for pair in groups)], morning.titles, today, fonts
    )
    cards = _Cards(session, house, today, people)
    alone = {place.key for place in nobody}
    composed = [_to_person(morning, work, paper, cards) for work, paper in zip(people, papers, strict=False)]
    for (group, found), paper in zip(groups, papers[len(people) :], strict=True):
        composed += _to_group(morning, group, found, paper, alone)
    log.info("digests_composed", places=len(everything), people=len(people), groups=len(groups), nobody=len(nobody))
    return composed


def write_digests(session: Session, house: House, digests: Sequence[Digest], now: datetime) -> int:
    """Put composed digests into the outbox and mark what they tell; return how many were new today."""
    return sum(_write(session, house, digest, now) for digest in digests)


def _write(session: Session, house: House, digest: Digest, now: datetime) -> bool:
    first, *others = digest.pieces
    if not _put(session, digest, first, now):
        return False
    for piece in others:
        _put(session, digest, piece, now)
    mark_told(session, house, digest.told, now)
    mark_asked_to_count(session, digest.asked_to_count, now)
    return True


def _put(session: Session, digest: Digest, piece: Piece, now: datetime) -> bool:
    row = outbox.letter_row(
        key=piece.key,
        channel=digest.channel,
        recipient=digest.recipient,
        message=piece.message,
        now=now,
        card_ref=piece.card_ref,
        priority=outbox.LATER,
    )
    new = outbox.put_row(session, row)
    if new and piece.warning_id:
        reached = (digest.channel, digest.recipient)
        session.execute(insert(Card), [card_row(piece.card_ref, FLOW, piece.warning_id, reached, piece.message)])
    return new


def _written(session: Session, today: date) -> frozenset[str]:
    """The keys of today's digests that wait or went out."""
    start = f"digest:{today}:"
    found: set[str] = set()
    for table in (Outbox, Sent):
        found |= set(session.scalars(select(table.key).where(table.key >= start, table.key < f"{start}~")))
    return frozenset(found)


# People


def _key(today: date, work: Worklist) -> str:
    return f"digest:{today}:person:{work.hearer.id}"


def _may_go(morning: _Morning, work: Worklist) -> bool:
    may = morning.wants(work.hearer.channel, _key(morning.today, work))
    if not may and work.hearer.channel.startswith(morning.waiting):
        log.warning("digest_waits_for_quota", person=work.hearer.code, places=len(work.every))
    return may


def _own_paper(work: Worklist) -> Paper:
    return Paper(f"{work.hearer.name}-{work.hearer.code}", work.hearer.name, work.every, money=True)


class _Cards:
    """The cards of first lines, worded once for all who get the same."""

    def __init__(self, session: Session, house: House, today: date, people: Iterable[Worklist]) -> None:
        self._session, self._house, self._today = session, house, today
        self.most = house.digest.cards_per_person_per_day
        ids = {place.first.id for work in people for place in work.lines[: self.most]}
        found = session.scalars(select(StockWarning).where(StockWarning.id.in_(ids)))
        self._warnings = {warning.id: warning for warning in found}
        self._worded: dict[int, Message] = {}

    def of(self, place: Place, titles: Mapping[str, str]) -> Message:
        """The card of a place: its costliest warning, with what else is wrong there."""
        first = place.first
        if first.id not in self._worded:
            message = card_of(self._session, self._house, self._warnings[first.id], self._today)
            others = words.reasons(self._house, place, titles, money=True)[1:]
            if others:
                also = self._house.texts.sentence("digest_card_also", reasons=others)
                message = replace(message, body=f"{message.body}\n{also}".strip())
            self._worded[first.id] = message
        return self._worded[first.id]


def _to_person(morning: _Morning, work: Worklist, paper: Written, cards: _Cards) -> Digest:
    topmost = work.lines[: cards.most]
    message = digest_people.letter(
        morning.house, work, morning.titles, morning.today, cards=len(topmost), ramp_days=morning.ramp_days
    )
    pieces = [Piece(_key(morning.today, work), replace(message, image=paper.picture, files=[paper.table]))]
    for place in topmost:
        ref = f"warning-{place.first.id}-{morning.today:%Y%m%d}-{work.hearer.channel[0]}{work.hearer.id}"
        pieces.append(Piece(ref, cards.of(place, morning.titles), place.first.id, ref))
    return Digest(
        work.hearer.channel,
        work.hearer.user,
        tuple(pieces),
        told=_ids(work.lines),
        asked_to_count=_ids(work.counts, stale=True),
    )


def _ids(shown: Iterable[Place], *, stale: bool = False) -> tuple[int, ...]:
    return tuple(finding.id for place in shown for finding in place.findings if finding.stale is stale)


# Groups


def _lines_of(morning: _Morning, group: Group, everything: Sequence[Place]) -> list[Place]:
    if not _channels(morning, group):
        return []
    return digest_groups.lines_of_group(group, everything, morning.costs)


def _channels(morning: _Morning, group: Group) -> list[tuple[str, str]]:
    reached = group_channels(morning.house, group.name)
    return [(channel, to) for channel, to in reached if morning.wants(channel, f"digest:{morning.today}:{channel}")]


def _shared_paper(group: Group, found: Sequence[Place]) -> Paper:
    return Paper(group.name, group.name, found, money=False)


def _to_group(
    morning: _Morning, group: Group, found: Sequence[Place], paper: Written, alone: set[tuple[int, int]]
) -> list[Digest]:
    """One letter for each platform of the group; lines no person could be told of count as told here."""
    house = morning.house
    message = digest_groups.letter(house, group, found, morning.titles, morning.today)
    message = replace(message, image=paper.picture, files=[paper.table])
    shown = found[: house.digest.lines_per_group]
    told = _ids(place for place in shown if place.key in alone)
    composed = []
    for channel, recipient in _channels(morning, group):
        said = digest_groups.with_buttons(house, message, found, channel)
        number = house.groups.index(group)
        card_ref = f"digest-{morning.today:%Y%m%d}-{number}-{channel.split(':')[0]}"
        piece = Piece(f"digest:{morning.today}:{channel}", said, card_ref=card_ref)
        composed.append(Digest(channel, recipient, (piece,), told=told))
    return composed
