"""Channel `wecom:robot:<group>`: one-way notices into a group by its webhook key."""

import base64
import hashlib
from collections.abc import Mapping
from functools import partial

from bots.cut import split_bytes
from bots.http import Http, Request, needed
from bots.parts import Part, Parts
from bots.uploads import file_part
from bots.wecom import cards
from bots.wecom.client import MAX_UPLOAD
from bots.wecom.errors import checked, data_of
from texts.message import Message
from workflows.letters import Letter, Receipt, Refused

MARKDOWN_BYTES = 4096
PICTURE_BYTES = 2_000_000


class WecomRobotSender:
    """Posts with the webhook keys of the groups; nothing can be repainted, so an update is news."""

    def __init__(self, keys: Mapping[str, str], http: Http, api_base: str) -> None:
        self._keys = dict(keys)
        self._http = http
        self._base = api_base.rstrip("/")
        self._parts = Parts()

    def send(self, letter: Letter) -> Receipt:
        """Post all parts of the letter. Raises TryLater or Refused."""
        key = self._key_of(letter.channel)
        return self._parts.run(letter.key, self._all_parts(key, letter.message))

    def _key_of(self, channel: str) -> str:
        group = channel.removeprefix("wecom:robot:")
        if not self._keys.get(group):
            raise Refused("no_group", f"没有配置群机器人：{group}")
        return self._keys[group]

    def _all_parts(self, key: str, message: Message) -> list[Part]:
        parts: list[Part] = [partial(self._post, key, body) for body in _bodies(message)]
        if message.image and not message.image.startswith("http"):
            parts.append(partial(self._post_picture, key, message.image))
        parts += [partial(self._post_file, key, path) for path in message.files]
        return parts

    def _post_picture(self, key: str, path: str) -> Receipt:
        return self._post(key, {"msgtype": "image", "image": _picture(path)})

    def _post_file(self, key: str, path: str) -> Receipt:
        request = Request(
            "POST",
            f"{self._base}/cgi-bin/webhook/upload_media",
            params={"key": key, "type": "file"},
            files={"media": file_part(path, MAX_UPLOAD["file"])},
        )
        media_id = needed(checked(data_of(self._http.call(request))), "media_id")
        return self._post(key, {"msgtype": "file", "file": {"media_id": media_id}})

    def _post(self, key: str, body: cards.Body) -> Receipt:
        request = Request("POST", f"{self._base}/cgi-bin/webhook/send", params={"key": key}, body=body)
        checked(data_of(self._http.call(request)))
        return Receipt()


def _bodies(message: Message) -> list[cards.Body]:
    if message.link and message.fields and not cards.is_cut(message, cards.ROBOT):
        card = cards.notice_card(message, cards.ROBOT)
        return [{"msgtype": "template_card", "template_card": card}]
    # A number is put before each piece; it needs a few bytes of its own.
    pieces = split_bytes(_markdown(message), MARKDOWN_BYTES - 16)
    if len(pieces) == 1:
        return [cards.markdown_body(pieces[0])]
    return [cards.markdown_body(f"（{number}/{len(pieces)}）\n{piece}") for number, piece in enumerate(pieces, start=1)]


def _markdown(message: Message) -> str:
    links = [f"[{button.label}]({button.url})" for button in message.buttons if button.url]
    if message.link:
        links.append(f"[查看详情]({message.link})")
    if message.image.startswith("http"):
        links.append(f"[查看图片]({message.image})")
    rows = [f"> {label}：{value}" for label, value in message.fields]
    lines = [f"**{message.title}**", message.status, message.words, *rows, " ".join(links)]
    return "\n".join(line for line in lines if line)


def _picture(path: str) -> dict[str, str]:
    _, content, _ = file_part(path, PICTURE_BYTES)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return {"base64": base64.b64encode(content).decode(), "md5": md5}
