"""Which table the objects of each flow live in, and which flow an object belongs to."""

from models.observing import CountRequest
from models.recall import Campaign, Discrepancy, Handover, LegalKind, RecallTask
from models.warning import StockWarning

SUBJECTS: dict[str, type[Campaign | RecallTask | Handover | Discrepancy | StockWarning | CountRequest]] = {
    "recall_campaign": Campaign,
    "food_safety_campaign": Campaign,
    "recall_task": RecallTask,
    "food_safety_task": RecallTask,
    "handover": Handover,
    "discrepancy": Discrepancy,
    "warning": StockWarning,
    "count_request": CountRequest,
}

Subject = Campaign | RecallTask | Handover | Discrepancy | StockWarning | CountRequest


def flow_name(subject: Subject) -> str:
    """The flow an object belongs to. The two legal kinds have flows of their own."""
    if isinstance(subject, Campaign):
        return "food_safety_campaign" if is_safety(subject) else "recall_campaign"
    if isinstance(subject, RecallTask):
        return "food_safety_task" if is_safety(subject.campaign) else "recall_task"
    if isinstance(subject, Handover):
        return "handover"
    if isinstance(subject, CountRequest):
        return "count_request"
    return "discrepancy" if isinstance(subject, Discrepancy) else "warning"


def is_safety(campaign: Campaign) -> bool:
    """Whether the campaign is a food-safety recall (召回) and no take-back (回收)."""
    return campaign.kind is LegalKind.FOOD_SAFETY


def worded(campaign: Campaign, text: str) -> str:
    """The name of a text in the wording of the campaign's legal kind."""
    return f"safety_{text}" if is_safety(campaign) else text
