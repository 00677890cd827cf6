"""Who is at the other end: the device, the form it was given, the desk's session.

Everything is signed with the house's secret; nothing a browser sends is believed unsigned.
"""

import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, request
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from models.engine import Link
from models.people import Person, Role
from web.security import cookie_is_secure
from web.services import services
from web.sight import Sight, sight_of
from workflows.acting import Actor, Duty, actor_of, business_day, people_with

DEVICE_COOKIE = "device"
DESK_COOKIE = "desk"
NOTICE_COOKIE = "notice"
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
YEAR_SECONDS = 365 * 24 * 60 * 60
DESK_HOURS = 12
NOTICE_SECONDS = 60
LONGEST_NOTICE = 300  # characters; a cookie holds 4 KB
#: Who works for the distributor and may look at the desk. Stores never see each other's stock.
DESK_ROLES = frozenset(
    {
        Role.SALES_REP,
        Role.REGIONAL_MANAGER,
        Role.BOSS,
        Role.WAREHOUSE_KEEPER,
        Role.QUALITY_OFFICER,
        Role.FINANCE,
    }
)


class Forged(Exception):
    """A form came without the token this device was given."""


@dataclass(frozen=True)
class Visitor:
    """Somebody at the desk, and the stores they may look at."""

    actor: Actor
    sight: Sight
    trial: bool = False


def _signer(salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(services().house.secret, salt=f"jiuhui-{salt}")


def _unsigned(salt: str, value: str | None) -> Any:
    try:
        return _signer(salt).loads(value or "")
    except BadSignature:
        return None


def _set_cookie(response: Response, name: str, value: Any, seconds: int) -> None:
    response.set_cookie(
        name,
        _signer(name).dumps(value),
        max_age=seconds,
        httponly=True,
        samesite="Lax",
        secure=cookie_is_secure(services().house.public_url),
    )


def device() -> str:
    """The id of the asking device; a new one is made for a device that has none yet."""
    if "device" not in g:
        g.device = _unsigned(DEVICE_COOKIE, request.cookies.get(DEVICE_COOKIE))
        g.device_is_new = not isinstance(g.device, str)
        if g.device_is_new:
            g.device = secrets.token_urlsafe(18)
    known: str = g.device
    return known


def remember_device(response: Response) -> Response:
    """Give a new device its cookie; run after each request of a blueprint."""
    if g.get("device_is_new"):
        _set_cookie(response, DEVICE_COOKIE, g.device, YEAR_SECONDS)
    return response


def csrf_token() -> str:
    """The token forms and scripts of this device must send back."""
    token: str = _signer("csrf").dumps(device())
    return token


def check_csrf() -> None:
    """Raise Forged unless the request carries the token made for its own device cookie."""
    sent = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD)
    if g.get("device_is_new") or _unsigned("csrf", sent) != device():
        raise Forged


def leave_notice(response: Response, sentence: str, tone: str = "") -> Response:
    """Show the sentence on the next page this device opens. `tone` is "", "warn" or "bad"."""
    _set_cookie(response, NOTICE_COOKIE, [sentence[:LONGEST_NOTICE], tone], NOTICE_SECONDS)
    return response


def taken_notice() -> tuple[str, str] | None:
    """The sentence left for this page, if any; it is shown once."""
    found = _unsigned(NOTICE_COOKIE, request.cookies.get(NOTICE_COOKIE))
    if not isinstance(found, list) or len(found) != 2:
        return None
    g.notice_shown = True
    return str(found[0]), str(found[1])


def drop_notice(response: Response) -> Response:
    """Forget a notice that was shown; run after each request of a blueprint."""
    if g.get("notice_shown"):
        response.delete_cookie(NOTICE_COOKIE)
    return response


def person_of(session: Session, person_id: int) -> Person | None:
    """A person with all assignments loaded."""
    query = select(Person).where(Person.id == person_id).options(selectinload(Person.assignments))
    return session.scalar(query)


def people_of_device(session: Session) -> list[Person]:
    """Everybody who acted from this device through a link, the latest link first."""
    query = (
        select(Person)
        .join(Link, Link.person_id == Person.id)
        .where(Link.device == device())
        .options(selectinload(Person.assignments))
        .order_by(Link.id.desc())
    )
    return list(dict.fromkeys(session.scalars(query)))


def open_desk(response: Response, person_id: int, now: datetime) -> Response:
    """Sign a person in at the desk for twelve hours."""
    until = now + timedelta(hours=DESK_HOURS)
    _set_cookie(response, DESK_COOKIE, [person_id, until.timestamp()], DESK_HOURS * 3600)
    return response


def visitor(session: Session, now: datetime) -> Visitor | None:
    """Who is at the desk, with the duties of today; None when nobody is signed in.

    In the sandbox a visitor from this very machine is the boss of the sample distributor.
    """
    found = _unsigned(DESK_COOKIE, request.cookies.get(DESK_COOKIE))
    if isinstance(found, list) and len(found) == 2 and now.timestamp() < found[1]:
        person = person_of(session, found[0])
        return at_desk(actor_of(person, now, "h5")) if person else None
    if services().sandbox and from_this_machine():
        return _trial_boss(session, now)
    return None


def at_desk(actor: Actor, *, trial: bool = False) -> Visitor | None:
    """What an actor may see at the desk; None for people of stores."""
    duties = [duty for duty in actor.duties if duty.role in DESK_ROLES]
    if not duties:
        return None
    return Visitor(actor, sight_of(duties), trial)


def _trial_boss(session: Session, now: datetime) -> Visitor | None:
    bosses = people_with(session, Role.BOSS, business_day(now))
    duties = (Duty(Role.BOSS, "", None),)
    person_id = bosses[0].id if bosses else None
    return at_desk(Actor(person_id, "演示老板", duties, "h5"), trial=True)


def from_this_machine() -> bool:
    """Whether the request came straight from this machine: no proxy before us, a local name asked for."""
    if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    # Another site's name that resolves to this machine must not open the desk.
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    if host not in {"localhost", "127.0.0.1", "[::1]"}:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
