"""Commercial take-back (商业回收), from the first idea to the closed file: the whole flow on this screen."""

from models.recall import CampaignState as S
from workflows.campaign_people import boss, boss_elsewhere, creator, creator_or_boss, manager_of_scope, rep_of_scope
from workflows.campaign_steps import (
    announce_start,
    ask_boss,
    ask_manager,
    ask_rep,
    asked_by_warning,
    change_scope,
    close_books,
    close_criteria_met,
    for_manager,
    for_rep,
    needs_boss,
    needs_manager,
    no_open_task,
    note_abort,
    note_rejection,
    remind_approver,
    second_waiver,
    sign_off,
    sign_waiver,
    stop_tasks,
    tell_aborted,
    tell_creator_cancelled,
    tell_creator_rejected,
    tell_waiting_for_close,
    withdraw_cards,
)
from workflows.flow import Flow, working
from workflows.issuing import issue_tasks

REMIND_APPROVER = working(lambda limits: limits.remind_approver_hours)

recall_campaign = Flow("recall_campaign", start=S.DRAFT, ends=[S.CLOSED, S.CANCELLED, S.ABORTED])
on, after, as_soon_as = recall_campaign.on, recall_campaign.after, recall_campaign.as_soon_as

# 草稿：谁来批由来源、金额和区域定
on(S.DRAFT, "submit", by=creator, when=for_rep, to=S.AT_REP, do=[ask_rep])
on(S.DRAFT, "submit", by=creator, when=for_manager, to=S.AT_MANAGER, do=[ask_manager])
on(S.DRAFT, "submit", by=creator, to=S.AT_BOSS, do=[ask_boss])
on(S.DRAFT, "cancel", by=creator_or_boss, to=S.CANCELLED, do=[tell_creator_cancelled])

# 等业务员：超过限额再由区域经理批
on(S.AT_REP, "approve", by=rep_of_scope, when=needs_manager, to=S.AT_MANAGER, do=[sign_off, ask_manager])
on(S.AT_REP, "approve", by=rep_of_scope, when=needs_boss, to=S.AT_BOSS, do=[sign_off, ask_boss])
on(S.AT_REP, "approve", by=rep_of_scope, to=S.RUNNING, do=[sign_off, issue_tasks, announce_start])
on(S.AT_REP, "reject", by=rep_of_scope, when=asked_by_warning, to=S.CANCELLED, do=[note_rejection])
on(S.AT_REP, "reject", by=rep_of_scope, to=S.DRAFT, do=[note_rejection, tell_creator_rejected])
on(S.AT_REP, "change_quantity", by=rep_of_scope, to=S.AT_REP, do=[change_scope, ask_rep])
on(S.AT_REP, "withdraw", by=creator_or_boss, to=S.DRAFT, do=[withdraw_cards])
after(S.AT_REP, REMIND_APPROVER, do=[remind_approver])

# 等区域经理
on(S.AT_MANAGER, "approve", by=manager_of_scope, when=needs_boss, to=S.AT_BOSS, do=[sign_off, ask_boss])
on(S.AT_MANAGER, "approve", by=manager_of_scope, to=S.RUNNING, do=[sign_off, issue_tasks, announce_start])
on(S.AT_MANAGER, "reject", by=manager_of_scope, when=asked_by_warning, to=S.CANCELLED, do=[note_rejection])
on(S.AT_MANAGER, "reject", by=manager_of_scope, to=S.DRAFT, do=[note_rejection, tell_creator_rejected])
on(S.AT_MANAGER, "change_quantity", by=manager_of_scope, to=S.AT_MANAGER, do=[change_scope, ask_manager])
on(S.AT_MANAGER, "withdraw", by=creator_or_boss, to=S.DRAFT, do=[withdraw_cards])
after(S.AT_MANAGER, REMIND_APPROVER, do=[remind_approver])

# 等老板
on(S.AT_BOSS, "approve", by=boss_elsewhere, to=S.RUNNING, do=[sign_off, issue_tasks, announce_start])
on(S.AT_BOSS, "reject", by=boss_elsewhere, when=asked_by_warning, to=S.CANCELLED, do=[note_rejection])
on(S.AT_BOSS, "reject", by=boss_elsewhere, to=S.DRAFT, do=[note_rejection, tell_creator_rejected])
on(S.AT_BOSS, "change_quantity", by=boss_elsewhere, to=S.AT_BOSS, do=[change_scope, ask_boss])
on(S.AT_BOSS, "withdraw", by=creator_or_boss, to=S.DRAFT, do=[withdraw_cards])
after(S.AT_BOSS, REMIND_APPROVER, do=[remind_approver])

# 执行中：门店逐家了结
on(S.RUNNING, "abort", by=manager_of_scope, to=S.WINDING_DOWN, do=[note_abort, tell_aborted, stop_tasks])
as_soon_as(S.RUNNING, no_open_task, to=S.CHECKING)

# 中止：在途货物照常到仓，放开占用
as_soon_as(S.WINDING_DOWN, no_open_task, to=S.ABORTED, do=[close_books])
on(S.WINDING_DOWN, "close_with_waiver", by=boss, to=S.ABORTED, do=[sign_waiver, close_books])

# 结案：账清货清自动结；账不清要两个人签字放行
as_soon_as(S.CHECKING, close_criteria_met, to=S.CLOSED, do=[close_books])
on(S.CHECKING, "close_with_waiver", by=manager_of_scope, when=second_waiver, to=S.CLOSED, do=[sign_waiver, close_books])
on(S.CHECKING, "close_with_waiver", by=manager_of_scope, do=[sign_waiver])
after(S.CHECKING, working(lambda limits: limits.discrepancy_hours), do=[tell_waiting_for_close])

recall_campaign.checked()
