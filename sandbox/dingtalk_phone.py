"""People acting in DingTalk: robot messages, card presses, and events of the organisation."""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import requests

from sandbox.bubbles import Bubble, Face
from sandbox.callbacks import BadAnswer, Callback, Delivery
from sandbox.dingtalk_cards import DingTalkCards
from sandbox.dingtalk_faces import BadBody, webhook_face
from sandbox.dingtalk_state import Card, DingTalkState, single_conversation
from sandbox.envelopes import BadEnvelope, Envelope, hmac_base64
from sandbox.memory import Media
from sandbox.people import CannotAct, GroupChat, Persona
from sandbox.stage import BOT, Stage

JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}
EVENT_PAUSES = (10.0, 30.0)


class DingTalkPhone:
    """The hands of DingTalk users."""

    def __init__(self, stage: Stage, state: DingTalkState, cards: DingTalkCards) -> None:
        self._stage = stage
        self._state = state
        self._cards = cards
        keys = stage.credentials
        self._envelope = Envelope(keys.dingtalk_event_token, keys.dingtalk_event_aes_key, keys.dingtalk_client_id)

    def say(self, persona: Persona, text: str) -> Delivery:
        """Write to the robot in the one-to-one chat."""
        self._stage.say_as(persona, Face(kind="text", body=text))
        return self._robot(persona, None, "text", text={"content": text})

    def say_in_group(self, persona: Persona, group: GroupChat, text: str) -> Delivery:
        """Write in a group with the robot @-mentioned; without the app's robot nobody is told."""
        face = Face(kind="text", body=f"@机器人 {text}")
        bubble = self._stage.bubble("dingtalk", group.name, persona.name, face, in_group=True)
        self._stage.show(bubble)
        if not group.conversation_id:
            return Delivery()
        return self._robot(persona, group, "text", text={"content": f" {text}"})

    def send_image(self, persona: Persona, content: bytes, name: str) -> Delivery:
        """Send a picture; the robot gets a downloadCode."""
        media = self._keep(content, "image", name)
        self._stage.say_as(persona, Face(kind="image", title=name, media_id=media.id))
        codes = {"downloadCode": media.id, "pictureDownloadCode": media.id}
        return self._robot(persona, None, "picture", content=codes)

    def send_voice(self, persona: Persona, content: bytes, words: str = "") -> Delivery:
        """Send a voice message; DingTalk adds the recognised words."""
        media = self._keep(content, "voice", "voice.amr")
        self._stage.say_as(persona, Face(kind="file", title="语音", body=words, media_id=media.id))
        heard = {"duration": 3000, "downloadCode": media.id, "recognition": words}
        return self._robot(persona, None, "audio", content=heard)

    def press(self, persona: Persona, bubble: Bubble, key: str, choices: dict[str, list[str]]) -> Delivery:
        """Press a card's callback button; the answer repaints the presser's copy only."""
        with self._stage.lock:
            card = self._state.by_bubble.get(bubble.id)
        if card is None:
            raise CannotAct("这条消息上没有可以按的按钮。")
        if card.callback_type != "HTTP":
            self._stage.note(f"卡片 {card.out_track_id} 没有 HTTP 回调，按了没有反应")
            return Delivery(problem="这张卡片没有登记回调，按了没有反应。")
        params: dict[str, Any] = {"action": key}
        params |= {name: ids[0] if len(ids) == 1 else ids for name, ids in choices.items()}
        pressed = {"cardPrivateData": {"actionIds": [key], "params": params}}
        return self._press_callback(persona, bubble, card, json.dumps(pressed, ensure_ascii=False))

    def event(self, kind: str, data: dict[str, Any]) -> Delivery:
        """Send one event of the organisation, until the answer is an encrypted "success"."""
        now = self._stage.now()
        envelope = {
            "EventType": kind,
            "EventTime": _milliseconds(now),
            "CorpId": self._stage.credentials.dingtalk_corp_id,
            "BizId": secrets.token_hex(8),
            "eventId": secrets.token_hex(16),
        }
        sealed = self._envelope.seal(json.dumps({**envelope, **data}, ensure_ascii=False))
        timestamp, nonce = str(_milliseconds(now)), secrets.token_hex(4)
        signature = self._envelope.sign(timestamp, nonce, sealed)
        query = {"signature": signature, "msg_signature": signature}
        query |= {"timestamp": timestamp, "nonce": nonce}
        callback = self._callback(
            f"钉钉事件 {kind}",
            "/dingtalk/events",
            {"encrypt": sealed},
            self._read_success,
            params=query,
            timeout=2.5,
            pauses=EVENT_PAUSES,
            insists=True,
        )
        return self._stage.send_callback(callback)

    def _keep(self, content: bytes, kind: str, name: str) -> Media:
        robot = self._stage.credentials.dingtalk_robot_code
        with self._stage.lock:
            code = secrets.token_urlsafe(32)
            media = Media(code, "dingtalk", kind, name, content, self._stage.now(), robot)
            return self._stage.library.add(media)

    def _robot(self, persona: Persona, group: GroupChat | None, kind: str, **content: Any) -> Delivery:
        body = {**self._robot_body(persona, group), "msgtype": kind, **content}
        place = group.name if group else persona.user_id

        def answered(answer: requests.Response) -> None:
            self._take_reply(place, answer, in_group=group is not None)

        timestamp = str(_milliseconds(self._stage.now()))
        secret = self._stage.credentials.dingtalk_client_secret
        signed = {"timestamp": timestamp, "sign": hmac_base64(secret, f"{timestamp}\n{secret}")}
        label = f"{persona.name} 对机器人说的话"
        callback = self._callback(label, "/dingtalk/robot", body, answered, headers=signed, timeout=3.0, pauses=(0.0,))
        return self._stage.send_callback(callback)

    def _robot_body(self, persona: Persona, group: GroupChat | None) -> dict[str, Any]:
        keys, now = self._stage.credentials, self._stage.now()
        place = group.name if group else persona.user_id
        with self._stage.lock:
            session, until = self._state.open_session(place, in_group=group is not None, now=now)
        body: dict[str, Any] = {
            "msgId": "msg" + secrets.token_urlsafe(18),
            "createAt": _milliseconds(now),
            "conversationType": "2" if group else "1",
            "conversationId": single_conversation(persona.user_id),
            "senderId": "$:LWCP_v1:$" + secrets.token_urlsafe(16),
            "senderNick": persona.name,
            "senderCorpId": keys.dingtalk_corp_id,
            "senderStaffId": persona.user_id,
            "senderPlatform": "Android",
            "isAdmin": False,
            "chatbotCorpId": keys.dingtalk_corp_id,
            "chatbotUserId": "$:LWCP_v1:$bot",
            "robotCode": keys.dingtalk_robot_code,
            "sessionWebhook": f"{self._stage.sandbox_base}/oapi/robot/sendBySession?session={session}",
            "sessionWebhookExpiredTime": _milliseconds(until),
        }
        if group:
            body["conversationId"] = group.conversation_id
            body["conversationTitle"] = group.name
            body["isInAtList"] = True
            body["atUsers"] = [{"dingtalkId": "$:LWCP_v1:$bot"}]
        return body

    def _take_reply(self, place: str, answer: requests.Response, *, in_group: bool) -> None:
        if not answer.content.strip():
            return
        try:
            message = answer.json()
            if message in ({}, {"msgtype": "empty"}):
                return
            face = webhook_face(message)
        except BadBody as error:
            raise BadAnswer(f"消息缺少 {error}") from error
        except (ValueError, AttributeError, TypeError) as error:
            raise BadAnswer("不是 JSON 消息") from error
        self._stage.show(self._stage.bubble("dingtalk", place, BOT, face, in_group=in_group))

    def _press_callback(self, persona: Persona, bubble: Bubble, card: Card, pressed: str) -> Delivery:
        place = bubble.place if bubble.in_group else persona.user_id
        group = self._stage.group_where(platform="dingtalk", name=place) if bubble.in_group else None
        body = {
            "type": "actionCallback",
            "outTrackId": card.out_track_id,
            "corpId": self._stage.credentials.dingtalk_corp_id,
            "userId": persona.user_id,
            "userIdType": 1,
            "spaceType": "im",
            "spaceId": group.conversation_id if group else single_conversation(place),
            "extension": "{}",
            "content": pressed,
            "value": pressed,
        }

        def answered(answer: requests.Response) -> None:
            self._cards.apply_answer(card, persona.user_id, answer)

        with self._stage.lock:
            route = self._cards.route(card)
        callback = self._callback(
            f"{persona.name} 按卡片",
            self._cards.path(route),
            body,
            answered,
            headers=_card_signature(route.secret, self._stage.now()),
            timeout=2.0,
        )
        return self._stage.send_callback(callback)

    def _callback(
        self,
        label: str,
        path: str,
        body: dict[str, Any],
        read: Callable[[requests.Response], None],
        **more: Any,
    ) -> Callback:
        headers = {**JSON_HEADERS, **more.pop("headers", {})}
        content = json.dumps(body, ensure_ascii=False).encode()
        more.setdefault("params", {})
        return Callback(label=label, path=path, body=content, headers=headers, read=read, **more)

    def _read_success(self, answer: requests.Response) -> None:
        try:
            reply = answer.json()
            word = self._envelope.open(
                reply["encrypt"], reply["msg_signature"], str(reply["timeStamp"]), reply["nonce"]
            )
        except KeyError as error:
            raise BadAnswer(f"应答缺少 {error.args[0]}") from error
        except BadEnvelope as error:
            raise BadAnswer(f"应答解不开：{error}") from error
        except (ValueError, TypeError) as error:
            raise BadAnswer("应答不是 JSON 对象") from error
        if word != "success":
            raise BadAnswer("返回文本非 success")


def _card_signature(secret: str, now: datetime) -> dict[str, str]:
    if not secret:
        return {}
    timestamp = str(_milliseconds(now))
    return {
        "x-ddpaas-signature-timestamp": timestamp,
        "x-ddpaas-signature": hmac_base64(secret, timestamp),
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
