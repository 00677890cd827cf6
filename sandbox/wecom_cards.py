"""The five template cards: what WeCom refuses about them."""

import re
from collections.abc import Callable
from typing import Any

from sandbox.cutting import is_url, size
from sandbox.wecom_errors import WeComError

KEY_BYTES = 1024
URL_BYTES = 2048
TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")
COUNTED = (
    ("vertical_content_list", 4, 42036),
    ("horizontal_content_list", 6, 42035),
    ("jump_list", 3, 42042),
)
INTERACTIVE = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})

Card = dict[str, Any]


def check_card(card: Any) -> Card:
    """Return the card when WeCom would take it; raises `WeComError`."""
    if not isinstance(card, dict):
        raise WeComError(40058, "template_card missing")
    check = CHECKS.get(str(card.get("card_type")))
    if check is None:
        raise WeComError(40058, "invalid template_card.card_type")
    _check_counts(card)
    _check_rows(card.get("horizontal_content_list", []))
    _check_jumps(card.get("jump_list", []))
    _check_menu(card)
    _check_task_id(card)
    check(card)
    return card


def check_url(url: Any) -> None:
    """Refuse addresses without scheme or too long."""
    if not is_url(str(url or "")):
        raise WeComError(45034, "url must contain http or https")
    if size(str(url)) > URL_BYTES:
        raise WeComError(40039, "url size out of limit")


def needs_response_code(card: Card) -> bool:
    """Tell whether sending this card returns a response_code."""
    return card["card_type"] in INTERACTIVE or bool(card.get("action_menu"))


def _check_counts(card: Card) -> None:
    for name, limit, code in COUNTED:
        entries = card.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
            raise WeComError(40058, f"template_card.{name} must be an array of objects")
        if len(entries) > limit:
            raise WeComError(code, f"template_card.{name} exceeds {limit} items")
    for entry in card.get("vertical_content_list", []):
        if not entry.get("title"):
            raise WeComError(40058, "vertical_content_list.title missing")


def _check_rows(rows: list[Card]) -> None:
    for row in rows:
        if not row.get("keyname"):
            raise WeComError(42027, "horizontal_content_list.keyname missing")
        kind = row.get("type", 0)
        if kind == 1:
            check_url(row.get("url"))
        if kind == 2 and not row.get("media_id"):
            raise WeComError(42029, "horizontal_content_list.media_id missing")
        if kind == 3 and not row.get("userid"):
            raise WeComError(42050, "horizontal_content_list.userid missing")


def _check_jumps(jumps: list[Card]) -> None:
    for jump in jumps:
        if not jump.get("title"):
            raise WeComError(40058, "jump_list.title missing")
        if jump.get("type") == 1:
            check_url(jump.get("url"))


def _check_menu(card: Card) -> None:
    menu = card.get("action_menu")
    if not menu:
        return
    actions = menu.get("action_list", [])
    if not 1 <= len(actions) <= 3:
        raise WeComError(40058, "action_menu.action_list must have 1 to 3 items")
    _check_keys([action.get("key") for action in actions], missing=42017)


def _check_task_id(card: Card) -> None:
    task_id = card.get("task_id")
    required = needs_response_code(card)
    if not task_id and not required:
        return
    if not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        raise WeComError(40058, "template_card.task_id missing or invalid")


def _check_keys(keys: list[Any], missing: int) -> None:
    for key in keys:
        if not isinstance(key, str) or not key:
            raise WeComError(missing, "key missing")
        if size(key) > KEY_BYTES:
            raise WeComError(42017, "key exceeds 1024 bytes")
    if len(set(keys)) != len(keys):
        raise WeComError(42018, "key repeated")


def _title(card: Card) -> str:
    return str((card.get("main_title") or {}).get("title") or "")


def _need_title(card: Card) -> None:
    if not _title(card):
        raise WeComError(40058, "main_title.title missing")


def _need_action(card: Card) -> None:
    action = card.get("card_action") or {}
    if action.get("type") not in (1, 2):
        raise WeComError(42045, "card_action missing or invalid")
    if action["type"] == 1:
        check_url(action.get("url"))


def _check_text_notice(card: Card) -> None:
    _need_action(card)
    if not _title(card) and not card.get("sub_title_text"):
        raise WeComError(40058, "main_title.title or sub_title_text required")


def _check_news_notice(card: Card) -> None:
    _need_title(card)
    _need_action(card)
    if not (card.get("card_image") or {}).get("url") and not card.get("image_text_area"):
        raise WeComError(40058, "card_image or image_text_area required")


def _check_buttons(card: Card) -> None:
    _need_title(card)
    if (card.get("card_action") or {}).get("type"):
        _need_action(card)
    buttons = card.get("button_list")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 6:
        raise WeComError(40058, "button_list must have 1 to 6 items")
    for entry in buttons:
        if not entry.get("text"):
            raise WeComError(42038, "button_list.text missing")
        if entry.get("type") == 1:
            check_url(entry.get("url"))
    _check_keys([entry.get("key") for entry in buttons if entry.get("type") != 1], missing=42039)
    if card.get("button_selection"):
        _check_question(card["button_selection"], most=10)


def _check_vote(card: Card) -> None:
    _need_title(card)
    _check_submit(card)
    box = card.get("checkbox")
    if not isinstance(box, dict):
        raise WeComError(40058, "checkbox missing")
    _check_question(box, most=20)
    if not all(isinstance(option.get("is_checked"), bool) for option in box["option_list"]):
        raise WeComError(40058, "checkbox.option_list.is_checked missing")


def _check_selections(card: Card) -> None:
    _need_title(card)
    _check_submit(card)
    lists = card.get("select_list")
    if not isinstance(lists, list) or not 1 <= len(lists) <= 3:
        raise WeComError(42047, "select_list must have 1 to 3 items")
    for question in lists:
        _check_question(question, most=10)
    _check_keys([question["question_key"] for question in lists], missing=40058)


def _check_submit(card: Card) -> None:
    submit = card.get("submit_button") or {}
    if not submit.get("text"):
        raise WeComError(42046, "submit_button.text missing")
    _check_keys([submit.get("key")], missing=42049)


def _check_question(question: Card, most: int) -> None:
    _check_keys([question.get("question_key")], missing=40058)
    options = question.get("option_list")
    if not isinstance(options, list) or not 1 <= len(options) <= most:
        raise WeComError(40058, f"option_list must have 1 to {most} items")
    ids = [str(option.get("id") or "") for option in options]
    if len(set(ids)) != len(ids) or not all(0 < size(item) <= 128 for item in ids):
        raise WeComError(40058, "option_list.id missing, too long or repeated")
    if not all(option.get("text") for option in options):
        raise WeComError(40058, "option_list.text missing")


CHECKS: dict[str, Callable[[Card], None]] = {
    "text_notice": _check_text_notice,
    "news_notice": _check_news_notice,
    "button_interaction": _check_buttons,
    "vote_interaction": _check_vote,
    "multiple_interaction": _check_selections,
}
