"""The life of a warning (预警): firing, taken up, ignored, over. One screen."""

from models.warning import WarningState as S
from workflows.flow import Flow
from workflows.warning_steps import note_reason, open_campaign, rep_or_manager_of_store, scan_itself, stamp_change

warning = Flow("warning", start=S.FIRING, ends=[S.RESOLVED])
on = warning.on

on(S.FIRING, "start_recall", by=rep_or_manager_of_store, to=S.IN_ACTION, do=[open_campaign, stamp_change])
on(S.FIRING, "dismiss", by=rep_or_manager_of_store, to=S.DISMISSED, do=[note_reason, stamp_change])
on(S.FIRING, "resolve", by=scan_itself, to=S.RESOLVED, do=[stamp_change])
on(S.IN_ACTION, "resolve", by=scan_itself, to=S.RESOLVED, do=[stamp_change])
on(S.DISMISSED, "start_recall", by=rep_or_manager_of_store, to=S.IN_ACTION, do=[open_campaign, stamp_change])
on(S.DISMISSED, "resolve", by=scan_itself, to=S.RESOLVED, do=[stamp_change])

warning.checked()
