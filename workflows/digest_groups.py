"""The morning's letter to a group: what is new in its regions, in bottles and without money.

WeCom robots and custom robots cannot call back, so their buttons are links to the warning's page; the app's own card
in a DingTalk group has buttons that take up the first lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from rules.priority import Costs
from texts.message import Button, Message
from workflows import digest_words as words
from workflows.digest_lines import Place
from workflows.digest_people import ranked
from workflows.house import Group, House

TOP_BUTTONS = 5  # one card takes no more


def lines_of_group(group: Group, places: Sequence[Place], costs: Costs) -> list[Place]:
    """The places of a group's regions somebody has to hear of today, in order; stale data is a person's matter."""
    return ranked((p for p in places if p.due and not p.stale and group.hears(p.first.region)), costs)


def letter(house: House, group: Group, places: Sequence[Place], titles: Mapping[str, str], today: date) -> Message:
    """Word the letter; picture, file and buttons are put in later."""
    shown = places[: house.digest.lines_per_group]
    return house.texts.say(
        "warning_digest",
        group=group.name,
        today=today,
        warnings=sum(len(place.findings) for place in places),
        stores=len({place.first.store_id for place in places}),
        bottles=sum(place.bottles for place in places),
        places=len(places),
        shown=len(shown),
        lines=[_line(house, number, place, titles) for number, place in enumerate(shown, start=1)],
    )


def with_buttons(house: House, message: Message, places: Sequence[Place], channel: str) -> Message:
    """Buttons for the first lines: presses where they can come back, links elsewhere."""
    buttons = []
    for number, place in enumerate(places[:TOP_BUTTONS], start=1):
        label = house.texts.sentence("warning_button", number=number)
        first = place.first
        if channel.startswith("dingtalk:group:") and first.product_id:
            key = f"warning:{first.id}:start_recall:{first.version}"
            buttons.append(Button(label, key=key, style="primary"))
        else:
            buttons.append(Button(label, url=words.page(house, first), style="primary"))
    return replace(message, buttons=buttons)


def _line(house: House, number: int, place: Place, titles: Mapping[str, str]) -> str:
    return house.texts.sentence(
        "warning_line",
        number=number,
        store=place.first.store,
        product=words.product_name(house, place.first),
        stock=words.stock(place),
        reasons=words.reasons(house, place, titles, money=False),
        source=words.source(house, place.first),
        advice=words.advice(house, place),
        url=words.page(house, place.first),
    )
