"""People who work through whole take-backs from outside, whatever happens to the server meanwhile."""

import base64
import io
import random
import re
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests
from PIL import Image, ImageDraw
from sqlalchemy import select

from benchmarks.kill9_server import Server
from benchmarks.kill9_setting import CASE, KEEPER, PRODUCT, STORES, Lane, codes
from models.catalog import Store
from models.database import Database
from models.recall import Campaign, CampaignState, Handover, HandoverState, RecallTask, TaskState
from sandbox.bubbles import Bubble
from sandbox.people import CannotAct
from sandbox.world import World

T = TypeVar("T")
PATIENCE = 300.0  # seconds until a step that does not happen is called a failure; longer than a lease of the outbox
LOOK = 0.05
TRY_AGAIN = 2.0  # seconds a person waits for an effect before doing it once more


class Stuck(AssertionError):
    """A step did not happen, however often it was tried."""


class Lanes:
    """Runs every lane in a thread until told to stop; each finishes the take-back it is in."""

    def __init__(self, world: World, database: Database, server: Server, base: str, seed: int) -> None:
        self.world, self.database, self.server, self.base = world, database, server, base
        self._seed = seed
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.problems: list[BaseException] = []
        self.finished = 0
        self._lock = threading.Lock()

    def start(self, lanes: list[Lane]) -> None:
        """Let everybody begin."""
        for lane in lanes:
            thread = threading.Thread(target=self._run, args=(lane,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self) -> None:
        """Let every lane come to the end of its take-back; raises what went wrong in one."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.problems:
            raise self.problems[0]

    @property
    def over(self) -> bool:
        """Whether no lane works any more."""
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, lane: Lane) -> None:
        dice = random.Random(f"{self._seed}:{lane.number}")
        try:
            for batch in lane.batches:
                if self._stop.is_set():
                    return
                Play(self, lane, batch, dice).play()
                with self._lock:
                    self.finished += 1
        except BaseException as problem:  # noqa: BLE001 - shown by finish, in the main thread
            self.problems.append(problem)


class Play:
    """One take-back of one batch in one lane, from the manager's words to the closed file."""

    def __init__(self, lanes: Lanes, lane: Lane, batch: str, dice: random.Random) -> None:
        self._all, self._lane, self._batch, self._dice = lanes, lane, batch, dice
        self._phones: dict[str, requests.Session] = {}

    def play(self) -> None:
        """The whole loop; raises Stuck when a step does not happen."""
        lane = self._lane
        words = f"发起回收 {PRODUCT} {self._batch}批次 滞销"
        self._until(self._campaign, lambda: self._says("dingtalk", lane.manager, words))
        number = self._found(self._campaign).number
        self._until(self._running, lambda: self._presses("dingtalk", lane.rep, "同意", number))
        for store in range(STORES):
            self._return_goods(number, store)
        self._until(self._closed, lambda: None)

    def _return_goods(self, number: str, store: int) -> None:
        code, owner = self._lane.store(store), self._lane.owner(store)
        some = self._answer(code, owner)
        case, bottles = codes(code, self._batch)
        door = self._until(lambda: self._page(self._lane.rep, number, f"{code}店", "已答复"), lambda: None)
        for text in bottles[:some] if some < CASE else [case]:
            self._scan(door, text)
        sign = {"giver_name": "店员", "giver_png": _drawn(1), "taker_png": _drawn(40), "day": _later()}
        self._until(
            lambda: self._hand(code, HandoverState.SCANNING, past=True),
            lambda: self._posts(self._lane.rep, f"{door}/sign", sign),
        )
        self._into_warehouse(number, code, some)

    def _answer(self, code: str, owner: str) -> int:
        """All by button, all by words, or a part and the rest sold; returns the bottles given back."""
        how = self._dice.choice(["button", "words", "part"])
        if how == "button":
            self._until(lambda: self._answered(code), lambda: self._presses("wecom", owner, "全部退回", ""))
            return CASE
        if how == "words":
            self._until(lambda: self._answered(code), lambda: self._says("wecom", owner, "确认"))
            return CASE
        some = self._dice.randint(1, CASE - 1)
        self._until(lambda: self._answered(code), lambda: self._says("wecom", owner, f"退{some}瓶"))
        self._until(lambda: self._sold(code), lambda: self._says("wecom", owner, f"卖了{CASE - some}瓶"))
        return some

    def _scan(self, door: str, text: str) -> None:
        body = {"scans": [{"client_id": secrets.token_hex(16), "text": text}]}
        answer = self._until(lambda: None, lambda: self._posts(self._lane.rep, f"{door}/scans", body), answers=True)
        if self._dice.random() < 0.3:  # the phone was offline and sends its queue again
            again = self._until(lambda: None, lambda: self._posts(self._lane.rep, f"{door}/scans", body), answers=True)
            if again["answers"][0]["verdict"] != answer["answers"][0]["verdict"]:
                raise Stuck(f"the same scan was answered differently: {answer} {again}")

    def _into_warehouse(self, number: str, code: str, bottles: int) -> None:
        page = self._until(lambda: self._page(KEEPER, number, f"{code}店", "回收货在途"), lambda: None)
        lot = self._found(lambda: self._hand(code, HandoverState.SCANNING, past=True)).lines[0].lot_id
        signed = {"signature_png": _drawn(7)}
        steps: list[tuple[HandoverState, str, dict[str, Any]]] = [
            (HandoverState.IN_TRANSIT, "arrive", {}),
            (HandoverState.ARRIVED, "receive", {f"bottles_{lot}": bottles, **signed}),
            (HandoverState.RECEIVED, "inspect", {f"A_{lot}": bottles, **signed}),
        ]
        for state, verb, body in steps:
            self._until(
                lambda state=state: self._hand(code, state, past=True),  # type: ignore[misc]  # bound now, for the loop
                lambda verb=verb, body=body: self._posts(KEEPER, f"{page}/{verb}", body),  # type: ignore[misc]  # the same
            )

    # Acting

    def _says(self, platform: str, user: str, words: str) -> None:
        self._all.world.say(platform, user, words)

    def _presses(self, platform: str, user: str, label: str, title: str) -> None:
        for bubble in reversed(self._all.world.chat(platform, user)):
            for button in bubble.buttons:
                if button["label"] == label and button["key"] and title in bubble.title:
                    self._all.world.press(platform, user, bubble.id, button["key"])
                    return

    def _posts(self, user: str, path: str, body: dict[str, Any]) -> Any:
        phone = self._phones.setdefault(user, requests.Session())
        page = phone.get(path.rpartition("/")[0], timeout=20)
        found = re.search(r'(?:name="csrf" value|data-csrf)="([^"]+)"', page.text)
        if not found:
            return None
        headers = {"X-CSRF-Token": found[1], "Accept": "application/json"}
        answer = phone.post(path, json=body, headers=headers, timeout=20)
        return answer.json() if answer.status_code == 200 else None

    def _until(self, happened: Callable[[], T | None], act: Callable[[], Any], *, answers: bool = False) -> Any:
        """Act, watch for the effect, act again. With `answers` the act's own answer is the effect."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._all.server.people_wait()
            try:
                said = act()
            except (requests.RequestException, CannotAct):
                said = None
            if answers and said is not None:
                return said
            if not answers and (found := self._watch(happened)) is not None:
                return found
        raise Stuck(f"lane {self._lane.number} {self._batch}: {act} did not lead to {happened}")

    def _watch(self, happened: Callable[[], T | None]) -> T | None:
        end = time.monotonic() + TRY_AGAIN
        while time.monotonic() < end:
            if (found := happened()) is not None:
                return found
            time.sleep(LOOK)
        return None

    # Looking

    def _page(self, user: str, *words: str) -> str | None:
        """The page behind the newest card of somebody that says all of this."""
        for bubble in reversed(self._all.world.chat("dingtalk", user)):
            if all(word in bubble.title + bubble.body for word in words) and (link := _link(bubble)):
                return link
        return None

    def _found(self, look: Callable[[], T | None]) -> T:
        found = look()
        if found is None:
            raise Stuck("what was there is gone")
        return found

    def _campaign(self) -> Campaign | None:
        with self._all.database.read() as session:
            known = session.scalars(select(Campaign).order_by(Campaign.id.desc())).all()
            return next((c for c in known if c.batches == [self._batch]), None)

    def _running(self) -> Campaign | None:
        campaign = self._campaign()
        return campaign if campaign and campaign.issued_at else None

    def _closed(self) -> Campaign | None:
        campaign = self._campaign()
        return campaign if campaign and campaign.state is CampaignState.CLOSED else None

    def _task(self, code: str) -> RecallTask:
        with self._all.database.read() as session:
            query = select(RecallTask).join(Store).where(Store.code == code).order_by(RecallTask.id.desc())
            return session.scalars(query.limit(1)).one()

    def _answered(self, code: str) -> RecallTask | None:
        task = self._task(code)
        return task if task.state is not TaskState.ASKED else None

    def _sold(self, code: str) -> RecallTask | None:
        task = self._task(code)
        return task if sum(line.sold_before for line in task.lines) else None

    def _hand(self, code: str, state: HandoverState, *, past: bool) -> Handover | None:
        with self._all.database.read() as session:
            query = select(Handover).where(Handover.task_id == self._task(code).id).order_by(Handover.id.desc())
            hand = session.scalars(query.limit(1)).first()
        order = list(HandoverState)
        return hand if hand and past and order.index(hand.state) > order.index(state) else None


def _link(bubble: Bubble) -> str:
    links = [bubble.link, *(button["url"] for button in bubble.buttons)]
    return next((link for link in links if "/t/" in link), "")


def _drawn(seed: int) -> str:
    picture = Image.new("RGBA", (300, 120))
    ImageDraw.Draw(picture).line([(10, 10 + seed), (150, 60), (290, 20)], fill="#10203a", width=4)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _later() -> str:
    return time.strftime("%Y-%m-%d", time.localtime(time.time() + 3 * 86400))
