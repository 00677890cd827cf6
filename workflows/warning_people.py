"""Who may do something about a warning, and who it can be given to."""

from collections.abc import Iterable

from sqlalchemy.orm import Session, selectinload

from models.catalog import Store
from models.people import Person, Role
from models.warning import StockWarning
from rules.people import HasDuty, answers_for, answers_for_region
from workflows.acting import Actor, actor_of, business_day, people_with
from workflows.flow import Step

#: Whoever sells for the distributor; nobody else looks after a store's stock.
SELLING = (Role.SALES_REP, Role.REGIONAL_MANAGER, Role.BOSS)


def answers_for_store(step: Step) -> bool:
    """The store's rep, the region's manager, the boss, or the seller it was given to."""
    return may_answer(step.actor, step.subject)


def scan_itself(step: Step) -> bool:
    """Only the scan says that a condition begins or is over."""
    return step.actor.person_id is None


def may_answer(actor: Actor, warning: StockWarning) -> bool:
    """Whether somebody may look at a warning and act on it today."""
    if actor.person_id is None:
        return False
    mine = warning.assignee_id == actor.person_id and any(actor.has(role) for role in SELLING)
    return mine or looks_after(actor.duties, warning.store)


def looks_after(duties: Iterable[HasDuty], store: Store) -> bool:
    """Whether the duties of a day make somebody answer for a store's stock."""
    held = list(duties)
    return (
        any(duty.role is Role.BOSS for duty in held)
        or answers_for(held, Role.SALES_REP, store.id, store.region)
        or answers_for_region(held, Role.REGIONAL_MANAGER, store.region)
    )


def candidates(step: Step) -> list[Person]:
    """Everybody a warning can be given to today: the store's reps first, then managers, then bosses."""
    store, day = step.subject.store, business_day(step.now)
    where = {"region": store.region, "store_id": store.id}
    found = people_with(step.session, Role.SALES_REP, day, **where)
    found += people_with(step.session, Role.REGIONAL_MANAGER, day, **where)
    found += people_with(step.session, Role.BOSS, day)
    allowed = {person.id: person for person in found if looks_after(actor_of(person, step.now, "").duties, store)}
    return list(allowed.values())


def reps_of_store(step: Step) -> list[Person]:
    """The store's reps of the day, the region's managers where it has none."""
    store, day = step.subject.store, business_day(step.now)
    where = {"region": store.region, "store_id": store.id}
    return people_with(step.session, Role.SALES_REP, day, **where) or people_with(
        step.session, Role.REGIONAL_MANAGER, day, **where
    )


def person_with_duties(session: Session, person_id: int | None) -> Person | None:
    """A person with all assignments, or nobody."""
    if person_id is None:
        return None
    return session.get(Person, person_id, options=[selectinload(Person.assignments)])
