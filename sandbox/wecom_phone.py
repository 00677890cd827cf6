"""People acting in WeCom: each act sends the encrypted callback a real phone would cause."""

import secrets
from typing import Any

import requests

from sandbox import wecom_xml as xml
from sandbox.bubbles import Bubble, Face
from sandbox.callbacks import BadAnswer, Callback, Delivery
from sandbox.cutting import cut_bytes
from sandbox.envelopes import BadEnvelope, Envelope
from sandbox.memory import Media
from sandbox.people import CannotAct, Persona, chat_key
from sandbox.stage import BOT, Stage
from sandbox.wecom_state import WeComState

REDELIVERY_PAUSES = (0.0, 0.0, 0.0)
"""Three more tries; the waiting lies in the five seconds of each."""

ANSWERABLE_EVENTS = frozenset(
    {
        "subscribe",
        "enter_agent",
        "LOCATION",
        "click",
        "view",
        "scancode_waitmsg",
        "template_card_menu_event",
    }
)
"""Events whose passive reply is shown; `template_card_event` is not among them."""

REPLY_BYTES = 2048


class WeComPhone:
    """The hands of WeCom members."""

    def __init__(self, stage: Stage, state: WeComState) -> None:
        self._stage = stage
        self._state = state
        keys = stage.credentials
        self._envelope = Envelope(keys.wecom_token, keys.wecom_encoding_aes_key, keys.wecom_corp_id)

    def say(self, persona: Persona, text: str) -> Delivery:
        """Send a text."""
        self._stage.say_as(persona, Face(kind="text", body=text))
        return self._message(persona, "text", Content=text)

    def send_image(self, persona: Persona, content: bytes, name: str) -> Delivery:
        """Send a picture, downloadable through media/get for three days."""
        media = self._keep(content, "image", name)
        self._stage.say_as(persona, Face(kind="image", title=name, media_id=media.id))
        address = f"{self._stage.sandbox_base}/media/{media.id}"
        return self._message(persona, "image", PicUrl=address, MediaId=media.id)

    def send_voice(self, persona: Persona, content: bytes) -> Delivery:
        """Send a voice message; WeCom gives no speech-to-text."""
        media = self._keep(content, "voice", "voice.amr")
        self._stage.say_as(persona, Face(kind="file", title="语音", media_id=media.id))
        return self._message(persona, "voice", MediaId=media.id, Format="amr")

    def send_location(self, persona: Persona, lat: float, lon: float, label: str) -> Delivery:
        """Send a place; Location_X is the latitude."""
        self._stage.say_as(persona, Face(kind="text", body=f"位置：{label}（{lat}，{lon}）"))
        where = {"Location_X": str(lat), "Location_Y": str(lon), "Scale": 16, "Label": label}
        return self._message(persona, "location", **where, AppType="wxwork")

    def scan(self, persona: Persona, text: str) -> Delivery:
        """Scan a code with the menu's scan entry."""
        self._stage.say_as(persona, Face(kind="text", body=f"扫一扫：{text}"))
        scanned = {"ScanType": "qrcode", "ScanResult": text}
        key = self._state.scan_key()
        return self._event(persona, "scancode_waitmsg", EventKey=key, ScanCodeInfo=scanned)

    def menu_click(self, persona: Persona, event_key: str) -> Delivery:
        """Press a menu entry of type click."""
        names = [entry["name"] for entry in self._state.menu_buttons() if _key(entry) == event_key]
        self._stage.say_as(persona, Face(kind="text", body=f"菜单：{(names or [event_key])[0]}"))
        return self._event(persona, "click", EventKey=event_key)

    def enter(self, persona: Persona) -> Delivery:
        """Open the chat with the app."""
        return self._event(persona, "enter_agent", EventKey="")

    def subscribe(self, persona: Persona) -> Delivery:
        """Enter the app's visible range."""
        return self._event(persona, "subscribe", EventKey="")

    def press(self, persona: Persona, bubble: Bubble, key: str, choices: dict[str, list[str]]) -> Delivery:
        """Press a card's callback button, with what was picked in its questions."""
        message = self._state.by_bubble.get(bubble.id)
        if message is None:
            raise CannotAct("这条消息上没有可以按的按钮。")
        if chat_key("wecom", persona.user_id) not in message.copies:
            raise CannotAct("这张卡片不在这个人的手机上。")
        picked = _picked(bubble, choices)
        with self._stage.lock:
            code = self._state.new_code(message, self._stage.now())
        about: dict[str, Any] = {
            "EventKey": key,
            "TaskId": message.task_id,
            "CardType": message.card["card_type"],
            "ResponseCode": code,
        }
        menu = message.card.get("action_menu", {}).get("action_list", [])
        if key in [entry["key"] for entry in menu]:
            return self._event(persona, "template_card_menu_event", **about)
        about["SelectedItems"] = {"SelectedItem": picked} if picked else {}
        return self._event(persona, "template_card_event", **about)

    def _keep(self, content: bytes, kind: str, name: str) -> Media:
        with self._stage.lock:
            media = Media(secrets.token_urlsafe(32), "wecom", kind, name, content, self._stage.now())
            return self._stage.library.add(media)

    def _message(self, persona: Persona, kind: str, **about: Any) -> Delivery:
        fields = {**self._head(persona, kind), **about}
        fields |= {"MsgId": self._stage.number(), "AgentID": self._agent}
        return self._deliver(persona, fields, f"{persona.name} 的消息", answerable=True)

    def _event(self, persona: Persona, event: str, **about: Any) -> Delivery:
        fields = {**self._head(persona, "event"), "Event": event, **about}
        fields["AgentID"] = self._agent
        answerable = event in ANSWERABLE_EVENTS
        return self._deliver(persona, fields, f"{persona.name} 的事件 {event}", answerable=answerable)

    def _head(self, persona: Persona, kind: str) -> dict[str, Any]:
        return {
            "ToUserName": self._stage.credentials.wecom_corp_id,
            "FromUserName": persona.user_id,
            "CreateTime": int(self._stage.now().timestamp()),
            "MsgType": kind,
        }

    @property
    def _agent(self) -> int:
        return self._stage.credentials.wecom_agent_id

    def _deliver(self, persona: Persona, fields: dict[str, Any], label: str, *, answerable: bool) -> Delivery:
        def answered(answer: requests.Response) -> None:
            self._take_reply(persona, answer, answerable=answerable)

        return self._stage.send_callback(self._callback(xml.write(fields), label, answered))

    def _callback(self, inner: str, label: str, read: Any) -> Callback:
        sealed = self._envelope.seal(inner)
        timestamp, nonce = str(int(self._stage.now().timestamp())), secrets.token_hex(5)
        outer = {
            "ToUserName": self._stage.credentials.wecom_corp_id,
            "AgentID": str(self._agent),
            "Encrypt": sealed,
        }
        return Callback(
            label=label,
            path="/wecom/callback",
            body=xml.write(outer).encode(),
            headers={"Content-Type": "text/xml; charset=utf-8"},
            read=read,
            params={
                "msg_signature": self._envelope.sign(timestamp, nonce, sealed),
                "timestamp": timestamp,
                "nonce": nonce,
            },
            timeout=5.0,
            pauses=REDELIVERY_PAUSES,
        )

    def _take_reply(self, persona: Persona, answer: requests.Response, *, answerable: bool) -> None:
        text = answer.content.decode("utf-8", "replace")
        if text in ("", "success"):
            return
        reply = self._opened(text)
        if str(reply.get("ToUserName", "")).lower() != persona.user_id.lower():
            raise BadAnswer("ToUserName 不是发消息的人")
        if not answerable:
            self._stage.note("企业微信不接受对卡片按钮事件的被动回复，已忽略")
            return
        self._show_reply(persona, reply)

    def _opened(self, text: str) -> dict[str, Any]:
        outer = xml.read(text)
        try:
            inner = self._envelope.open(
                str(outer["Encrypt"]),
                str(outer["MsgSignature"]),
                str(outer["TimeStamp"]),
                str(outer["Nonce"]),
            )
        except KeyError as error:
            raise BadAnswer(f"被动回复缺少 {error.args[0]}") from error
        except BadEnvelope as error:
            raise BadAnswer(f"被动回复解不开：{error}") from error
        return xml.read(inner)

    def _show_reply(self, persona: Persona, reply: dict[str, Any]) -> None:
        kind = reply.get("MsgType")
        if kind == "text":
            face = Face(kind="text", body=cut_bytes(str(reply.get("Content") or ""), REPLY_BYTES))
        elif kind == "image":
            face = Face(kind="image", media_id=str((reply.get("Image") or {}).get("MediaId", "")))
        else:
            raise BadAnswer(f"沙盒不认识的被动回复类型 {kind}")
        self._stage.show(self._stage.bubble("wecom", persona.user_id, BOT, face))

    def check_url(self, session: requests.Session) -> bool:
        """Do the GET check the admin console does when the callback URL is saved."""
        word = str(self._stage.number())
        sealed, nonce = self._envelope.seal(word), secrets.token_hex(5)
        timestamp = str(int(self._stage.now().timestamp()))
        answer = session.get(
            f"{self._stage.callback_base}/wecom/callback",
            params={
                "msg_signature": self._envelope.sign(timestamp, nonce, sealed),
                "timestamp": timestamp,
                "nonce": nonce,
                "echostr": sealed,
            },
            timeout=5.0,
            allow_redirects=False,
        )
        return answer.status_code == 200 and answer.content == word.encode()


def _key(entry: dict[str, Any]) -> str:
    return str(entry.get("key", ""))


def _picked(bubble: Bubble, choices: dict[str, list[str]]) -> list[dict[str, Any]]:
    known = {question["key"]: question for question in bubble.questions}
    strange = set(choices) - set(known)
    if strange:
        raise CannotAct(f"卡片上没有这个选项：{'、'.join(sorted(strange))}")
    picked = []
    for key, question in known.items():
        ids = choices.get(key, question["selected"])
        if not set(ids) <= {option["id"] for option in question["options"]}:
            raise CannotAct(f"选项不在列表里：{'、'.join(ids)}")
        if len(ids) > 1 and not question["many"]:
            raise CannotAct("这里只能选一项。")
        picked.append({"QuestionKey": key, "OptionIds": {"OptionId": list(ids)}})
    return picked
