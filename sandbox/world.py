"""The whole sandbox: people act here, and every act sends a real callback to the application."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import requests

from sandbox.bubbles import Bubble, ButtonView, Face
from sandbox.callbacks import Delivery
from sandbox.dingtalk_cards import DingTalkCards
from sandbox.dingtalk_phone import DingTalkPhone
from sandbox.dingtalk_state import DingTalkState
from sandbox.people import CannotAct, Credentials, GroupChat, Limits, Persona, same_user
from sandbox.stage import Stage
from sandbox.wecom_phone import WeComPhone
from sandbox.wecom_state import WeComState

__all__ = ["CannotAct", "Credentials", "GroupChat", "Limits", "Persona", "World"]


class World(Stage):
    """People, phones and groups of one WeCom and one DingTalk.

    `personas` and `groups` are asked each time, so the world follows the application's data.
    `settings` are those of `stage.Settings`. Every act returns what became of its callback and
    raises `CannotAct` for what no real phone offers.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        callback_base: str,
        deliver: requests.Session,
        clock: Callable[[], datetime],
        personas: Callable[[], list[Persona]],
        groups: Callable[[], list[GroupChat]],
        **settings: Any,
    ) -> None:
        super().__init__(
            credentials,
            callback_base=callback_base,
            deliver=deliver,
            clock=clock,
            personas=personas,
            groups=groups,
            **settings,
        )
        self.deliver_session = deliver
        self.wecom_state = WeComState()
        self.dingtalk_state = DingTalkState()
        self.cards = DingTalkCards(self, self.dingtalk_state)
        self.wecom = WeComPhone(self, self.wecom_state)
        self.dingtalk = DingTalkPhone(self, self.dingtalk_state, self.cards)

    def say(self, platform: str, user_id: str, text: str) -> Delivery:
        """Write to the bot."""
        return self._phone(platform).say(self.actor(platform, user_id), text)

    def press(
        self,
        platform: str,
        user_id: str,
        bubble_id: int,
        key: str,
        choices: dict[str, list[str]] | dict[str, str] | None = None,
    ) -> Delivery:
        """Press a callback button; `choices` maps a question's key to the picked option ids."""
        picked = {name: [ids] if isinstance(ids, str) else list(ids) for name, ids in (choices or {}).items()}
        persona = self.actor(platform, user_id)
        bubble = self._seen_by(self.found(bubble_id), user_id)
        if not bubble.in_group and not same_user(platform, bubble.place, user_id):
            raise CannotAct("这张卡片不在这个人的手机上。")
        if bubble.platform != platform or key not in _callback_keys(bubble.buttons):
            raise CannotAct("这个按钮已经不能按了。")
        return self._phone(platform).press(persona, bubble, key, picked)

    def scan(self, user_id: str, text: str) -> Delivery:
        """Scan a code in WeCom with the app's scan menu (scancode_waitmsg)."""
        return self.wecom.scan(self.actor("wecom", user_id), text)

    def menu_click(self, user_id: str, event_key: str) -> Delivery:
        """Press a WeCom menu entry."""
        return self.wecom.menu_click(self.actor("wecom", user_id), event_key)

    def enter(self, user_id: str) -> Delivery:
        """Open the app's chat in WeCom."""
        return self.wecom.enter(self.actor("wecom", user_id))

    def subscribe(self, user_id: str) -> Delivery:
        """Enter the WeCom app's visible range."""
        return self.wecom.subscribe(self.actor("wecom", user_id))

    def send_image(self, user_id: str, content: bytes, filename: str, platform: str = "") -> Delivery:
        """Send a picture; the platform follows from the id unless two people share it."""
        persona = self._whose(user_id, platform)
        return self._phone(persona.platform).send_image(persona, content, filename)

    def send_voice(self, user_id: str, data: bytes, platform: str = "") -> Delivery:
        """Send a voice message."""
        persona = self._whose(user_id, platform)
        return self._phone(persona.platform).send_voice(persona, data)

    def send_location(self, user_id: str, lat: float, lon: float, label: str) -> Delivery:
        """Send a place in WeCom; DingTalk's robots cannot get one."""
        return self.wecom.send_location(self.actor("wecom", user_id), lat, lon, label)

    def say_in_group(self, platform: str, group_name: str, user_id: str, text: str) -> Delivery:
        """Write in a group; DingTalk's robot is @-mentioned, WeCom's app never hears of it."""
        persona, group = self.actor(platform, user_id), self.group_named(platform, group_name)
        if platform == "dingtalk":
            return self.dingtalk.say_in_group(persona, group, text)
        face = Face(kind="text", body=text)
        self.show(self.bubble(platform, group_name, persona.name, face, in_group=True))
        return Delivery()

    def dingtalk_event(self, event_type: str, data: dict[str, Any]) -> Delivery:
        """Send an event of the organisation, such as `user_leave_org` or `check_url`."""
        return self.dingtalk.event(event_type, data)

    def check_wecom_url(self) -> bool:
        """Do the console's GET check of the WeCom callback address."""
        return self.wecom.check_url(self.deliver_session)

    def chat(self, platform: str, user_id: str) -> list[Bubble]:
        """Return copies of a person's chat with the bot, oldest first."""
        with self.lock:
            return self.chats.read(platform, user_id, in_group=False)

    def group(self, platform: str, name: str, viewer: str = "") -> list[Bubble]:
        """Return copies of a group's bubbles, as `viewer` (a user id) sees the cards."""
        with self.lock:
            bubbles = self.chats.read(platform, name, in_group=True)
        return [self._seen_by(bubble, viewer) for bubble in bubbles]

    def _seen_by(self, bubble: Bubble, viewer: str) -> Bubble:
        if bubble.platform != "dingtalk" or not bubble.in_group:
            return bubble
        face = self.cards.seen(bubble, viewer)
        return replace(bubble, **{item.name: getattr(face, item.name) for item in fields(Face)})

    def _phone(self, platform: str) -> WeComPhone | DingTalkPhone:
        return self.wecom if platform == "wecom" else self.dingtalk

    def _whose(self, user_id: str, platform: str) -> Persona:
        for name in [platform] if platform else ["wecom", "dingtalk"]:
            if persona := self.person(name, user_id):
                return persona
        raise CannotAct(f"沙盒里没有这个人：{user_id}")


def _callback_keys(buttons: list[ButtonView]) -> set[str]:
    return {entry["key"] for entry in buttons if entry["key"] and not entry["url"]}
