"""Who may do what to a store's task."""

from models.people import Role
from rules.people import answers_for, works_in_store
from workflows.flow import Step


def store_person(step: Step) -> bool:
    """Owner or clerk of the task's store."""
    return works_in_store(step.actor.duties, step.subject.store_id)


def rep_of_store(step: Step) -> bool:
    """The store's sales rep of that day."""
    return _answers(step, Role.SALES_REP)


def manager_of_store(step: Step) -> bool:
    """The region's manager, or the boss."""
    return _answers(step, Role.REGIONAL_MANAGER) or step.actor.has(Role.BOSS)


def rep_or_manager(step: Step) -> bool:
    """The store's rep, the region's manager, or the boss."""
    return rep_of_store(step) or manager_of_store(step)


def owner_or_rep(step: Step) -> bool:
    """The store itself, or the rep who writes down what the store said."""
    return store_person(step) or rep_of_store(step)


def quality_or_boss(step: Step) -> bool:
    """The quality officer, or the boss."""
    return step.actor.has(Role.QUALITY_OFFICER) or step.actor.has(Role.BOSS)


def closed_by_campaign(step: Step) -> bool:
    """Only the campaign itself stops a task; no person presses this."""
    return step.actor.person_id is None


def _answers(step: Step, role: Role) -> bool:
    store = step.subject.store
    return answers_for(step.actor.duties, role, store.id, store.region)
