"""From the store's door to the graded shelf, as the rep and the warehouse keeper do it."""

from datetime import date
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy import select

from models.recall import Campaign, Discrepancy, DiscrepancyState, Handover, RecallTask
from tests.world import World
from workflows import files
from workflows.door_judge import PhoneScan
from workflows.doorstep import ScanAnswer, open_handover, record_scans
from workflows.progress import Totals, totals


def signature(shade: int) -> bytes:
    """A tiny valid PNG; another shade is another signature."""
    content = BytesIO()
    Image.new("L", (4, 4), shade).save(content, "PNG")
    return content.getvalue()


class Doorway:
    """What happens to goods, without the chats. One method is one transaction."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._scans = 0

    def scans(self, *codes: str, store: str = "S01", taker: str = "li") -> list[ScanAnswer]:
        """The rep scans codes at the store's door."""
        return self._record(store, taker, [PhoneScan(self._next_id(), code) for code in codes])

    def types(self, lot_id: int, bottles: int, store: str = "S01", taker: str = "li") -> ScanAnswer:
        """The rep types a line for bottles without a code, with a photo."""
        with self.world.database.write() as session:
            photo = PhoneScan(self._next_id(), "", bottles, lot_id, photo=self._photo(session))
        return self._record(store, taker, [photo])[0]

    def sends_again(self, scans: list[PhoneScan], store: str = "S01", taker: str = "li") -> list[ScanAnswer]:
        """A phone sends a queue it keeps."""
        return self._record(store, taker, scans)

    def signs(self, *, taker: str = "li", giver: str = "张老板", remaining_on: date | None = None, **more: Any) -> None:
        """Both sign on the rep's phone, and the goods leave."""
        png = {"giver_png": signature(10), "taker_png": signature(200)}
        self._fire("sign", taker, giver_name=giver, remaining_on=remaining_on, **{**png, **more})

    def gives_up(self, taker: str = "li") -> None:
        """Nothing is handed over after all."""
        self._fire("void", taker)

    def arrives(self, who: str = "li") -> None:
        """The vehicle stands at the warehouse."""
        self._fire("arrive", who)

    def receives(self, *counts: int, keeper: str = "feng") -> None:
        """The keeper counts; one number a line in the order of the lots, none: all is there."""
        hand = self.hand("receive")
        said = counts or tuple(line.counted + line.extra for line in hand.lines)
        lots = {line.lot_id: n for line, n in zip(hand.lines, said, strict=True)}
        self._fire("receive", keeper, counts=lots, signature_png=signature(90))

    def inspects(self, keeper: str = "feng", **grades: int) -> None:
        """The keeper grades the one lot of the hand-over: `inspects(A=6, X=2)`."""
        hand = self.hand("inspect")
        found = {line.lot_id: (grades if line.received else {}) for line in hand.lines}
        self._fire("inspect", keeper, grades=found)

    def decides(self, who: str, event: str, **data: Any) -> None:
        """Somebody clears the newest open difference."""
        with self.world.database.write() as session:
            gap = session.get(Discrepancy, self.gap())
            self.world.fire(session, gap, event, who, **{"note": "看过了", **data})

    def task_event(self, who: str, event: str, store: str = "S01", **data: Any) -> None:
        """Somebody does something to a store's task on a page."""
        with self.world.database.write() as session:
            self.world.fire(session, session.get(RecallTask, self.world.task(store).id), event, who, **data)

    def campaign_event(self, who: str, event: str, **data: Any) -> None:
        """Somebody does something to the newest campaign on a page."""
        with self.world.database.write() as session:
            self.world.fire(session, session.get(Campaign, self.world.campaign().id), event, who, **data)

    @property
    def totals(self) -> Totals:
        """How far the newest campaign is."""
        with self.world.database.read() as session:
            return totals(session, self.world.campaign().id)

    def sums(self, *names: str) -> dict[str, int]:
        """Some figures of the progress."""
        return {name: getattr(self.totals, name) for name in names}

    def hand(self, _event: str) -> Handover:
        """The hand-over something happens to: the newest."""
        return self.world.handover()

    def gap(self) -> int:
        """The difference somebody decides on: the newest that is open."""
        newest = (
            select(Discrepancy.id).where(Discrepancy.state == DiscrepancyState.OPEN).order_by(Discrepancy.id.desc())
        )
        with self.world.database.read() as session:
            return session.scalars(newest.limit(1)).one()

    def _record(self, store: str, taker: str, scans: list[PhoneScan]) -> list[ScanAnswer]:
        world = self.world
        with world.database.write() as session:
            task = session.get(RecallTask, world.task(store).id)
            actor = world.actor(session, taker)
            hand = open_handover(session, world.house, task, actor, world.clock())
            return record_scans(session, world.house, hand, scans, actor, world.clock())

    def _fire(self, event: str, who: str, **data: Any) -> None:
        with self.world.database.write() as session:
            self.world.fire(session, session.get(Handover, self.hand(event).id), event, who, **data)

    def _photo(self, session: Any) -> str:
        return files.keep_photo(session, signature(33), self.world.clock())

    def _next_id(self) -> str:
        self._scans += 1
        return f"phone-{self._scans}"
