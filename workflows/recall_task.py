"""What one store does in a commercial take-back: asked, answers, hands over, done. One screen."""

from models.recall import TaskState as S
from workflows.flow import Flow, working
from workflows.task_people import closed_by_campaign, manager_of_store, owner_or_rep, rep_or_manager
from workflows.task_steps import (
    accept_problem,
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
    waive_rest,
    witness_destruction,
)

recall_task = Flow("recall_task", start=S.ASKED, ends=[S.CLOSED, S.CANCELLED])
on, after, as_soon_as = recall_task.on, recall_task.after, recall_task.as_soon_as

# 等门店答复：催门店，再报业务员、经理；过了期限标逾期
on(S.ASKED, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.ASKED, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.ASKED, "answer_sold_out", by=owner_or_rep, to=S.SOLD_OUT, do=[tell_rep_answer])
on(S.ASKED, "report_sold", by=owner_or_rep, to=S.COLLECTING, do=[explain_sold, tell_rep_answer])
on(S.ASKED, "refuse", by=owner_or_rep, to=S.REFUSED, do=[note_refusal, tell_rep_answer])
on(S.ASKED, "problem", by=owner_or_rep, to=S.TROUBLED, do=[note_problem, tell_rep_answer])
on(S.ASKED, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.ASKED, working(lambda limits: limits.remind_store_hours), do=[remind_store])
after(S.ASKED, working(lambda limits: limits.tell_rep_silent_hours), do=[tell_rep_silent])
after(S.ASKED, working(lambda limits: limits.tell_manager_silent_hours), do=[tell_manager_silent])
after(S.ASKED, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 门店同意，等上门交接；一次拉不完，其余改日
on(S.COLLECTING, "answer_all", by=owner_or_rep, do=[declare_all, tell_rep_answer])
on(S.COLLECTING, "answer_part", by=owner_or_rep, do=[declare_part, tell_rep_answer])
on(S.COLLECTING, "answer_sold_out", by=owner_or_rep, to=S.SOLD_OUT, do=[tell_rep_answer])
on(S.COLLECTING, "report_sold", by=owner_or_rep, do=[explain_sold, tell_rep_answer])
on(S.COLLECTING, "report_transfer", by=rep_or_manager, do=[note_transfer])
on(S.COLLECTING, "destroy_on_site", by=rep_or_manager, do=[witness_destruction])
on(S.COLLECTING, "refuse", by=owner_or_rep, to=S.REFUSED, do=[note_refusal, tell_rep_answer])
on(S.COLLECTING, "problem", by=owner_or_rep, to=S.TROUBLED, do=[note_problem, tell_rep_answer])
on(S.COLLECTING, "reschedule", by=owner_or_rep, do=[promise_day, tell_rep_answer])
on(S.COLLECTING, "waive", by=manager_of_store, do=[waive_rest])
on(S.COLLECTING, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
as_soon_as(S.COLLECTING, nothing_left, to=S.CLOSED, do=[finish_task, tell_store_closed])
after(S.COLLECTING, working(lambda limits: limits.remind_pickup_hours), do=[remind_pickup])
after(S.COLLECTING, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 说卖完了：业务员核实
on(S.SOLD_OUT, "confirm_sold_out", by=rep_or_manager, to=S.COLLECTING, do=[explain_rest_as_sold])
on(S.SOLD_OUT, "doubt_sold_out", by=rep_or_manager, to=S.ASKED, do=[forget_answer, tell_store_again])
on(S.SOLD_OUT, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.SOLD_OUT, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.SOLD_OUT, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.SOLD_OUT, working(lambda limits: limits.check_sold_out_hours), do=[remind_rep_sold_out])
after(S.SOLD_OUT, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 不退：经理谈，谈成继续，谈不成写明理由放行
on(S.REFUSED, "insist", by=manager_of_store, to=S.ASKED, do=[forget_answer, tell_store_again])
on(S.REFUSED, "waive", by=manager_of_store, to=S.COLLECTING, do=[waive_rest])
on(S.REFUSED, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.REFUSED, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.REFUSED, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.REFUSED, working(lambda limits: limits.settle_refusal_hours), do=[remind_manager_refusal])
after(S.REFUSED, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 有问题：业务员处理完再问一次
on(S.TROUBLED, "solved", by=rep_or_manager, to=S.ASKED, do=[accept_problem, tell_store_again])
on(S.TROUBLED, "insist", by=manager_of_store, to=S.ASKED, do=[forget_answer, tell_store_again])
on(S.TROUBLED, "waive", by=manager_of_store, to=S.COLLECTING, do=[waive_rest])
on(S.TROUBLED, "answer_all", by=owner_or_rep, to=S.COLLECTING, do=[declare_all, tell_rep_answer])
on(S.TROUBLED, "answer_part", by=owner_or_rep, to=S.COLLECTING, do=[declare_part, tell_rep_answer])
on(S.TROUBLED, "stop", by=closed_by_campaign, to=S.WINDING_DOWN, do=[release_rest, tell_store_stopped])
after(S.TROUBLED, working(lambda limits: limits.settle_refusal_hours), do=[remind_manager_refusal])
after(S.TROUBLED, past_deadline, when=not_yet_overdue, do=[mark_overdue, tell_overdue])

# 中止：店里的放开，在途的照常到仓
as_soon_as(S.WINDING_DOWN, nothing_left, to=S.CANCELLED, do=[finish_task])

recall_task.checked()
