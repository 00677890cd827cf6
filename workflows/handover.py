"""One hand-over (交接): counted at the door, signed by both, driven, received, inspected. One screen."""

from models.recall import HandoverState as S
from workflows.flow import Flow, working
from workflows.handover_steps import (
    agree_remaining,
    count_in,
    drop_scans,
    grade_goods,
    issue_handover_paper,
    issue_receipt_paper,
    keeper,
    keeper_apart,
    look_at_task,
    move_onto_vehicle,
    note_arrival,
    open_differences,
    remind_keeper,
    remind_taker,
    sign_both,
    taker,
    taker_or_keeper,
    taker_or_manager,
    tell_arrived,
    tell_driving,
    tell_inspected,
    tell_late,
    tell_received,
)

handover = Flow("handover", start=S.SCANNING, ends=[S.INSPECTED, S.VOID])
on, after = handover.on, handover.after

# 门口：扫码清点，双方手签
on(
    S.SCANNING,
    "sign",
    by=taker,
    to=S.IN_TRANSIT,
    do=[sign_both, move_onto_vehicle, agree_remaining, issue_handover_paper, tell_driving],
)
on(S.SCANNING, "void", by=taker_or_manager, to=S.VOID, do=[drop_scans, look_at_task])
after(S.SCANNING, working(lambda limits: limits.transit_hours), do=[remind_taker])

# 在途
on(S.IN_TRANSIT, "arrive", by=taker_or_keeper, to=S.ARRIVED, do=[note_arrival, tell_arrived])
on(
    S.IN_TRANSIT,
    "receive",
    by=keeper_apart,
    to=S.RECEIVED,
    do=[note_arrival, count_in, open_differences, tell_received],
)
after(S.IN_TRANSIT, working(lambda limits: limits.transit_hours), do=[tell_late])

# 到仓：仓管清点，差异当场立单
on(S.ARRIVED, "receive", by=keeper_apart, to=S.RECEIVED, do=[count_in, open_differences, tell_received])
after(S.ARRIVED, working(lambda limits: limits.receive_hours), do=[remind_keeper])

# 清点完：验收定级，出入库单
on(
    S.RECEIVED,
    "inspect",
    by=keeper,
    to=S.INSPECTED,
    do=[grade_goods, issue_receipt_paper, tell_inspected, look_at_task],
)
after(S.RECEIVED, working(lambda limits: limits.receive_hours), do=[remind_keeper])

handover.checked()
