"""What the platforms allow and what is used of it, and what is wrong with the calendar."""

from datetime import datetime

from flask import Blueprint, Response, abort, make_response, render_template

from web import auth
from web.guards import guard
from web.services import services
from workflows.acting import business_day
from workflows.calendar_watch import calendar_alarm, push_alarm
from workflows.house import House
from workflows.quotas import channels_that_wait, quotas

quota_page = Blueprint("quotas", __name__, url_prefix="/desk")
guard(quota_page)


@quota_page.get("/quotas")
def show() -> Response:
    """Every limit with its use, those of a day or month first."""
    now, house = services().clock(), services().house
    with services().database.read() as session:
        visitor = auth.visitor(session, now)
        if visitor is None:
            abort(401)
        page = render_template(
            "desk/quotas.html",
            visitor=visitor,
            quotas=quotas(session, house, now),
            waiting=channels_that_wait(session, house, now),
            warn_percent=house.quotas.warn_percent,
            reserve_percent=house.quotas.reserve_percent,
            name=lambda quota: house.texts.label("quota", quota),
            alarms=alarms(house, now),
        )
        return make_response(page)


def alarms(house: House, now: datetime) -> list[str]:
    """What must be said on the desk until it is put right."""
    said = (calendar_alarm(house, business_day(now)), push_alarm(house, house.push_at))
    return [alarm for alarm in said if alarm]
