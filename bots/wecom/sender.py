"""Channel `wecom:app`: letters of the self-built app to one member."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from bots.parts import Part, Parts
from bots.wecom import cards
from bots.wecom.client import WecomClient
from texts.message import Message
from workflows.letters import Letter, Receipt, Refused

log = structlog.get_logger()

_TASK_ID_USED = "42014"
_MEDIA_EXPIRED = {"40007", "40145"}
# The card can no longer be repainted: a message of its own says what became of it.
_CANNOT_REPAINT = {"42014", "42015", "42016", "60140", "82101", "82102"}


class WecomAppSender:
    """Sends to members; `shows_cards(user)` is False for those on the plain-WeChat plug-in,
    who see neither cards nor markdown and get a page instead: `message.link` or
    `link_for(user, key of the first button)`."""

    def __init__(
        self,
        client: WecomClient,
        shows_cards: Callable[[str], bool],
        link_for: Callable[[str, str], str],
    ) -> None:
        self._client = client
        self._shows_cards = shows_cards
        self._link_for = link_for
        self._parts = Parts()

    def send(self, letter: Letter) -> Receipt:
        """Send or repaint. Raises TryLater or Refused; a repaint that is too late is sent anew."""
        if letter.kind == "update" and self._repainted(letter):
            return Receipt(messages=0)
        if letter.kind == "update":
            # task_id never repeats in an app, so the successor needs one of its own.
            letter = replace(letter, card_ref=f"{letter.card_ref}-{_number(letter.key):08x}")
        return self._parts.run(letter.key, self._all_parts(letter))

    def _repainted(self, letter: Letter) -> bool:
        user = letter.recipient
        if not letter.response_code or not self._shows_cards(user):
            return False
        body = {
            "userids": [user],
            "response_code": letter.response_code,
            "template_card": cards.decided_card(letter.message),
        }
        try:
            answer = self._client.update_template_card(body)
        except Refused as refused:
            if refused.code not in _CANNOT_REPAINT:
                raise
            log.info("wecom_card_superseded", letter=letter.key, code=refused.code)
            return False
        return user.casefold() not in _names(answer.get("invaliduser"))

    def _all_parts(self, letter: Letter) -> list[Part]:
        message = letter.message
        parts: list[Part] = [partial(self._post, letter, body) for body in self._bodies(letter)]
        if message.image:
            parts.append(partial(self._post_picture, letter, message.image))
        parts += [partial(self._post_file, letter, path, "file") for path in message.files]
        return parts

    def _bodies(self, letter: Letter) -> list[cards.Body]:
        message = letter.message
        if not self._shows_cards(letter.recipient):
            url = self._page(letter.recipient, message)
            return [cards.textcard_body(message, url)] if url else cards.text_bodies(message)
        if not message.buttons and not message.link:
            return cards.text_bodies(message)
        card = cards.card_body(message, letter.card_ref or letter.key)
        whole = replace(message, buttons=[], link="")
        return [card, *cards.text_bodies(whole)] if cards.is_cut(message) else [card]

    def _page(self, user: str, message: Message) -> str:
        keys = [button.key for button in message.buttons if button.key]
        urls = [button.url for button in message.buttons if button.url]
        if message.link:
            return message.link
        return self._link_for(user, keys[0]) if keys else (urls[0] if urls else "")

    def _post(self, letter: Letter, body: cards.Body) -> Receipt:
        try:
            answer = self._client.message_send({**self._envelope(letter), **body})
        except Refused as refused:
            # An earlier attempt got through and its answer was lost.
            if refused.code == _TASK_ID_USED and letter.attempt > 1:
                return Receipt()
            raise
        _check_reached(letter.recipient, answer)
        return Receipt(str(answer.get("msgid", "")), str(answer.get("response_code", "")))

    def _post_picture(self, letter: Letter, image: str) -> Receipt:
        if not image.startswith(("http://", "https://")):
            return self._post_file(letter, image, "image")
        article = {"title": letter.message.title, "url": letter.message.link or image}
        return self._post(letter, {"msgtype": "news", "news": {"articles": [{**article, "picurl": image}]}})

    def _post_file(self, letter: Letter, path: str, kind: str) -> Receipt:
        try:
            return self._post_media(letter, path, kind)
        except Refused as refused:
            if refused.code not in _MEDIA_EXPIRED:
                raise
            log.info("wecom_media_uploaded_again", file=Path(path).name)
            self._client.forget_upload(path, kind)
            return self._post_media(letter, path, kind)

    def _post_media(self, letter: Letter, path: str, kind: str) -> Receipt:
        media_id = self._client.media_upload(path, kind)
        return self._post(letter, {"msgtype": kind, kind: {"media_id": media_id}})

    @staticmethod
    def _envelope(letter: Letter) -> dict[str, Any]:
        # WeCom drops a request equal to one of the last minutes. That makes our retry harmless,
        # but would also swallow the second of two equal letters ("没有待办" asked for twice), so
        # the interval differs from letter to letter and is the same on each attempt of one.
        return {
            "touser": letter.recipient,
            "enable_duplicate_check": 1,
            "duplicate_check_interval": 900 + _number(letter.key) % 900,
        }


def _number(key: str) -> int:
    return zlib.crc32(key.encode())


def _names(found: object) -> set[str]:
    if isinstance(found, str):
        found = found.split("|")
    return {str(one).casefold() for one in found} if isinstance(found, list) else set()


def _check_reached(user: str, answer: dict[str, Any]) -> None:
    if user.casefold() in _names(answer.get("invaliduser")):
        raise Refused("invaliduser", "该成员不在应用可见范围内，或尚未激活、已离职")
    if user.casefold() in _names(answer.get("unlicenseduser")):
        raise Refused("unlicenseduser", "该成员没有基础接口许可")
