"""Who may import what at the desk, and the signed tickets its pages carry."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Store
from models.people import Role
from web.auth import Visitor
from web.services import services
from workflows.files import UPLOADS_WAIT
from workflows.imports.kinds import KINDS

_ALL = frozenset(KINDS)
_STORE_STOCK = frozenset({"opening", "counts", "sellout"})
#: People decide who may do what, so only the boss brings them in; a regional manager speaks for their own stores.
MAY_IMPORT: dict[Role, frozenset[str]] = {
    Role.BOSS: _ALL,
    Role.FINANCE: _ALL - {"people"},
    Role.WAREHOUSE_KEEPER: frozenset({"stock", "codes", "code_events"}) & _ALL,
    Role.REGIONAL_MANAGER: _STORE_STOCK,
}
#: The roles that speak for all stores; the others only for those they may see.
_FOR_ALL = (Role.BOSS, Role.FINANCE, Role.WAREHOUSE_KEEPER)


class TicketInvalid(Exception):
    """The ticket was not made by us, or is too old; `str()` is the Chinese sentence."""


def may_import(visitor: Visitor) -> list[str]:
    """The kinds this person may import, in the order they are offered."""
    mine = {kind for duty in visitor.actor.duties for kind in MAY_IMPORT.get(duty.role, frozenset())}
    return [kind for kind in KINDS if kind in mine]


def only_stores(session: Session, visitor: Visitor) -> frozenset[int] | None:
    """The stores this person speaks for, None for all."""
    if any(visitor.actor.has(role) for role in _FOR_ALL):
        return None
    return frozenset(session.scalars(select(Store.id).where(visitor.sight.stores())))


class _Sealed:
    """Something signed with the house's secret that holds for a while."""

    @classmethod
    def opened(cls, sealed: str, now: datetime) -> Self:
        """The ticket behind the signed words. Raises TicketInvalid."""
        try:
            facts, until = _signer(cls.__name__).loads(sealed)
        except (BadSignature, ValueError, TypeError):
            raise TicketInvalid("页面不对，请重新上传文件。") from None
        if now.timestamp() > until:
            raise TicketInvalid("放得太久了，请重新上传文件。")
        return cls(**facts)

    def sealed(self, now: datetime, wait: timedelta = UPLOADS_WAIT) -> str:
        """The ticket as signed words."""
        facts: Any = asdict(self)  # type: ignore[call-overload]
        signed: str = _signer(type(self).__name__).dumps([facts, (now + wait).timestamp()])
        return signed


@dataclass(frozen=True)
class Ticket(_Sealed):
    """An uploaded file that may be written: what it is, by its hash, and who uploaded it."""

    kind: str
    sha256: str
    name: str
    person_id: int | None
    skip_bad: bool = False


@dataclass(frozen=True)
class ErrorTicket(_Sealed):
    """A file of marked errors that one person may fetch."""

    name: str
    person_id: int | None


def _signer(what: str) -> URLSafeSerializer:
    return URLSafeSerializer(services().house.secret, salt=f"jiuhui-import-{what}")
