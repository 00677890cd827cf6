"""The desk's page of what programs bring us: connectors with their last run, API keys with their last use."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, render_template
from sqlalchemy.orm import Session

from models.api import ApiKey, PullState
from models.people import Role
from settings.schema import Connector
from web import auth
from web.auth import Visitor
from web.guards import guard
from web.services import services
from workflows.api_keys import all_keys, state_of
from workflows.connectors import states

desk_connectors = Blueprint("desk_connectors", __name__, url_prefix="/desk/connectors")
guard(desk_connectors)

MAY_SEE = (Role.BOSS, Role.FINANCE)
KEY_STATES = {"valid": "有效", "revoked": "已作废", "expired": "已过期"}


@dataclass(frozen=True)
class ConnectorRow:
    """One connector as the page shows it."""

    connector: Connector
    state: PullState | None

    @property
    def source(self) -> str:
        """Where it fetches from; never the address with its password."""
        return self.connector.folder or f"视图 {self.connector.view}"

    @property
    def schedule(self) -> str:
        """When it runs."""
        at = self.connector.at
        return f"每天 {at:%H:%M}" if at else f"每 {self.connector.every_minutes} 分钟"


@dataclass(frozen=True)
class KeyRow:
    """One key as the page shows it."""

    key: ApiKey
    state: str


@desk_connectors.get("/")
def show() -> Response:
    """All connectors and keys, for those who hear of their troubles."""
    now = services().clock()
    with services().database.read() as session:
        visitor = _visitor(session, now)
        known = states(session)
        rows = [ConnectorRow(c, known.get(c.name)) for c in services().house.connectors]
        keys = [KeyRow(key, KEY_STATES[state_of(key, now)]) for key in all_keys(session)]
        return make_response(render_template("desk/connectors.html", visitor=visitor, rows=rows, keys=keys))


def _visitor(session: Session, now: datetime) -> Visitor:
    visitor = auth.visitor(session, now)
    if visitor is None:
        abort(401)
    if not any(visitor.actor.has(role) for role in MAY_SEE):
        abort(403)
    return visitor
