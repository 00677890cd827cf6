"""What one store does in a food-safety recall (召回): seal, answer, hand over or destroy. One screen.

There is no row that lets bottles go by waiver, and reminders run day and night.
"""

from models.recall import TaskState as S
from rules.deadlines import Wait
from workflows.flow import Flow, WaitRule
from workflows.task_people import closed_by_campaign, owner_or_rep, quality_or_boss, rep_or_manager
from workflows.task_steps import (
    declare_all,
    declare_part,
    explain_rest_as_sold,
    explain_sold,
    finish_task,
    forget_answer,
    mark_overdue,
    not_yet_overdue,
    note_problem,
    note_refusal,
    note_transfer,
    nothing_left,
    past_deadline,
    promise_day,
    release_rest,
    remind_manager_refusal,
    remind_pickup,
    remind_rep_sold_out,
    remind_store,
    tell_manager_silent,
    tell_overdue,
    tell_rep_answer,
    tell_rep_silent,
    tell_store_again,
    tell_store_closed,
    tell_store_stopped,
    witness_destruction,
)


def hours(number: int) -> WaitRule:
    """Plain hours: the law's clock does not sleep."""
    return WaitRule(lambda _: Wait(number, working=False), f"{number} hours, nights included")


food_safety_task = Flow("food_safety_task", start=S.ASKED, ends=[S.CLOSED, S.CANCELLED])
on, after, as_soon_as = food_safety_task.on, food_safety_task.after, food_safety_task.as_soon_as

# 等门店封存并答复：2 小时催，4 小时报业务员，8 小时报经理
on(S.ASKED, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.ASKED, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.ASKED, "answer_sold_out", by=owner_or_rep, to=S.SOLD_OUT, do=[tell_rep_answer])
on(S.ASKED, "report_sold", by=owner_or_rep, to=S.COLLECTING, do=[explain_sold, tell_rep_answer])
on(S.ASKED, "refuse", by=owner_or_rep, to=S.REFUSED, do=[note_refusal, tell_rep_answer])
on(S.ASKED, "problem", by=owner_or_rep, to=S.TROUBLED, do=[note_problem, tell_rep_answer])
on(S.ASKED, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.ASKED, hours(2), do=[remind_store])
after(S.ASKED, hours(4), do=[tell_rep_silent])
after(S.ASKED, hours(8), do=[tell_manager_silent])
after(S.ASKED, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 已封存，等收走或就地销毁
on(S.COLLECTING, "answer_all", by=owner_or_rep, do=[declare_all, tell_rep_answer])
on(S.COLLECTING, "answer_part", by=owner_or_rep, do=[declare_part, tell_rep_answer])
on(S.COLLECTING, "answer_sold_out", by=owner_or_rep, to=S.SOLD_OUT, do=[tell_rep_answer])
on(S.COLLECTING, "report_sold", by=owner_or_rep, do=[explain_sold, tell_rep_answer])
on(S.COLLECTING, "report_transfer", by=rep_or_manager, do=[note_transfer])
on(S.COLLECTING, "destroy_on_site", by=rep_or_manager, do=[witness_destruction])
on(S.COLLECTING, "reschedule", by=owner_or_rep, do=[promise_day, tell_rep_answer])
on(S.COLLECTING, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
as_soon_as(S.COLLECTING, nothing_left, to=S.CLOSED, do=[finish_task, tell_store_closed])
after(S.COLLECTING, hours(12), do=[remind_pickup])
after(S.COLLECTING, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 说卖完了：必须核实
on(S.SOLD_OUT, "confirm_sold_out", by=rep_or_manager, to=S.COLLECTING, do=[explain_rest_as_sold])
on(S.SOLD_OUT, "doubt_sold_out", by=rep_or_manager, to=S.ASKED, do=[forget_answer, tell_store_again])
on(S.SOLD_OUT, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.SOLD_OUT, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.SOLD_OUT, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.SOLD_OUT, hours(4), do=[remind_rep_sold_out])
after(S.SOLD_OUT, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 不配合：质量负责人或老板处理，没有放行
on(S.REFUSED, "insist", by=quality_or_boss, to=S.ASKED, do=[forget_answer, tell_store_again])
on(S.REFUSED, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.REFUSED, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.REFUSED, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.REFUSED, hours(4), do=[remind_manager_refusal])
after(S.REFUSED, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 有问题
on(S.TROUBLED, "insist", by=rep_or_manager, to=S.ASKED, do=[forget_answer, tell_store_again])
on(S.TROUBLED, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.TROUBLED, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.TROUBLED, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.TROUBLED, hours(4), do=[remind_manager_refusal])
after(S.TROUBLED, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 中止：在途的照常到仓
as_soon_as(S.WINDING_DOWN, nothing_left, to=S.CANCELLED, do=[finish_task])

food_safety_task.checked()
