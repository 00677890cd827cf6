"""The life of a question how much is left (报数): the store is asked, then its rep. One screen."""

from models.observing import CountState as S
from workflows.count_steps import (
    all_answered,
    anything_shown,
    ask_about_rest,
    ask_store_again,
    close_question,
    nobody_in_store,
    send_rep_to_count,
    system_or_rep_of_store,
    take_counted,
    take_said,
    take_shown,
    tell_askers,
    tell_nobody_counted,
    works_there,
)
from workflows.flow import Flow, working

count_request = Flow("count_request", start=S.ASKED, ends=[S.ANSWERED, S.EXPIRED])
on, after, as_soon_as = count_request.on, count_request.after, count_request.as_soon_as

on(S.ASKED, "confirm", by=works_there, when=anything_shown, do=[take_shown, ask_about_rest])
on(S.ASKED, "correct", by=works_there, do=[take_said, ask_about_rest])
on(S.ASKED, "counted", by=system_or_rep_of_store, do=[take_counted, ask_about_rest])
as_soon_as(S.ASKED, all_answered, to=S.ANSWERED, do=[close_question, tell_askers])
as_soon_as(S.ASKED, nobody_in_store, to=S.AT_REP, do=[send_rep_to_count])
after(
    S.ASKED, working(lambda limits: limits.ask_rep_to_count_hours), to=S.AT_REP, do=[ask_store_again, send_rep_to_count]
)

on(S.AT_REP, "confirm", by=works_there, when=anything_shown, do=[take_shown, ask_about_rest])
on(S.AT_REP, "correct", by=works_there, do=[take_said, ask_about_rest])
on(S.AT_REP, "counted", by=system_or_rep_of_store, do=[take_counted, ask_about_rest])
as_soon_as(S.AT_REP, all_answered, to=S.ANSWERED, do=[close_question, tell_askers])
after(
    S.AT_REP, working(lambda limits: limits.count_request_hours), to=S.EXPIRED, do=[close_question, tell_nobody_counted]
)

count_request.checked()
