"""Where a button leads when the platform cannot call back: the person's own signed page."""

from collections.abc import Callable
from datetime import datetime

from models.database import Database
from workflows.acting import known_person
from workflows.house import House
from workflows.links import link_for

#: Which page shows the objects of a flow.
PAGES = {
    "recall_task": "task",
    "food_safety_task": "task",
    "recall_campaign": "approve",
    "food_safety_campaign": "approve",
    "count_request": "report",
}
#: Objects whose page is open to whoever is signed in; the chat takes the same orders in words.
OPEN_PAGES = {"discrepancy": "desk/discrepancies", "warning": "w"}


class ButtonLinks:
    """Makes links for senders; each is one short transaction outside of any sending."""

    def __init__(self, database: Database, house: House, clock: Callable[[], datetime]) -> None:
        self._database, self._house, self._clock = database, house, clock

    def in_wecom(self, user_id: str, key: str) -> str:
        """The page for a WeCom user's button."""
        return self._link("wecom", user_id, key)

    def in_dingtalk(self, user_id: str, key: str) -> str:
        """The page for a DingTalk user's button."""
        return self._link("dingtalk", user_id, key)

    def shows_cards(self, user_id: str) -> bool:
        """Whether the WeCom user sees cards; readers in the WeChat plug-in do not."""
        with self._database.read() as session:
            person = known_person(session, "wecom", user_id)
            return person is None or not person.plain_wechat

    def _link(self, platform: str, user_id: str, key: str) -> str:
        flow, _, rest = key.partition(":")
        subject = rest.partition(":")[0]
        if flow in OPEN_PAGES:
            return f"{self._house.public_url}/{OPEN_PAGES[flow]}/{subject}"
        if flow not in PAGES or not subject.isdigit():
            return self._house.public_url
        with self._database.write() as session:
            person = known_person(session, platform, user_id)
            if person is None:
                return self._house.public_url
            return link_for(session, self._house, PAGES[flow], int(subject), person.id, self._clock())
