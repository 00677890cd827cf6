"""How DingTalk cards and robot messages look; also what is refused about message bodies."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.bubbles import ButtonView, Face, button

COLORS = {"blue": "primary", "red": "danger", "gray": "plain"}
BROKEN = "[Object Object]"
"""What clients show when a variable is not the JSON its type asks for."""

MARKDOWN_TEMPLATE = "589420e2-c1e2-46ef-a5ed-b8728e654da9.schema"
BUTTONS_TEMPLATE = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"
OPEN_TEMPLATES = frozenset({MARKDOWN_TEMPLATE, BUTTONS_TEMPLATE})
"""Templates everybody may use without an own one."""

Body = dict[str, Any]


class BadBody(Exception):
    """A message body lacks something; `str()` names it."""


def card_face(template_id: str, data: dict[str, str]) -> Face:
    """Return what a card shows with these variables."""
    if template_id in OPEN_TEMPLATES:
        return _open_face(template_id, data)
    status = data.get("status", "")
    return Face(
        kind="card",
        title=data.get("title", ""),
        body=data.get("markdown", ""),
        fields=[
            (str(row.get("label", "")), str(row.get("text", "")))
            for row in _rows(data.get("contents"), {"label": "", "text": BROKEN})
        ],
        buttons=[] if status else [_button(row) for row in _rows(data.get("buttons"))],
        status=status,
        link=data.get("detail_url", ""),
    )


def _open_face(template_id: str, data: dict[str, str]) -> Face:
    face = Face(kind="card", title=data.get("title", ""), body=data.get("markdown", ""))
    if template_id == BUTTONS_TEMPLATE:
        face.status = data.get("tips", "")
        try:
            listed = json.loads(data.get("sys_full_json_obj") or "{}").get("msgButtons", [])
        except (ValueError, AttributeError):
            listed = []
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        face.buttons = [_button({"key": row.get("id", ""), **row}) for row in rows]
    return face


def _rows(text: str | None, broken: Body | None = None) -> list[Body]:
    try:
        rows = json.loads(text or "[]")
    except ValueError:
        rows = None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    return [broken or {"text": BROKEN}]


def _button(row: Body) -> ButtonView:
    return button(
        str(row.get("text", "")),
        key="" if row.get("url") else str(row.get("key", "")),
        url=str(row.get("url", "")),
        style=COLORS.get(str(row.get("color", "")), "plain"),
    )


def _need(body: Body, *names: str) -> list[str]:
    values = [body.get(name) for name in names]
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str) or not value:
            raise BadBody(name)
    return [str(value) for value in values]


def _text(body: Body) -> Face:
    return Face(kind="text", body=_need(body, "content")[0])


def _markdown(body: Body) -> Face:
    title, text = _need(body, "title", "text")
    return Face(kind="markdown", title=title, body=text)


def _picture(body: Body) -> Face:
    return Face(kind="image", media_id=_need(body, "photoURL")[0])


def _link(body: Body) -> Face:
    title, text, link = _need(body, "title", "text", "messageUrl")
    return Face(kind="card", title=title, body=text, link=link, media_id=body.get("picUrl", ""))


def _file(body: Body) -> Face:
    media_id, name, _ = _need(body, "mediaId", "fileName", "fileType")
    return Face(kind="file", title=name, media_id=media_id)


def _action_card(*pairs: tuple[str, str]) -> Callable[[Body], Face]:
    def compose(body: Body) -> Face:
        title, text = _need(body, "title", "text")
        buttons = []
        for label_name, url_name in pairs:
            label, url = _need(body, label_name, url_name)
            buttons.append(button(label, url=url, style="primary"))
        return Face(kind="actionCard", title=title, body=text, buttons=buttons)

    return compose


def _vertical(number: int) -> Callable[[Body], Face]:
    pairs = [(f"actionTitle{i}", f"actionURL{i}") for i in range(1, number + 1)]
    return _action_card(*pairs)


ROBOT_KEYS: dict[str, Callable[[Body], Face]] = {
    "sampleText": _text,
    "sampleMarkdown": _markdown,
    "sampleImageMsg": _picture,
    "sampleLink": _link,
    "sampleActionCard": _action_card(("singleTitle", "singleURL")),
    **{f"sampleActionCard{number}": _vertical(number) for number in range(2, 6)},
    "sampleActionCard6": _action_card(("buttonTitle1", "buttonUrl1"), ("buttonTitle2", "buttonUrl2")),
    "sampleFile": _file,
}


def robot_face(msg_key: str, body: Body) -> Face:
    """Return a robot message's look; raises `BadBody`."""
    compose = ROBOT_KEYS.get(msg_key)
    if compose is None:
        raise BadBody("msgKey")
    return compose(body)


def _group_action_card(card: Body) -> Face:
    if "btns" not in card:
        return _action_card(("singleTitle", "singleURL"))(card)
    title, text = _need(card, "title", "text")
    buttons = []
    for row in card["btns"]:
        label, url = _need(row, "title", "actionURL")
        buttons.append(button(label, url=url, style="primary"))
    return Face(kind="actionCard", title=title, body=text, buttons=buttons)


def _feed(card: Body) -> Face:
    rows = [_need(row, "title", "messageURL") for row in card.get("links", [])]
    if not rows:
        raise BadBody("links")
    return Face(kind="card", buttons=[button(title, url=url, style="link") for title, url in rows])


WEBHOOK_TYPES: dict[str, Callable[[Body], Face]] = {
    "text": _text,
    "markdown": _markdown,
    "link": _link,
    "actionCard": _group_action_card,
    "feedCard": _feed,
}


def webhook_face(message: Body) -> Face:
    """Return the look of a custom robot's or sessionWebhook's message; raises `BadBody`."""
    kind = str(message.get("msgtype"))
    compose, content = WEBHOOK_TYPES.get(kind), message.get(kind)
    if compose is None:
        raise BadBody("msgtype")
    if not isinstance(content, dict):
        raise BadBody(kind)
    return compose(content)
