"""DingTalk's interactive cards: created, delivered, repainted, pressed."""

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

import requests

from sandbox.bubbles import Bubble, Face
from sandbox.callbacks import BadAnswer
from sandbox.cutting import size
from sandbox.dingtalk_errors import DingTalkError, bad_shape
from sandbox.dingtalk_faces import OPEN_TEMPLATES, card_face
from sandbox.dingtalk_state import Card, DingTalkState, Route
from sandbox.people import GroupChat
from sandbox.shapes import well_shaped
from sandbox.stage import BOT, Stage

SPACE_PREFIX = "dtv1.card//"
SPACE_TYPES = {"IM_GROUP": "imGroupOpenDeliverModel", "IM_ROBOT": "imRobotOpenDeliverModel"}
CARD_BYTES = 100_000
KEY_BYTES = 100

Body = dict[str, Any]


class DingTalkCards:
    """The card platform."""

    def __init__(self, stage: Stage, state: DingTalkState) -> None:
        self._stage = stage
        self._state = state

    def create_and_deliver(self, body: Body) -> Body:
        """Make a card and put it into its spaces; raises `DingTalkError`."""
        with well_shaped(bad_shape):
            card = self._new_card(body)
            spaces = _spaces(body)
            for kind, _ in spaces:
                _check_deliver_model(kind, body)
        with self._stage.lock:
            if card.out_track_id in self._state.cards:
                raise DingTalkError("param.cardAlreadyExist", "card already exist")
            self._state.cards[card.out_track_id] = card
        results = [self._deliver(card, kind, space, body) for kind, space in spaces]
        return {
            "success": True,
            "result": {"outTrackId": card.out_track_id, "deliverResults": results},
        }

    def update(self, body: Body) -> Body:
        """Repaint every copy; without by-key options the data is replaced."""
        with well_shaped(bad_shape):
            public = self._variables(body.get("cardData"))
            private = self._private(body.get("privateData"))
            options = dict(body.get("cardUpdateOptions") or {})
        if not public and not private:
            raise DingTalkError("param.cardDataAndPrivateDataBothEmpty", "nothing to update")
        with self._stage.lock:
            card = self._state.cards.get(str(body.get("outTrackId") or ""))
            if card is None:
                raise DingTalkError("param.cardNotExist", "card not exist")
            _change(card, public, private, options)
            card.painted.clear()
        self._repaint(card, card.copies)
        return {"success": True, "result": True}

    def register(self, body: Body) -> Body:
        """Register a callback address; an earlier one stays unless forced."""
        key, url = str(body.get("callbackRouteKey") or ""), str(body.get("callbackUrl") or "")
        if not key:
            raise DingTalkError("param.callbackRouteKeyEmpty", "callbackRouteKey is empty")
        if not url:
            raise DingTalkError("param.callbackUrlEmpty", "callbackUrl is empty")
        with self._stage.lock:
            if key not in self._state.routes or body.get("forceUpdate") is True:
                self._state.routes[key] = Route(url, str(body.get("apiSecret") or ""))
            route = self._state.routes[key]
        return {"success": True, "result": {"callbackUrl": route.url, "apiSecret": route.secret}}

    def route(self, card: Card) -> Route:
        """Return where a press goes; a key never registered goes to the configured address."""
        own = Route("/dingtalk/cards", self._stage.credentials.dingtalk_card_secret)
        return self._state.routes.get(card.route_key, own)

    def path(self, route: Route) -> str:
        """Return the path only: callbacks never leave the application under test."""
        return urlsplit(route.url).path

    def seen(self, bubble: Bubble, viewer: str) -> Face:
        """Return a bubble as one person sees it."""
        with self._stage.lock:
            card = self._state.by_bubble.get(bubble.id)
            return card_face(card.template_id, card.seen_by(viewer)) if card else bubble

    def apply_answer(self, card: Card, user_id: str, answer: requests.Response) -> None:
        """Paint a callback's answer on the presser's copy; raises `BadAnswer`."""
        try:
            body = answer.json()
            shown = self._variables(body.get("cardData"))
            private = self._variables(body.get("userPrivateData"))
            options = dict(body.get("cardUpdateOptions") or {})
        except (ValueError, AttributeError, TypeError) as error:
            raise BadAnswer("不是 JSON 对象") from error
        except DingTalkError as error:
            raise BadAnswer(error.code) from error
        with self._stage.lock:
            if shown:
                by_key = options.get("updateCardDataByKey")
                under = card.painted.get(user_id, {}) if by_key else dict.fromkeys(card.public, "")
                card.painted[user_id] = {**under, **shown}
            if private:
                old = card.private.get(user_id, {}) if _by_key(options) else {}
                card.private[user_id] = {**old, **private}
            mine = [bubble for bubble, owner in card.copies.items() if owner in (user_id, "")]
        self._repaint(card, mine)

    def _new_card(self, body: Body) -> Card:
        for name in ("cardTemplateId", "outTrackId", "openSpaceId"):
            if not body.get(name):
                raise DingTalkError(f"param.{name}Empty", f"{name} is empty")
        if len(str(body["outTrackId"])) > 100:
            raise DingTalkError("invalidParameter.outTrackId", "longer than 100 characters")
        template = str(body["cardTemplateId"])
        own = self._stage.credentials.dingtalk_card_template_id
        if template != own and template not in OPEN_TEMPLATES:
            raise DingTalkError("param.templateNotExist", "template not exist")
        if body.get("callbackType") == "HTTP" and not body.get("callbackRouteKey"):
            raise DingTalkError("param.callbackRouteKeyEmpty", "callbackRouteKey is empty")
        return Card(
            out_track_id=str(body["outTrackId"]),
            template_id=template,
            callback_type=str(body.get("callbackType") or ""),
            route_key=str(body.get("callbackRouteKey") or ""),
            public=self._variables(body.get("cardData")),
            private=self._private(body.get("privateData")),
        )

    def _variables(self, holder: Any) -> dict[str, str]:
        values = (holder or {}).get("cardParamMap") or {}
        for key, value in values.items():
            if not isinstance(value, str):
                raise DingTalkError("invalidParameter.cardParamMap", f"{key} is not a string")
            if size(key) > KEY_BYTES or size(value) > self._stage.limits.card_value_bytes:
                raise DingTalkError("invalidParameter.cardParamMap", f"{key} is too long")
        if size(json.dumps(values, ensure_ascii=False)) > CARD_BYTES:
            raise DingTalkError("invalidParameter.cardParamMap", "card data over 100 KB")
        return dict(values)

    def _private(self, holder: Any) -> dict[str, dict[str, str]]:
        return {user: self._variables(values) for user, values in (holder or {}).items()}

    def _deliver(self, card: Card, kind: str, space: str, body: Body) -> Body:
        problem = self._show(card, kind, space, body)
        carrier = "" if problem else secrets.token_urlsafe(24)
        if problem:
            self._stage.note(f"钉钉卡片没有投放到 {space}：{problem}")
        return {
            "spaceType": kind,
            "spaceId": space,
            "success": not problem,
            "carrierId": carrier,
            "errorMsg": problem,
        }

    def _show(self, card: Card, kind: str, space: str, body: Body) -> str:
        model = body[SPACE_TYPES[kind]]
        robot = model.get("robotCode")
        if robot != self._stage.credentials.dingtalk_robot_code and (robot or kind == "IM_GROUP"):
            return "robotCode is invalid"
        if kind == "IM_GROUP":
            group = self._stage.group_where(platform="dingtalk", conversation_id=space)
            return self._show_in_group(card, group)
        persona = self._stage.person("dingtalk", space)
        if persona is None:
            return "user is not exist or not in scope"
        self._place(card, persona.user_id, owner=persona.user_id, in_group=False)
        return ""

    def _show_in_group(self, card: Card, group: GroupChat | None) -> str:
        if group is None:
            return "robot is not in the group"
        self._place(card, group.name, owner="", in_group=True)
        return ""

    def _place(self, card: Card, place: str, owner: str, *, in_group: bool) -> None:
        stage = self._stage
        face = card_face(card.template_id, card.seen_by(owner))
        if stage.faults.fires(stage.faults.dropped):
            stage.drop("dingtalk", place, "沙盒按设定丢弃", face)
            return
        about = {"in_group": in_group, "card_ref": card.out_track_id}
        with stage.lock:
            bubble = stage.bubble("dingtalk", place, BOT, face, **about)
            card.copies[bubble.id] = owner
            self._state.by_bubble[bubble.id] = card
        stage.show(bubble)

    def _repaint(self, card: Card, bubbles: Any) -> None:
        with self._stage.lock:
            faces = {bubble: card_face(card.template_id, card.seen_by(card.copies[bubble])) for bubble in bubbles}
        for bubble, face in faces.items():
            self._stage.repaint(bubble, face)


