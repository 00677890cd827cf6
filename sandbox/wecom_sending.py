"""message/send, update_template_card and recall: who gets what, and what gets lost silently."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sandbox.bubbles import Face
from sandbox.people import Persona, chat_key
from sandbox.shapes import well_shaped
from sandbox.stage import BOT, Stage
from sandbox.wecom_bodies import APP_BODIES
from sandbox.wecom_cards import check_card, needs_response_code
from sandbox.wecom_errors import WeComError, bad_shape
from sandbox.wecom_faces import card_face, greyed
from sandbox.wecom_state import SentMessage, WeComState

HIDDEN_IN_WECHAT = frozenset({"markdown", "template_card"})
RECALL_HOURS = 24
MOST_RECEIVERS = 1000

Body = dict[str, Any]


class WeComSending:
    """The application's messages on their way to members."""

    def __init__(self, stage: Stage, state: WeComState) -> None:
        self._stage = stage
        self._state = state

    def send(self, body: Body, raw: bytes) -> Body:
        """Deliver one message; raises `WeComError`."""
        self._check_agent(body)
        repeated = self._repeated(body, raw)
        if repeated is not None:
            return repeated
        kind = str(body.get("msgtype"))
        compose = APP_BODIES.get(kind)
        if compose is None:
            raise WeComError(40008, "invalid message type")
        receivers, invalid = self._receivers(body)
        with well_shaped(bad_shape):
            face = compose(self._stage, body, "")
            seconds = min(int(body.get("duplicate_check_interval", 1800)), 14_400)
        message = self._message(body.get("template_card") if kind == "template_card" else None)
        for persona in receivers:
            self._deliver(message, persona, kind, face)
        answer = self._answer(message, invalid)
        if body.get("enable_duplicate_check") == 1:
            self._remember(raw, answer, seconds)
        return answer

    def update(self, body: Body) -> Body:
        """Repaint copies of one card with a response_code; raises `WeComError`."""
        self._check_agent(body)
        new_card = body.get("template_card")
        with well_shaped(bad_shape):
            repaint = _repainting(body)
        if body.get("atall") != 1 and not isinstance(body.get("userids"), list):
            raise WeComError(40058, "userids, partyids, tagids or atall required")
        with self._stage.lock:
            message = self._state.spend(str(body.get("response_code")), self._stage.now())
        if message is None:
            raise WeComError(60140, "response_code invalid, used or expired")
        targets, invalid = self._targets(body, message)
        for bubble_id in targets:
            self._repaint(bubble_id, repaint)
        if new_card is not None:
            message.card = new_card
        return {"invaliduser": invalid}

    def recall(self, body: Body) -> Body:
        """Take a message back within 24 hours; raises `WeComError`."""
        message = self._state.messages.get(str(body.get("msgid")))
        if message is None:
            raise WeComError(40058, "msgid invalid")
        if message.at + timedelta(hours=RECALL_HOURS) < self._stage.now():
            raise WeComError(42052, "message is older than 24 hours")
        for bubble_id in message.copies.values():
            self._stage.repaint(bubble_id, Face(kind="recalled", body="消息已撤回"))
        return {}

    def _check_agent(self, body: Body) -> None:
        agent = body.get("agentid")
        if agent is None:
            raise WeComError(41011, "missing agentid")
        if not str(agent).isdecimal():
            raise WeComError(40056, "invalid agentid")
        if int(agent) != self._stage.credentials.wecom_agent_id:
            raise WeComError(301002, "not allow operate another agent with this accesstoken")

    def _repeated(self, body: Body, raw: bytes) -> Body | None:
        if body.get("enable_duplicate_check") != 1:
            return None
        until, answer = self._state.requests.get(_digest(raw), (self._stage.now(), {}))
        return answer if until > self._stage.now() else None

    def _remember(self, raw: bytes, answer: Body, seconds: int) -> None:
        # What a suppressed repeat gets is not documented, so it carries no response_code.
        kept = {name: value for name, value in answer.items() if name != "response_code"}
        with self._stage.lock:
            until = self._stage.now() + timedelta(seconds=seconds)
            self._state.requests[_digest(raw)] = until, kept

    def _receivers(self, body: Body) -> tuple[list[Persona], list[str]]:
        wanted = [name for name in str(body.get("touser") or "").split("|") if name]
        if not wanted and not body.get("toparty") and not body.get("totag"):
            raise WeComError(81012, "touser, toparty and totag are all empty")
        if wanted == ["@all"]:
            return [who for who in self._stage.personas() if who.platform == "wecom"], []
        if len(wanted) > MOST_RECEIVERS:
            raise WeComError(82002, "too many users")
        members = {chat_key("wecom", who.user_id): who for who in self._stage.personas() if who.platform == "wecom"}
        asked = list(dict.fromkeys(name.lower() for name in wanted))
        invalid = [name for name in asked if name not in members]
        if len(invalid) == len(asked):
            raise WeComError(81013, "all users, parties and tags are invalid", **_lists(invalid))
        return [members[name] for name in asked if name in members], invalid

    def _message(self, card: Body | None) -> SentMessage:
        with self._stage.lock:
            task_id = (card or {}).get("task_id", "")
            if task_id and task_id in self._state.task_ids:
                raise WeComError(42014, "task_id repeated")
            message = SentMessage(secrets.token_urlsafe(32), self._stage.now(), task_id, card or {})
            if task_id:
                self._state.task_ids[task_id] = message.id
            self._state.messages[message.id] = message
            return message

    def _deliver(self, message: SentMessage, persona: Persona, kind: str, face: Face) -> None:
        stage = self._stage
        if stage.faults.fires(stage.faults.dropped):
            stage.drop("wecom", persona.user_id, "沙盒按设定丢弃", face)
            return
        if not self._within_limits(persona):
            stage.drop("wecom", persona.user_id, "超过每人每分钟或每小时的条数", face)
            return
        about = {"card_ref": message.task_id, "message_id": message.id}
        bubble = stage.bubble("wecom", persona.user_id, BOT, face, **about)
        if persona.plain_wechat and kind in HIDDEN_IN_WECHAT:
            stage.invisible.append(bubble)
            stage.note(f"{persona.name} 用微信插件，看不到 {kind} 消息")
            return
        with stage.lock:
            message.copies[chat_key("wecom", persona.user_id)] = bubble.id
            if message.card:
                self._state.by_bubble[bubble.id] = message
        stage.show(bubble)

    def _within_limits(self, persona: Persona) -> bool:
        limits = self._stage.limits
        windows = [(limits.wecom_member_minute, 60.0), (limits.wecom_member_hour, 3600.0)]
        key = "wecom member " + persona.user_id.lower()
        with self._stage.lock:
            return self._stage.windows.allow(key, windows, self._stage.now())

    def _answer(self, message: SentMessage, invalid: list[str]) -> Body:
        answer: Body = {**_lists(invalid), "msgid": message.id}
        if message.card and needs_response_code(message.card):
            with self._stage.lock:
                answer["response_code"] = self._state.new_code(message, self._stage.now())
        return answer

    def _targets(self, body: Body, message: SentMessage) -> tuple[list[int], list[str]]:
        if body.get("atall") == 1:
            return list(message.copies.values()), []
        names = [str(name).lower() for name in body["userids"]]
        hit = [message.copies[name] for name in names if name in message.copies]
        return hit, [name for name in names if name not in message.copies]

    def _repaint(self, bubble_id: int, repaint: Callable[[Face], Face]) -> None:
        with self._stage.lock:
            bubble = self._stage.chats.find(bubble_id)
        if bubble is not None:
            self._stage.repaint(bubble_id, repaint(bubble))


def _repainting(body: Body) -> Callable[[Face], Face]:
    """Return how an update changes a copy; a new card needs no task_id of its own."""
    card = body.get("template_card")
    if card is not None:
        new = card_face(check_card({**card, "task_id": card.get("task_id") or "update"}))
        return lambda _: new
    words = str((body.get("button") or {}).get("replace_name") or "")
    if not words:
        raise WeComError(40058, "button.replace_name or template_card required")
    return lambda face: greyed(face, words)


def _lists(invalid: list[str]) -> Body:
    return {
        "invaliduser": "|".join(invalid),
        "invalidparty": "",
        "invalidtag": "",
        "unlicenseduser": "",
    }


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
