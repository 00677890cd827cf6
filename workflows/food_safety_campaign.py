"""Food-safety recall (食品安全召回): hold first, ratify after; legal clocks run day and night. One screen.

Source of the clocks: 食品召回管理办法, start within 24/48/72 hours of knowing, finish within
10/20/30 working days. Nothing leads from here to reuse: every bottle ends destroyed or at the brand.
"""

from models.recall import CampaignState as S
from workflows.campaign_people import boss, boss_elsewhere, boss_or_quality, may_hold
from workflows.campaign_steps import (
    close_books,
    close_criteria_met,
    no_open_task,
    note_abort,
    second_waiver,
    sign_off,
    sign_waiver,
    stop_tasks,
    tell_aborted,
    tell_waiting_for_close,
)
from workflows.flow import Flow, working
from workflows.food_safety_steps import (
    alarm_finish_late,
    alarm_start_late,
    announce_recall,
    ask_to_ratify,
    finish_clock,
    lift_hold,
    remind_to_ratify,
    start_clock,
    stop_sale,
    tell_lifted,
)
from workflows.issuing import issue_tasks

food_safety_campaign = Flow("food_safety_campaign", start=S.DRAFT, ends=[S.CLOSED, S.CANCELLED, S.ABORTED])
on, after, as_soon_as = food_safety_campaign.on, food_safety_campaign.after, food_safety_campaign.as_soon_as

# 知悉：先停售封存，后追认
on(S.DRAFT, "hold", by=may_hold, to=S.HOLDING, do=[stop_sale, ask_to_ratify])
on(S.DRAFT, "cancel", by=boss_or_quality, to=S.CANCELLED)

# 已停售：老板追认后发召回；24/48/72 小时内必须启动，夜里也算
on(S.HOLDING, "ratify", by=boss_elsewhere, to=S.RUNNING, do=[sign_off, issue_tasks, announce_recall])
on(S.HOLDING, "lift", by=boss_elsewhere, to=S.CANCELLED, do=[lift_hold, tell_lifted])
after(S.HOLDING, working(lambda limits: limits.remind_approver_hours), do=[remind_to_ratify])
after(S.HOLDING, start_clock, do=[alarm_start_late])

# 召回中：10/20/30 个工作日内必须完成
on(S.RUNNING, "abort", by=boss, to=S.WINDING_DOWN, do=[note_abort, tell_aborted, stop_tasks])
as_soon_as(S.RUNNING, no_open_task, to=S.CHECKING)
after(S.RUNNING, finish_clock, do=[alarm_finish_late])

# 中止：在途货物照常到仓
as_soon_as(S.WINDING_DOWN, no_open_task, to=S.ABORTED, do=[close_books])

# 结案：账清货清自动结；账不清要两个人签字
as_soon_as(S.CHECKING, close_criteria_met, to=S.CLOSED, do=[close_books])
on(S.CHECKING, "close_with_waiver", by=boss_or_quality, when=second_waiver, to=S.CLOSED, do=[sign_waiver, close_books])
on(S.CHECKING, "close_with_waiver", by=boss_or_quality, do=[sign_waiver])
after(S.CHECKING, working(lambda limits: limits.discrepancy_hours), do=[tell_waiting_for_close])

food_safety_campaign.checked()
