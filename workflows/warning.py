"""The life of a warning (预警): watched, firing, noticed, acted on, put aside, over. One screen.

Snoozed, inhibited and stale are marks beside the state. The scan fires, re-fires and resolves by itself.
"""

from models.warning import WarningState as S
from workflows.flow import Flow, working
from workflows.warning_people import answers_for_store, scan_itself
from workflows.warning_steps import (
    ask_for_count,
    end_silence,
    give_to,
    is_silenced,
    names_goods,
    note_action,
    note_notice,
    nothing_came_of_it,
    open_campaign,
    propose_stores,
    put_aside,
    put_silence,
    show_now,
    something_under_way,
    speak_again,
    stamp_change,
    tell_assignee,
    to_oneself,
)

FOLLOW_UP = working(lambda limits: limits.follow_up_warning_hours)

warning = Flow("warning", start=S.PENDING, ends=[S.RESOLVED])
on, after, who = warning.on, warning.after, answers_for_store

# 观察中：条件刚成立，够了天数才报
on(S.PENDING, "fire", by=scan_itself, to=S.FIRING, do=[stamp_change])
on(S.PENDING, "resolve", by=scan_itself, to=S.RESOLVED, do=[stamp_change])

# 预警中、已知晓：知晓只停催办；级别升高、静默到期、忽略到期都会再响
on(S.FIRING, "acknowledge", by=who, to=S.ACKNOWLEDGED, do=[note_notice, show_now])
on(S.FIRING, "reopen", by=who, when=is_silenced, do=[end_silence, show_now])
on(S.ACKNOWLEDGED, "reopen", by=who, to=S.FIRING, do=[end_silence, show_now])
on(S.ACKNOWLEDGED, "refire", by=scan_itself, to=S.FIRING, do=[stamp_change])
for state in (S.FIRING, S.ACKNOWLEDGED):
    on(state, "assign", by=who, when=to_oneself, to=S.ACKNOWLEDGED, do=[give_to, note_notice, show_now])
    on(state, "assign", by=who, to=S.FIRING, do=[give_to, show_now, tell_assignee])
    on(state, "snooze", by=who, to=S.FIRING, do=[note_notice, put_silence, show_now])
    on(state, "ask_count", by=who, when=names_goods, to=S.FIRING, do=[note_notice, ask_for_count, show_now])
    on(state, "dismiss", by=who, to=S.DISMISSED, do=[note_notice, put_aside, show_now])
    on(state, "start_recall", by=who, when=names_goods, to=S.IN_ACTION, do=[open_campaign, note_action, show_now])
    on(state, "find_transfer", by=who, when=names_goods, to=S.IN_ACTION, do=[propose_stores, note_action, show_now])
    on(state, "resolve", by=scan_itself, to=S.RESOLVED, do=[stamp_change, show_now])

# 处理中：几天没有结果就再提醒
on(S.IN_ACTION, "start_recall", by=who, when=names_goods, do=[open_campaign, note_action, show_now])
on(S.IN_ACTION, "find_transfer", by=who, when=names_goods, do=[propose_stores, note_action, show_now])
on(S.IN_ACTION, "dismiss", by=who, when=nothing_came_of_it, to=S.DISMISSED, do=[note_notice, put_aside, show_now])
on(S.IN_ACTION, "resolve", by=scan_itself, to=S.RESOLVED, do=[stamp_change, show_now])
after(S.IN_ACTION, FOLLOW_UP, when=something_under_way, to=S.IN_ACTION)
after(S.IN_ACTION, FOLLOW_UP, when=nothing_came_of_it, to=S.FIRING, do=[speak_again, show_now])

# 已忽略：只对当时的级别和数量有效
on(S.DISMISSED, "reopen", by=who, to=S.FIRING, do=[end_silence, show_now])
on(S.DISMISSED, "start_recall", by=who, when=names_goods, to=S.IN_ACTION, do=[open_campaign, note_action, show_now])
on(S.DISMISSED, "refire", by=scan_itself, to=S.FIRING, do=[stamp_change])
on(S.DISMISSED, "resolve", by=scan_itself, to=S.RESOLVED, do=[stamp_change, show_now])

warning.checked()
