"""Who hears of a store's warnings on a day, by the assignments valid that day; asked at the moment of sending.

The nearest holder of a role counts: who has the store itself, else who has its region, else who has everything.
Where nobody holds the role, or nobody who can be reached, the next person up the ladder hears of it and is told why.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.people import Assignment, Person, Role
from workflows.digest_lines import LADDER, Finding, Place
from workflows.tell import channel_of

log = structlog.get_logger()

SELLING = frozenset(LADDER)


@dataclass(frozen=True)
class Hearer:
    """A person who can be reached, and the channel and user id that reach them."""

    id: int
    code: str
    name: str
    channel: str
    user: str


@dataclass
class Staff:
    """Everybody's duties of one day, indexed so that a store's people are found at once."""

    hearers: dict[int, Hearer] = field(default_factory=dict)
    #: By role and reach: ("store", id), ("region", name) or ("", "").
    _holders: dict[tuple[Role, str, int | str], list[int]] = field(default_factory=dict)

    def holders(self, role: Role, store_id: int, region: str) -> list[Hearer]:
        """Who holds the role nearest to the store and can be reached."""
        for reach in (("store", store_id), ("region", region), ("", "")):
            found = [self.hearers[i] for i in self._holders.get((role, *reach), []) if i in self.hearers]
            if found:
                return found
        return []

    def next_up(self, rung: int, store_id: int, region: str) -> tuple[int, list[Hearer]]:
        """The first rung of the ladder from `rung` on that somebody stands on, and who; nobody: past the end."""
        for place in range(rung, len(LADDER)):
            found = self.holders(LADDER[place], store_id, region)
            if found:
                return place, found
        return len(LADDER), []

    def add(self, person: Person, duty: Assignment) -> None:
        """Note one duty valid that day."""
        reached = channel_of(person)
        if reached is None:
            log.warning("person_unreachable", person=person.code, text="warning_digest")
        else:
            self.hearers[person.id] = Hearer(person.id, person.code, person.name, *reached)
        reach: tuple[str, int | str] = ("", "")
        if duty.store_id is not None:
            reach = ("store", duty.store_id)
        elif duty.region:
            reach = ("region", duty.region)
        holders = self._holders.setdefault((duty.role, *reach), [])
        if person.id not in holders:
            holders.append(person.id)

    def sells_for(self, person_id: int, store_id: int, region: str) -> bool:
        """Whether somebody looks after the store as rep, manager or boss, however far they stand."""
        reaches = (("store", store_id), ("region", region), ("", ""))
        return any(person_id in self._holders.get((role, *reach), []) for role in LADDER for reach in reaches)


@dataclass
class Hearing:
    """The places one person hears of, and the stores that came to them because nobody nearer is there."""

    hearer: Hearer
    places: list[Place] = field(default_factory=list)
    #: Names of stores, by their id and the role that is missing there.
    stand_in: dict[tuple[int, Role], str] = field(default_factory=dict)


def staff_of(session: Session, today: date) -> Staff:
    """All duties valid on that day."""
    staff = Staff()
    query = (
        select(Person, Assignment)
        .join(Assignment, Assignment.person_id == Person.id)
        .where(
            Assignment.valid_from <= today,
            or_(Assignment.valid_to.is_(None), Assignment.valid_to >= today),
            Assignment.role.not_in([Role.STORE_OWNER, Role.STORE_CLERK]),
        )
        .order_by(Person.id, Assignment.id)
    )
    for person, duty in session.execute(query):
        staff.add(person, duty)
    return staff


def hearings(
    staff: Staff, places: Iterable[Place], receivers: dict[str, tuple[tuple[Role, ...], ...]]
) -> tuple[list[Hearing], list[Place]]:
    """Sort places to people; the second list holds those nobody at all can be told of."""
    mine: dict[int, Hearing] = {}
    nobody: list[Place] = []
    for place in places:
        heard = _hearers(staff, place, receivers)
        for person_id, (hearer, missing) in heard.items():
            hearing = mine.setdefault(person_id, Hearing(hearer))
            hearing.places.append(place)
            for role in missing:
                hearing.stand_in[place.first.store_id, role] = place.first.store
        if not heard:
            nobody.append(place)
    if nobody:
        stores = sorted({place.first.store_code for place in nobody})
        log.error("warnings_without_receiver", places=len(nobody), stores=stores[:20])
    return [mine[person_id] for person_id in sorted(mine)], nobody


def _hearers(
    staff: Staff, place: Place, receivers: dict[str, tuple[tuple[Role, ...], ...]]
) -> dict[int, tuple[Hearer, set[Role]]]:
    """Who hears of a place, and the roles somebody stands in for."""
    heard: dict[int, tuple[Hearer, set[Role]]] = {}
    for finding in place.findings:
        for role in roles_of(finding, receivers):
            found, missing = _holders_or_next(staff, finding, role)
            for hearer in found:
                roles = heard.setdefault(hearer.id, (hearer, set()))[1]
                if missing is not None:
                    roles.add(missing)
    return heard


def _holders_or_next(staff: Staff, finding: Finding, role: Role) -> tuple[list[Hearer], Role | None]:
    store_id, region = finding.store_id, finding.region
    if role is Role.SALES_REP and finding.assignee_id in staff.hearers:
        given_to = staff.hearers[finding.assignee_id]
        if staff.sells_for(given_to.id, store_id, region):
            return [given_to], None
    found = staff.holders(role, store_id, region)
    if found:
        return found, None
    rung = LADDER.index(role) + 1 if role in SELLING else 1
    return staff.next_up(rung, store_id, region)[1], role


def roles_of(finding: Finding, receivers: dict[str, tuple[tuple[Role, ...], ...]]) -> tuple[Role, ...]:
    """The roles that hear of a finding's level; of a rule that is gone, the ladder up to its level."""
    by_level = receivers.get(finding.rule) or tuple(LADDER[: rung + 1] for rung in range(len(LADDER)))
    return by_level[min(max(finding.level, 1), len(by_level)) - 1]