def _change(
    card: Card,
    public: dict[str, str],
    private: dict[str, dict[str, str]],
    options: Body,
) -> None:
    if public:
        card.public = {**(card.public if options.get("updateCardDataByKey") else {}), **public}
    for user, values in private.items():
        old = card.private.get(user, {}) if _by_key(options) else {}
        card.private[user] = {**old, **values}


def _by_key(options: Body) -> bool:
    return bool(options.get("updatePrivateDataByKey"))


def _spaces(body: Body) -> list[tuple[str, str]]:
    address = str(body["openSpaceId"])
    if not address.startswith(SPACE_PREFIX) or len(address) > 1000:
        raise DingTalkError("param.openSpaceIdInvalid", "spaceId is illegal")
    spaces = []
    for part in address.removeprefix(SPACE_PREFIX).split(";"):
        kind, _, space = part.partition(".")
        wrong = kind == "IM_ROBOT" and space.startswith("cid")
        if kind not in SPACE_TYPES or not space or wrong:
            raise DingTalkError("param.openSpaceIdInvalid", "spaceId is illegal")
        spaces.append((kind, space))
    return spaces


def _check_deliver_model(kind: str, body: Body) -> None:
    model = body.get(SPACE_TYPES[kind])
    if not isinstance(model, dict):
        raise DingTalkError("param.spaceDeliverModelEmpty", f"{SPACE_TYPES[kind]} is empty")
    if not any(model.values()):
        raise DingTalkError("param.openDeliverModelError", "an empty model must carry spaceType")
