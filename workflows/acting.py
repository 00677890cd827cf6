"""Who acts: the person behind a verified platform identity, and what they may be on that day."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session, selectinload

from models.people import Assignment, Person, Role
from models.prepared import Line, Prepared

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


_VALID_TODAY = and_(
    Assignment.person_id == Person.id,
    Assignment.valid_from <= bindparam("today"),
    or_(Assignment.valid_to.is_(None), Assignment.valid_to >= bindparam("today")),
)
#: Every message begins with this question.
_DUTIES_BY = {
    platform: Prepared(
        select(Person.id, Person.name, Assignment.role, Assignment.region, Assignment.store_id)
        .outerjoin(Assignment, _VALID_TODAY)
        .where(column == bindparam("user"))
        .order_by(Assignment.id)
    )
    for platform, column in (("wecom", Person.wecom_userid), ("dingtalk", Person.dingtalk_userid))
}


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


def acting_as(line: Line, platform: str, user_id: str, now: datetime) -> Actor | None:
    """Who acts behind a platform's verified user id, with the duties valid today, or nobody: in one query."""
    if not user_id:
        return None
    wanted = user_id.casefold() if platform == "wecom" else user_id
    rows = _DUTIES_BY[platform].rows(line, user=wanted, today=business_day(now))
    duties = tuple(Duty(role, region, store_id) for _, _, role, region, store_id in rows if role is not None)
    return Actor(rows[0][0], rows[0][1], duties, platform) if rows else None


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
    asked = {"role": role, "today": day}
    if store_id is None and not region:
        return list(session.scalars(_HOLDERS, asked))
    return list(session.scalars(_HOLDERS_THERE, {**asked, "region": region, "store": store_id}))


_HOLDERS = (
    select(Person)
    .join(Assignment, _VALID_TODAY)
    .where(Assignment.role == bindparam("role"))
    .order_by(Person.id)
    .distinct()
)
_WHEREVER = Assignment.store_id.is_(None) & Assignment.region.in_(["", bindparam("region")])
# Without a store the value is NULL, which equals nothing: right, for nobody holds a role in no store.
_HOLDERS_THERE = _HOLDERS.where(or_(_WHEREVER, Assignment.store_id == bindparam("store")))
