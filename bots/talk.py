"""One message being answered: who, what, and the doors handlers may use."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bots.catalog import Catalog
from bots.messages import Incoming
from bots.understand import Said
from models.catalog import Product
from models.prepared import Line
from models.recall import RecallTask
from workflows.acting import Actor, business_day
from workflows.flow import FLOWS, Step
from workflows.house import House
from workflows.subjects import Subject, flow_name


@dataclass
class Talk:
    """What a handler is given. `catalog` knows the products' names; `said` is read when first asked for."""

    session: Session
    line: Line
    house: House
    catalog: Catalog
    incoming: Incoming
    actor: Actor
    now: datetime
    _said: Said | None = None
    #: The open tasks of the person's stores, once somebody has asked for them.
    open_tasks: list[RecallTask] | None = None

    @property
    def person_id(self) -> int:
        """Who speaks; the system never does."""
        assert self.actor.person_id is not None  # noqa: S101 - a talk begins with a known person
        return self.actor.person_id

    @property
    def today(self) -> date:
        """The business day."""
        return business_day(self.now)

    @property
    def said(self) -> Said:
        """What the words mean."""
        if self._said is None:
            self._said = self.catalog.understood(self.incoming.text, self.line, self.now)
        return self._said

    def fire(self, subject: Subject, event: str, seen: int | None = None, **data: Any) -> Step:
        """Let the person do something to an object of a flow."""
        step = Step(self.session, self.house, subject, self.actor, self.now, data)
        FLOWS[flow_name(subject)].fire(step, event, seen)
        return step

    def say(self, text: str, /, **data: Any) -> str:
        """A sentence for the person."""
        return self.house.texts.sentence(text, **data)

    def label(self, group: str, value: str) -> str:
        """The Chinese word for a listed value."""
        return self.house.texts.label(group, value)

    def example_product(self) -> str:
        """The name of some product, for an example to copy."""
        name = self.session.scalar(select(Product.name).order_by(Product.id).limit(1))
        return name or "商品名"
