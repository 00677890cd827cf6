"""All flows of the house; importing this page enters them into the engine's FLOWS."""

from workflows.count_request import count_request
from workflows.discrepancy import discrepancy
from workflows.food_safety_campaign import food_safety_campaign
from workflows.food_safety_task import food_safety_task
from workflows.handover import handover
from workflows.recall_campaign import recall_campaign
from workflows.recall_task import recall_task
from workflows.warning import warning

ALL = (
    recall_campaign,
    recall_task,
    food_safety_campaign,
    food_safety_task,
    handover,
    discrepancy,
    warning,
    count_request,
)
