"""Permissions and actions of a warning."""

from datetime import timedelta

from models.people import Role
from models.warning import StockWarning
from rules.people import answers_for, answers_for_region
from workflows.acting import business_day
from workflows.campaigns import start_from_warning
from workflows.flow import Step
from workflows.refusals import InvalidInput

DAYS = 14  # until the goods should be back, when a warning asks


def rep_or_manager_of_store(step: Step) -> bool:
    """The store's rep, the region's manager, or the boss."""
    store, duties = step.subject.store, step.actor.duties
    return (
        step.actor.has(Role.BOSS)
        or answers_for(duties, Role.SALES_REP, store.id, store.region)
        or answers_for_region(duties, Role.REGIONAL_MANAGER, store.region)
    )


def scan_itself(step: Step) -> bool:
    """Only the scan says that the condition is over."""
    return step.actor.person_id is None


def open_campaign(step: Step) -> None:
    """One tap starts a campaign for the warning's goods."""
    warning: StockWarning = step.subject
    deadline = business_day(step.now) + timedelta(days=DAYS)
    campaign = start_from_warning(step.session, step.house, warning, step.actor, deadline, step.now)
    step.facts["campaign"] = campaign.id
    step.data["campaign"] = campaign


def note_reason(step: Step) -> None:
    """Why it is left alone stays in the history."""
    if not str(step.data.get("reason", "")).strip():
        raise InvalidInput("忽略要写明原因，例如：忽略 W12 已谈好下周促销。")


def stamp_change(step: Step) -> None:
    """When the warning last changed."""
    step.subject.changed_at = step.now
