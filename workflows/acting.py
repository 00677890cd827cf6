"""Who acts: the person behind a verified platform identity, and what they may be on that day."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from models.people import Assignment, Person, Role

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Duty:
    """One role held today, for a region or a store."""

    role: Role
    region: str
    store_id: int | None


@dataclass(frozen=True)
class Actor:
    """Somebody acting, with the duties of that day and the door they came in by."""

    person_id: int | None
    name: str
    duties: tuple[Duty, ...]
    entrance: str

    def has(self, role: Role) -> bool:
        """Whether the person holds the role anywhere."""
        return any(duty.role is role for duty in self.duties)


#: Timers and periodic jobs act as the system; no row of a flow lets it approve anything.
SYSTEM = Actor(None, "系统", (), "timer")


def business_day(now: datetime) -> date:
    """The calendar day in China at that moment."""
    return now.astimezone(SHANGHAI).date()


def known_person(session: Session, platform: str, user_id: str) -> Person | None:
    """The person behind a platform's verified user id, or nobody."""
    if not user_id:
        return None
    column = Person.wecom_userid if platform == "wecom" else Person.dingtalk_userid
    wanted = user_id.casefold() if platform == "wecom" else user_id
    query = select(Person).where(column == wanted).options(selectinload(Person.assignments))
    return session.scalar(query)


def actor_of(person: Person, now: datetime, entrance: str) -> Actor:
    """The person with the duties valid today. Nobody keeps a power of yesterday."""
    day = business_day(now)
    duties = tuple(
        Duty(a.role, a.region, a.store_id)
        for a in person.assignments
        if a.valid_from <= day and (a.valid_to is None or day <= a.valid_to)
    )
    return Actor(person.id, person.name, duties, entrance)


def people_with(
    session: Session, role: Role, day: date, *, region: str = "", store_id: int | None = None
) -> list[Person]:
    """Everybody who holds the role on that day for the store, or its region, or everywhere."""
    where = [
        Assignment.role == role,
        Assignment.valid_from <= day,
        or_(Assignment.valid_to.is_(None), Assignment.valid_to >= day),
    ]
    if store_id is not None or region:
        for_all = (Assignment.store_id.is_(None)) & (Assignment.region == "")
        for_region = (Assignment.store_id.is_(None)) & (Assignment.region == region)
        where.append(or_(for_all, for_region, Assignment.store_id == store_id))
    query = select(Person).join(Assignment).where(*where).order_by(Person.id).distinct()
    return list(session.scalars(query))
