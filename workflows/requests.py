"""A store asks by itself to give goods back: the request goes to its rep, and the store need not be asked again."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.recall import Campaign, Reason
from rules.people import works_in_store
from workflows.acting import Actor, business_day
from workflows.campaigns import Request, start
from workflows.house import House
from workflows.refusals import InvalidInput, NotPermitted
from workflows.scope import Ask

DAYS = 14  # until the goods should be back, when a store asks


def request_return(  # noqa: PLR0913, PLR0917 - a request is these nine facts
    session: Session,
    house: House,
    store: Store,
    product: Product,
    bottles: int,
    reason: Reason,
    text: str,
    actor: Actor,
    now: datetime,
) -> Campaign:
    """Open a campaign for one store, asked for by the store; raises InvalidInput when it cannot be.

    `bottles` may be less than the store is believed to hold, never more than that.
    """
    if not works_in_store(actor.duties, store.id):
        raise NotPermitted(flow="recall_campaign", state="", event="request", who=actor.name)
    if bottles <= 0:
        raise InvalidInput("请写明要退多少，例如：退 3 箱。")
    ask = Ask(product.id, store_codes=(store.code,), quantity=bottles)
    deadline = business_day(now) + timedelta(days=DAYS)
    request = Request(ask, reason, deadline, "store", reason_text=text[:200])
    return start(session, house, request, actor, now)
