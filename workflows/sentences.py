"""Refusals in words: what was not possible, and what to do instead."""

from workflows.house import House
from workflows.ledger import LedgerError
from workflows.refusals import Refusal

_STATE_LABELS = {
    "recall_campaign": "campaign_state",
    "food_safety_campaign": "campaign_state",
    "recall_task": "task_state",
    "food_safety_task": "task_state",
    "handover": "handover_state",
    "discrepancy": "discrepancy_state",
    "warning": "warning_state",
    "count_request": "count_state",
}


def sentence_for(house: House, refusal: Exception) -> str:
    """The Chinese sentence for a refusal; a ledger's refusal is told without its numbers."""
    texts = house.texts
    if isinstance(refusal, LedgerError):
        return texts.sentence("refused_input", sentence="账面上没有这么多货，或这批货被停售，没有办成。请核对数量。")
    if not isinstance(refusal, Refusal):
        return texts.sentence("refused")
    if "sentence" in refusal.facts:
        return str(refusal.facts["sentence"])
    facts = refusal.facts
    group = _STATE_LABELS.get(str(facts.get("flow", "")), "")
    state = texts.label(group, str(facts.get("state", ""))) or "已变化"
    return texts.sentence(refusal.text, state=state, event=texts.label("event", str(facts.get("event", ""))))
