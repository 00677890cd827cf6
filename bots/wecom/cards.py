"""Messages as WeCom bodies, each within the lengths its client shows and its server takes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bots.cut import cut_bytes, cut_chars, split_bytes
from texts.message import Button, Message

Card = dict[str, Any]
Body = dict[str, Any]

MAX_BUTTONS = 6
MAX_FIELDS = 6
MAX_LINKS = 3
TEXT_BYTES = 2048
REPLACE_CHARS = 30  # characters of the grey words that replace buttons
DONE = "已处理"

_STYLES = {"primary": 1, "plain": 2, "danger": 3}


@dataclass(frozen=True)
class Lengths:
    """Characters a client shows of each part of a card."""

    title: int
    text: int
    value: int
    link: int
    label: int = 5
    button: int = 10


APP = Lengths(title=36, text=160, value=30, link=18)
ROBOT = Lengths(title=26, text=112, value=26, link=13)


def text_bodies(message: Message) -> list[Body]:
    """Return the message as one or more text bodies of at most 2048 bytes."""
    return [{"msgtype": "text", "text": {"content": piece}} for piece in split_bytes(plain_text(message), TEXT_BYTES)]


def markdown_body(content: str) -> Body:
    """Return a markdown body; the caller keeps it within its channel's bytes."""
    return {"msgtype": "markdown", "markdown": {"content": content}}


def textcard_body(message: Message, url: str) -> Body:
    """Return the card that members on plain WeChat can see: words and one page behind them."""
    lines = [message.status, message.words, *_rows(message.fields), what_to_reply(message)]
    # The client reads tags in the description; a product name must not become one.
    words = "\n".join(line for line in lines if line).replace("<", "＜").replace(">", "＞")
    return {
        "msgtype": "textcard",
        "textcard": {
            "title": cut_bytes(message.title, 128),
            "description": cut_bytes(words, 512),
            "url": url,
            "btntxt": "去办理" if message.buttons else "看详情",
        },
    }


def card_body(message: Message, card_ref: str) -> Body:
    """Return a template card body: choices or buttons when there are any, else a notice with its link."""
    if message.choices and message.buttons:
        return {"msgtype": "template_card", "template_card": _asking_card(message, card_ref)}
    card = button_card(message, card_ref) if message.buttons else notice_card(message)
    return {"msgtype": "template_card", "template_card": card}


def notice_card(message: Message, lengths: Lengths = APP) -> Card:
    """Return a text_notice; `message.link` is needed, it opens when the card is touched."""
    card: Card = {
        "card_type": "text_notice",
        **_common(message, lengths),
        "card_action": {"type": 1, "url": message.link},
    }
    links = [
        {"type": 1, "title": cut_chars(button.label, lengths.link), "url": button.url}
        for button in message.buttons
        if button.url
    ]
    if links:
        card["jump_list"] = links[:MAX_LINKS]
    return card


def button_card(message: Message, card_ref: str) -> Card:
    """Return a button_interaction with at most six buttons; `card_ref` becomes its task_id."""
    card: Card = {
        "card_type": "button_interaction",
        "task_id": task_id(card_ref),
        **_common(message, APP),
        "button_list": [_button(button) for button in message.buttons[:MAX_BUTTONS]],
    }
    if message.link:
        card["card_action"] = {"type": 1, "url": message.link}
    return card


def decided_card(message: Message) -> Card:
    """Return the card that replaces one already sent: `message.status` stands for its buttons.

    It carries no task_id, the platform keeps the one the card was sent with.
    """
    words = message.status or DONE
    if not message.buttons and len(words) <= REPLACE_CHARS:
        message = replace(message, status="")  # it stands where the buttons were
    card = button_card(message, "")
    del card["task_id"]
    if not message.buttons:
        card["button_list"] = [{"text": cut_chars(words, APP.button), "key": "done"}]
        card["replace_text"] = cut_chars(words, REPLACE_CHARS)
    return card


