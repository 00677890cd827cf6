"""Where the platforms call: one request = one transaction, and an answer inside their deadline.

DingTalk gives a card 2 seconds and does not ask again, so past `PATIENCE` the answer goes out at once
and the work finishes behind it; what it has to say follows as a message. WeCom asks again for up to
three times and finds the first delivery in the inbox, so there the work is simply waited for.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from datetime import datetime

import structlog
from flask import Blueprint, Response, current_app, jsonify, request

from bots.dingtalk.callback import CardCallback, DingtalkEvents, RobotCallback, card_reply, robot_reply
from bots.envelope import BadCallback
from bots.messages import Incoming, Reply
from bots.router import Deps, answer, reply_later
from bots.wecom.callback import WecomCallback

log = structlog.get_logger()
webhooks = Blueprint("webhooks", __name__)
EXTENSION = "jiuhui_webhooks"
PATIENCE = 1.2  # seconds; DingTalk's shortest deadline is 2


@dataclass(frozen=True)
class Doors:
    """The receiving side of both platforms, and what handles a message."""

    deps: Deps
    clock: Callable[[], datetime]
    wecom: WecomCallback
    dingtalk_events: DingtalkEvents
    dingtalk_robot: RobotCallback
    dingtalk_cards: CardCallback
    pool: ThreadPoolExecutor


def _doors() -> Doors:
    doors: Doors = current_app.extensions[EXTENSION]
    return doors


@webhooks.errorhandler(BadCallback)
def _refused(problem: BadCallback) -> tuple[str, int]:
    log.warning("callback_refused", path=request.path, why=problem.reason)
    return "refused", 403


@webhooks.get("/wecom/callback")
def wecom_check() -> Response:
    """The console saves our address: answer with the bare plain text."""
    return Response(_doors().wecom.verify_url(request.args), mimetype="text/plain")


@webhooks.post("/wecom/callback")
def wecom() -> Response:
    """A message, press or event of WeCom."""
    doors = _doors()
    inner = doors.wecom.open_envelope(request.args, _body())
    now = doors.clock()
    incoming = doors.wecom.parse(inner, now)
    reply = answer(doors.deps, incoming, now)
    if not reply.text or incoming.kind == "button":
        return Response("", mimetype="text/plain")
    if not doors.wecom.may_reply(inner):
        reply_later(doors.deps, incoming, reply, now)
        return Response("", mimetype="text/plain")
    envelope = doors.wecom.passive_reply(inner, reply.text, secrets.token_hex(8), now)
    return Response(envelope, mimetype="application/xml")


@webhooks.post("/dingtalk/events")
def dingtalk_events() -> Response:
    """An event DingTalk pushes; every one is answered with the encrypted word."""
    doors = _doors()
    now = doors.clock()
    event = doors.dingtalk_events.open_event(request.args, _body(), now)
    log.info("dingtalk_event", kind=event.kind)
    return jsonify(doors.dingtalk_events.reply_success(secrets.token_hex(8), now))


@webhooks.post("/dingtalk/robot")
def dingtalk_robot() -> Response:
    """Words to the robot, alone or in a group."""
    doors = _doors()
    now = doors.clock()
    incoming = doors.dingtalk_robot.open_message(dict(request.headers), _body(), now)
    return jsonify(robot_reply(_in_time(doors, incoming, now).text))


@webhooks.post("/dingtalk/cards")
def dingtalk_cards() -> Response:
    """A button of a card; the answer repaints only the presser's copy."""
    doors = _doors()
    now = doors.clock()
    incoming = doors.dingtalk_cards.open_press(dict(request.headers), _body(), now)
    reply = _in_time(doors, incoming, now)
    # A digest has a button for each of its lines: one press leaves the others.
    return jsonify(card_reply(reply.card_status, keep_buttons=incoming.button.startswith("warning:")))


def _in_time(doors: Doors, incoming: Incoming, now: datetime) -> Reply:
    work = doors.pool.submit(answer, doors.deps, incoming, now)
    try:
        return work.result(timeout=PATIENCE)
    except TooLate:
        log.warning("callback_slow", path=request.path)
        work.add_done_callback(lambda done: _say_later(doors, incoming, now, done))
        return Reply()


def _say_later(doors: Doors, incoming: Incoming, now: datetime, done: "Future[Reply]") -> None:
    problem = done.exception()
    if problem is not None:
        log.error("callback_failed_late", why=type(problem).__name__)
        return
    # Words after a press are in the outbox already; only a chat's answer is still unsaid.
    if incoming.kind != "button":
        reply_later(doors.deps, incoming, done.result(), now)


def _body() -> bytes:
    return request.get_data(cache=False)
