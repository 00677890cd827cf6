"""Who may do what, as questions about an actor's duties of the day. Pure: no session, no clock."""

from collections.abc import Iterable
from typing import Protocol

from models.people import Role

STORE_ROLES = frozenset({Role.STORE_OWNER, Role.STORE_CLERK})
#: Who may drive goods: the rep takes them along, or a driver does.
TAKER_ROLES = frozenset({Role.SALES_REP, Role.DRIVER})


class HasDuty(Protocol):
    """A role for a region or a store; both empty means everywhere."""

    @property
    def role(self) -> Role: ...
    @property
    def region(self) -> str: ...
    @property
    def store_id(self) -> int | None: ...


def works_in_store(duties: Iterable[HasDuty], store_id: int) -> bool:
    """Whether somebody is owner or clerk of the store."""
    return any(d.role in STORE_ROLES and d.store_id == store_id for d in duties)


def answers_for(duties: Iterable[HasDuty], role: Role, store_id: int, region: str) -> bool:
    """Whether somebody holds the role for the store, for its region, or everywhere."""
    return any(
        d.role is role and (d.store_id == store_id or (d.store_id is None and d.region in {"", region})) for d in duties
    )


def answers_for_region(duties: Iterable[HasDuty], role: Role, region: str) -> bool:
    """Whether somebody holds the role for the region or everywhere."""
    return any(d.role is role and d.store_id is None and d.region in {"", region} for d in duties)
