"""Signed page links: for one person, one object and one purpose; the first device that acts owns it."""

import hmac
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from models.engine import Link
from workflows.house import House
from workflows.refusals import Refusal

#: What a link may be for.
PURPOSES = frozenset({"task", "approve", "door", "warehouse", "desk", "report", "visit"})


class LinkInvalid(Refusal):
    """The link is forged, over, or belongs to another telephone."""

    text = "link_invalid"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence=sentence)
        self.sentence = sentence


def link_for(session: Session, house: House, purpose: str, subject_id: int, person_id: int, now: datetime) -> str:
    """The address of a page for that person; asking again prolongs the same link.

    A link that is over comes back as a fresh one, free for another telephone.
    """
    link = _known(session, house, purpose, subject_id, person_id, now)
    if link.expires_at <= now:
        _renew(link)
    link.expires_at = now + timedelta(days=house.limits.link_days)
    return address(house, link.id, link.generation)


def fresh_link_for(session: Session, house: House, purpose: str, subject_id: int, person_id: int, now: datetime) -> str:
    """A new address because the person asked for it in their own chat: the old one stops, any telephone may claim it."""
    link = _known(session, house, purpose, subject_id, person_id, now)
    _renew(link)
    link.expires_at = now + timedelta(days=house.limits.link_days)
    return address(house, link.id, link.generation)


def _renew(link: Link) -> None:
    if link.device:
        link.generation += 1
        link.device = ""


def _known(session: Session, house: House, purpose: str, subject_id: int, person_id: int, now: datetime) -> Link:
    link = session.scalar(_SAME, {"purpose": purpose, "subject": subject_id, "person": person_id})
    if link is None:
        row = link_row(house, purpose, subject_id, person_id, now)
        link = session.scalar(_NEW, row)
        assert link is not None  # noqa: S101 - an insert that returns has a row
    return link


def link_row(house: House, purpose: str, subject_id: int, person_id: int, now: datetime) -> dict[str, Any]:
    """The columns of a link, for those who write thousands at once."""
    if purpose not in PURPOSES:
        raise ValueError(f"links are not for {purpose}")
    expires = now + timedelta(days=house.limits.link_days)
    return {
        "purpose": purpose,
        "subject_id": subject_id,
        "person_id": person_id,
        "expires_at": expires,
        "device": "",
        "generation": 0,
    }


def address(house: House, link_id: int, generation: int = 0) -> str:
    """The URL of a link by its id and generation."""
    return f"{house.public_url}/t/{_signer(house).dumps([link_id, generation])}"


def open_link(session: Session, house: House, token: str, now: datetime) -> Link:
    """The link behind a token; raises LinkInvalid with a sentence for the person."""
    try:
        link_id, generation = _signer(house).loads(token)
    except (BadSignature, TypeError, ValueError):
        raise LinkInvalid(house.texts.sentence("link_forged")) from None
    link = session.get(Link, link_id)
    if link is None:
        raise LinkInvalid(house.texts.sentence("link_forged"))
    if link.expires_at <= now or link.generation != generation:
        raise LinkInvalid(house.texts.sentence("link_over"))
    return link


def claim_device(session: Session, house: House, link: Link, device: str) -> None:
    """Bind the link to the first device that acts; raises LinkInvalid for any other device."""
    free = update(Link).where(Link.id == link.id, Link.device == "").values(device=device)
    session.execute(free)
    session.refresh(link)
    if not hmac.compare_digest(link.device, device):
        raise LinkInvalid(house.texts.sentence("link_other_device"))


_SAME = select(Link).where(
    Link.purpose == bindparam("purpose"),
    Link.subject_id == bindparam("subject"),
    Link.person_id == bindparam("person"),
)
_NEW = insert(Link).returning(Link)


def _signer(house: House) -> URLSafeSerializer:
    return URLSafeSerializer(house.secret, salt="page link")
