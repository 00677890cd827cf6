"""A difference between paper and goods (差异): found, lost, taken in or given back. One screen."""

from models.recall import DiscrepancyState as S
from workflows.discrepancy_steps import (
    is_short,
    is_surplus,
    manager_of_handover,
    manager_or_owner,
    note_decision,
    put_found,
    remind_owner,
    see_whether_task_done,
    send_back,
    take_in,
    write_off,
)
from workflows.flow import Flow, working

discrepancy = Flow("discrepancy", start=S.OPEN, ends=[S.FOUND, S.LOST, S.ACCEPTED, S.GIVEN_BACK])
on, after = discrepancy.on, discrepancy.after

on(
    S.OPEN,
    "found",
    by=manager_or_owner,
    when=is_short,
    to=S.FOUND,
    do=[note_decision, put_found, see_whether_task_done],
)
on(
    S.OPEN,
    "lose",
    by=manager_of_handover,
    when=is_short,
    to=S.LOST,
    do=[note_decision, write_off, see_whether_task_done],
)
on(
    S.OPEN,
    "accept",
    by=manager_of_handover,
    when=is_surplus,
    to=S.ACCEPTED,
    do=[note_decision, take_in, see_whether_task_done],
)
on(
    S.OPEN,
    "give_back",
    by=manager_of_handover,
    when=is_surplus,
    to=S.GIVEN_BACK,
    do=[note_decision, send_back, see_whether_task_done],
)
after(S.OPEN, working(lambda limits: limits.discrepancy_hours), do=[remind_owner])

discrepancy.checked()
