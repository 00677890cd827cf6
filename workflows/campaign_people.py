"""Who has a say in a campaign: who asked, who approves, and nobody the own request."""

from sqlalchemy import select

from models.catalog import Store
from models.people import Person, Role
from models.recall import Campaign, ScopeLine
from rules.people import answers_for, answers_for_region
from workflows.acting import Actor, actor_of, business_day, people_with
from workflows.flow import Step


def creator(step: Step) -> bool:
    """Who asked for it; a warning's campaign is submitted by the system."""
    return step.actor.person_id == step.subject.creator_id


def boss(step: Step) -> bool:
    """The distributor's owner."""
    return step.actor.has(Role.BOSS)


def creator_or_boss(step: Step) -> bool:
    """Who asked for it, or the boss."""
    return creator(step) or boss(step)


def rep_of_scope(step: Step) -> bool:
    """The rep of every store asked, and not the one who asked for it."""
    return _is_other(step) and _reps_all(step.actor, _stores(step))


def manager_of_scope(step: Step) -> bool:
    """The manager of every region asked (or the boss), and not the one who asked for it.

    What the boss asks of several regions nobody stands above: there one of their managers is enough.
    """
    manages = _manages_any(step) if asked_by_boss(step) else _manages_all(step)
    return _is_other(step) and (boss(step) or manages)


def boss_elsewhere(step: Step) -> bool:
    """The boss, unless it was the boss who asked."""
    return _is_other(step) and boss(step)


def boss_or_quality(step: Step) -> bool:
    """The boss or the quality officer."""
    return boss(step) or step.actor.has(Role.QUALITY_OFFICER)


def may_hold(step: Step) -> bool:
    """Who may stop the sale of a lot at once: quality officer, manager, boss."""
    return boss_or_quality(step) or step.actor.has(Role.REGIONAL_MANAGER)


def asked_by_boss(step: Step) -> bool:
    """Whether the boss asked for it."""
    # Who asked need not be asked again; the approver below is the second pair of eyes.
    bosses = people_with(step.session, Role.BOSS, business_day(step.now))
    return any(person.id == step.subject.creator_id for person in bosses)


def _is_other(step: Step) -> bool:
    return step.actor.person_id is not None and step.actor.person_id != step.subject.creator_id


def others(step: Step, people: list[Person]) -> list[Person]:
    approved = {approval["person_id"] for approval in step.subject.approvals}
    out = {step.subject.creator_id} | approved
    return [person for person in people if person.id not in out]


def _stores(step: Step) -> list[tuple[int, str]]:
    """(store id, region) of every store asked."""
    campaign: Campaign = step.subject
    query = (
        select(Store.id, Store.region)
        .join(ScopeLine, ScopeLine.store_id == Store.id)
        .where(ScopeLine.campaign_id == campaign.id, ScopeLine.scope_version == campaign.scope_version)
        .distinct()
    )
    return [(store_id, region) for store_id, region in step.session.execute(query)]


def regions_of(step: Step) -> set[str]:
    """The regions of the stores asked."""
    campaign: Campaign = step.subject
    query = (
        select(Store.region)
        .join(ScopeLine, ScopeLine.store_id == Store.id)
        .where(ScopeLine.campaign_id == campaign.id, ScopeLine.scope_version == campaign.scope_version)
        .distinct()
    )
    return set(step.session.scalars(query))


def _manages_all(step: Step) -> bool:
    duties = step.actor.duties
    return all(answers_for_region(duties, Role.REGIONAL_MANAGER, region) for region in regions_of(step))


def _manages_any(step: Step) -> bool:
    duties = step.actor.duties
    return any(answers_for_region(duties, Role.REGIONAL_MANAGER, region) for region in regions_of(step))


def approving_reps(step: Step) -> list[Person]:
    stores = _stores(step)
    reps = people_with(step.session, Role.SALES_REP, business_day(step.now))
    found = [rep for rep in reps if stores and _reps_all(actor_of(rep, step.now, ""), stores)]
    return others(step, found)


def _reps_all(actor: Actor, stores: list[tuple[int, str]]) -> bool:
    return all(answers_for(actor.duties, Role.SALES_REP, store, region) for store, region in stores)


def approving_managers(step: Step) -> list[Person]:
    regions = regions_of(step)
    if len(regions) != 1 and not asked_by_boss(step):
        return []
    day = business_day(step.now)
    found = [p for region in regions for p in people_with(step.session, Role.REGIONAL_MANAGER, day, region=region)]
    return others(step, list({person.id: person for person in found}.values()))


def creators(step: Step) -> list[Person]:
    person = step.session.get(Person, step.subject.creator_id) if step.subject.creator_id else None
    return [person] if person else []
