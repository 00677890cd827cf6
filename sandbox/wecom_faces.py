"""How a template card looks on a phone, cut where the client cuts."""

from typing import Any

from sandbox.bubbles import ButtonView, Face, Question, button
from sandbox.cutting import cut

Card = dict[str, Any]

STYLES = {1: "primary", 2: "plain", 3: "danger", 4: "plain"}


def card_face(card: Card) -> Face:
    """Return what the member sees; `replace_text` takes the place of the callback buttons."""
    title = card.get("main_title") or {}
    status = str(card.get("replace_text") or "")
    return Face(
        kind="card",
        title=cut(title.get("title") or "", 16 if "checkbox" in card else 36),
        body="\n".join(_paragraphs(card)),
        fields=[
            (cut(row["keyname"], 5), cut(str(row.get("value") or ""), 30))
            for row in card.get("horizontal_content_list", [])
        ],
        buttons=_links(card) + ([] if status else _callbacks(card)),
        questions=_questions(card),
        status=status,
        link=(card.get("card_action") or {}).get("url", ""),
        media_id=(card.get("card_image") or {}).get("url", ""),
    )


def greyed(face: Face, text: str) -> Face:
    """Return the face with its callback buttons replaced by grey words."""
    links = [entry for entry in face.buttons if entry["url"]]
    frozen: list[Question] = [{**question, "disabled": True} for question in face.questions]
    return Face(
        kind=face.kind,
        title=face.title,
        body=face.body,
        fields=face.fields,
        buttons=links,
        questions=frozen,
        status=text,
        link=face.link,
        media_id=face.media_id,
    )


def _paragraphs(card: Card) -> list[str]:
    title, emphasis = card.get("main_title") or {}, card.get("emphasis_content") or {}
    wide = card["card_type"] in ("vote_interaction", "multiple_interaction")
    quote = card.get("quote_area") or {}
    lines = [
        cut(title.get("desc") or "", 160 if wide else 44),
        cut(emphasis.get("title") or "", 14),
        cut(emphasis.get("desc") or "", 22),
        quote.get("title") or "",
        quote.get("quote_text") or "",
        cut(card.get("sub_title_text") or "", 160),
    ]
    for entry in card.get("vertical_content_list", []):
        lines += [cut(entry["title"], 38), cut(entry.get("desc") or "", 160)]
    return [line for line in lines if line]


def _links(card: Card) -> list[ButtonView]:
    rows = [
        button(str(row.get("value") or row["keyname"]), url=row["url"], style="link")
        for row in card.get("horizontal_content_list", [])
        if row.get("type") == 1
    ]
    jumps = [
        button(cut(jump["title"], 18), url=jump["url"], style="link")
        for jump in card.get("jump_list", [])
        if jump.get("type") == 1
    ]
    return rows + jumps


def _callbacks(card: Card) -> list[ButtonView]:
    views = []
    for entry in card.get("button_list", []):
        style = STYLES.get(entry.get("style", 1), "primary")
        where = {"url": entry["url"]} if entry.get("type") == 1 else {"key": entry["key"]}
        views.append(button(cut(entry["text"], 10), style=style, **where))
    menu = (card.get("action_menu") or {}).get("action_list", [])
    views += [button(entry.get("text", ""), key=entry["key"], style="menu") for entry in menu]
    if submit := card.get("submit_button"):
        views.append(button(cut(submit["text"], 10), key=submit["key"], style="primary"))
    return views


def _questions(card: Card) -> list[Question]:
    found = []
    if box := card.get("checkbox"):
        checked = [option["id"] for option in box["option_list"] if option.get("is_checked")]
        found.append(_question(box, checked, many=box.get("mode") == 1))
    lists = [*card.get("select_list", []), card.get("button_selection")]
    for entry in filter(None, lists):
        ids = [option["id"] for option in entry["option_list"]]
        wanted = entry.get("selected_id")
        found.append(_question(entry, [wanted if wanted in ids else ids[0]], many=False))
    return found


def _question(entry: Card, selected: list[str], *, many: bool) -> Question:
    return {
        "key": entry["question_key"],
        "title": entry.get("title", ""),
        "many": many,
        "options": [
            {"id": option["id"], "text": cut(option["text"], 17 if "mode" in entry else 16)}
            for option in entry["option_list"]
        ],
        "selected": selected,
        "disabled": bool(entry.get("disable")),
    }