def _asking_card(message: Message, card_ref: str) -> Card:
    questions = [(choice.key, choice.title, choice.options) for choice in message.choices]
    submit = message.buttons[0]
    return choice_card(message.title, questions, (submit.label, submit.key), card_ref, message.words)


def choice_card(
    title: str,
    questions: Sequence[tuple[str, str, Sequence[tuple[str, str]]]],
    submit: tuple[str, str],
    card_ref: str,
    desc: str = "",
) -> Card:
    """Return a multiple_interaction asking one to three questions of one to ten options.

    Each question is (key, title, [(option id, words)]); `submit` is (words, key). The answers
    come back in `Incoming.choices`. Raises ValueError beyond the limits.
    """
    if not 1 <= len(questions) <= 3 or not all(1 <= len(q[2]) <= 10 for q in questions):
        raise ValueError("a card asks 1 to 3 questions of 1 to 10 options")
    return {
        "card_type": "multiple_interaction",
        "task_id": task_id(card_ref),
        "main_title": {"title": cut_chars(title, APP.title), "desc": cut_chars(desc, 160)},
        "select_list": [_question(*question) for question in questions],
        "submit_button": {"text": cut_chars(submit[0], APP.button), "key": submit[1]},
    }


def task_id(card_ref: str) -> str:
    """Return `card_ref` in the letters a task_id may have."""
    return re.sub(r"[^0-9A-Za-z_@-]", "_", card_ref)[:128]


def plain_text(message: Message) -> str:
    """Return the whole message as plain words."""
    lines = [
        message.title,
        message.status,
        message.words,
        *_rows(message.fields),
        what_to_reply(message),
        *_links(message),
    ]
    return "\n".join(line for line in lines if line)


def is_cut(message: Message, lengths: Lengths = APP) -> bool:
    """Whether a card cannot show the whole message."""
    too_long = len(_small_print(message, lengths)) > lengths.text
    return too_long or len(message.title) > lengths.title


def what_to_reply(message: Message) -> str:
    """Return the sentence telling somebody without buttons what to write instead."""
    labels = [button.label for button in message.buttons if button.key]
    return f"可直接回复：{'、'.join(labels)}" if labels else ""


def _common(message: Message, lengths: Lengths) -> Card:
    card: Card = {"main_title": {"title": cut_chars(message.title, lengths.title)}}
    if small_print := _small_print(message, lengths):
        card["sub_title_text"] = cut_chars(small_print, lengths.text)
    if rows := _short_rows(message, lengths):
        card["horizontal_content_list"] = [{"keyname": label, "value": value} for label, value in rows]
    return card


def _short_rows(message: Message, lengths: Lengths) -> list[tuple[str, str]]:
    fitting = [row for row in message.fields if _fits(row, lengths)]
    return fitting[:MAX_FIELDS]


def _fits(row: tuple[str, str], lengths: Lengths) -> bool:
    return 0 < len(row[0]) <= lengths.label and len(row[1]) <= lengths.value


def _small_print(message: Message, lengths: Lengths) -> str:
    shown = _short_rows(message, lengths)
    overflow = [row for row in message.fields if row not in shown]
    surplus = message.buttons[MAX_BUTTONS:]
    lines = [message.status, message.words, *_rows(overflow)]
    if surplus:
        lines.append(f"还可回复：{'、'.join(button.label for button in surplus)}")
    return "\n".join(line for line in lines if line)


def _rows(fields: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{label}：{value}" for label, value in fields]


def _links(message: Message) -> list[str]:
    named = [f"{button.label}：{button.url}" for button in message.buttons if button.url]
    return [*named, message.link] if message.link else named


def _button(button: Button) -> Card:
    shown: Card = {"text": cut_chars(button.label, APP.button), "style": _STYLES[button.style]}
    if button.url:
        return {**shown, "type": 1, "url": button.url}
    return {**shown, "type": 0, "key": button.key}


def _question(key: str, title: str, options: Sequence[tuple[str, str]]) -> Card:
    return {
        "question_key": key,
        "title": title,
        "option_list": [{"id": option, "text": cut_chars(words, 16)} for option, words in options],
    }
