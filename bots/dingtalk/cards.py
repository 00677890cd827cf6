"""Messages as DingTalk card variables, robot messages and custom robot bodies."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bots.cut import cut_bytes, cut_chars
from bots.dingtalk.settings import DingtalkSettings
from bots.http import dumps
from texts.message import Button, Message
from workflows.letters import Refused

# The documents allow 1 KB for the value of one card variable.
VALUE_BYTES = 1024
TEXT_BYTES = 12_000
MAX_BUTTONS = 5

_COLORS = {"primary": "blue", "danger": "red", "plain": "gray"}
_FILE_TYPES = {"xlsx", "pdf", "zip", "rar", "doc", "docx"}
_PICTURES = {"png", "jpg", "jpeg", "gif", "bmp"}

RobotMessage = tuple[str, dict[str, str]]
LinkOf = Callable[[str], str]


def card_params(message: Message) -> dict[str, str]:
    """Return the variables of our card template; all are strings of at most 1 KB."""
    rows, words = _rows_and_words(message)
    return {
        "title": cut_bytes(message.title, 256),
        "markdown": cut_bytes(words, VALUE_BYTES),
        "contents": dumps(rows),
        "status": cut_bytes(message.status, 256),
        "detail_url": message.link,
        "buttons": dumps(_buttons_that_fit(message.buttons)),
    }


def is_cut(message: Message) -> bool:
    """Whether a card cannot show the whole message."""
    return len(_rows_and_words(message)[1].encode("utf-8", "replace")) > VALUE_BYTES


def card_request(message: Message, card_ref: str, space: str, settings: DingtalkSettings) -> dict[str, Any]:
    """Return the createAndDeliver body; `space` is `IM_ROBOT.<user>` or `IM_GROUP.<conversation>`.

    Forwarding is off: outsiders must not hold the buttons.
    """
    shown = {
        "supportForward": False,
        "lastMessageI18n": {"ZH_CN": cut_chars(message.title, 60)},
        "notification": {"alertContent": cut_chars(message.title, 60)},
    }
    body: dict[str, Any] = {
        "cardTemplateId": settings.card_template_id,
        "outTrackId": card_ref,
        "userIdType": 1,
        "callbackType": "HTTP",
        "callbackRouteKey": settings.card_route_key,
        "cardData": {"cardParamMap": card_params(message)},
        "openSpaceId": f"dtv1.card//{space}",
    }
    if space.startswith("IM_GROUP."):
        deliver = {"robotCode": settings.robot_code}
        return {**body, "imGroupOpenSpaceModel": shown, "imGroupOpenDeliverModel": deliver}
    deliver = {"spaceType": "IM_ROBOT", "robotCode": settings.robot_code}
    return {**body, "imRobotOpenSpaceModel": shown, "imRobotOpenDeliverModel": deliver}


def robot_message(message: Message, link_of: LinkOf) -> RobotMessage:
    """Return (msgKey, msgParam) of a robot message whose buttons are links.

    `link_of(button key)` returns the page that stands for a press, or "" when there is none; such
    buttons become a sentence saying what to reply.
    """
    links = _links(message, link_of)
    text = cut_bytes(markdown(message, {label for label, _ in links}), TEXT_BYTES)
    title = cut_chars(message.title, 60)
    if not links:
        return "sampleMarkdown", {"title": title, "text": text}
    if len(links) == 1:
        single = {"singleTitle": links[0][0], "singleURL": links[0][1]}
        return "sampleActionCard", {"title": title, "text": text, **single}
    if len(links) == 2:
        return "sampleActionCard6", {"title": title, "text": text, **_numbered(links, "button")}
    return f"sampleActionCard{len(links)}", {
        "title": title,
        "text": text,
        **_numbered(links, "action"),
    }


def webhook_body(message: Message, picture: str = "") -> dict[str, Any]:
    """Return the body for a custom group robot; `picture` is an address or media id to show."""
    links = _links(message, lambda _key: "")
    text = markdown(message, {label for label, _ in links})
    if picture:
        text += f"\n\n![{escape(message.title)}]({picture})"
    words = {"title": cut_chars(message.title, 60), "text": cut_bytes(text, TEXT_BYTES)}
    if not links:
        return {"msgtype": "markdown", "markdown": words}
    buttons = [{"title": label, "actionURL": url} for label, url in links]
    return {
        "msgtype": "actionCard",
        "actionCard": {**words, "btns": buttons, "btnOrientation": "0"},
    }


def file_message(path: str, media_id: str) -> RobotMessage:
    """Return the robot message that carries an uploaded file. Raises Refused for other types."""
    kind = file_kind(path)
    if kind == "image":
        return picture_message(media_id)
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in _FILE_TYPES:
        raise Refused("file_type", f"钉钉机器人不能发送这种文件：{Path(path).name}")
    return "sampleFile", {"mediaId": media_id, "fileName": Path(path).name, "fileType": suffix}


def picture_message(source: str) -> RobotMessage:
    """Return the robot message that shows a picture by address or media id."""
    return "sampleImageMsg", {"photoURL": source}


def file_kind(path: str) -> str:
    """Return what a file is uploaded as."""
    return "image" if Path(path).suffix.lower().lstrip(".") in _PICTURES else "file"


def markdown(message: Message, linked: set[str]) -> str:
    """Return the message as Markdown; `linked` are the labels shown as real buttons."""
    others = [button.label for button in message.buttons if button.key]
    to_reply = [label for label in others if label not in linked]
    lines = [
        f"### {escape(message.title)}",
        f"**{escape(message.status)}**" if message.status else "",
        message.words.replace("\n", "  \n"),
        _rows_text(message.fields),
        f"可直接回复：{'、'.join(to_reply)}" if to_reply else "",
    ]
    return "\n\n".join(line for line in lines if line)


def escape(text: str) -> str:
    """Return `text` so that a product name does not become a link or a heading."""
    return re.sub(r"([\\`*\[\]<>#])", r"\\\1", text)


def _rows_text(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {escape(label)}：{escape(value)}" for label, value in rows)


def _rows_and_words(message: Message) -> tuple[list[dict[str, str]], str]:
    rows, rest = _rows_that_fit(message.fields)
    return rows, "\n\n".join(part for part in [message.words, _rows_text(rest)] if part)


def _rows_that_fit(
    fields: Sequence[tuple[str, str]],
) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    rows: list[dict[str, str]] = []
    for number, (label, value) in enumerate(fields):
        longer = [*rows, {"label": label, "text": value}]
        if _size(longer) > VALUE_BYTES:
            return rows, list(fields[number:])
        rows = longer
    return rows, []


def _buttons_that_fit(buttons: Sequence[Button]) -> list[dict[str, str]]:
    shown: list[dict[str, str]] = []
    for button in buttons:
        longer = [*shown, _button(button)]
        if _size(longer) > VALUE_BYTES:
            break
        shown = longer
    return shown


def _button(button: Button) -> dict[str, str]:
    shown = {"text": button.label, "key": button.key, "color": _COLORS[button.style]}
    return {**shown, "url": button.url} if button.url else shown


def _size(value: object) -> int:
    return len(dumps(value).encode("utf-8", "replace"))


def _links(message: Message, link_of: LinkOf) -> list[tuple[str, str]]:
    found = [(button.label, button.url or link_of(button.key)) for button in message.buttons]
    links = [(label, url) for label, url in found if url]
    if message.link and len(links) < MAX_BUTTONS:
        links.append(("查看详情", message.link))
    return links[:MAX_BUTTONS]


def _numbered(links: Sequence[tuple[str, str]], word: str) -> Mapping[str, str]:
    url = "Url" if word == "button" else "URL"
    numbered: dict[str, str] = {}
    for number, (label, address) in enumerate(links, start=1):
        numbered[f"{word}Title{number}"] = label
        numbered[f"{word}{url}{number}"] = address
    return numbered
