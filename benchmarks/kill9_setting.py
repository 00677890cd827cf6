"""The little distributor that is killed a hundred times: lanes that work side by side, each its own region."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store, UnitCode
from models.people import Assignment, Person, Role
from models.stock import ChannelStock, MoveKind, PlaceKind, StockSource
from workflows import ledger

STORES = 2  # in each lane
CASE = 6  # bottles each store holds of each batch
PRODUCT = "青溪老窖"
KEEPER = "feng"


@dataclass(frozen=True)
class Lane:
    """A region: who works there, and the batches that will be asked for one after the other."""

    number: int
    batches: tuple[str, ...]

    @property
    def region(self) -> str:
        """The region's name."""
        return f"片区{self.number}"

    @property
    def manager(self) -> str:
        """Who starts the campaigns."""
        return f"manager{self.number}"

    @property
    def rep(self) -> str:
        """Who approves them and drives to the stores."""
        return f"rep{self.number}"

    def owner(self, store: int) -> str:
        """Who answers for a store."""
        return f"owner{self.number}x{store}"

    def store(self, store: int) -> str:
        """A store's code; its name begins with it."""
        return f"L{self.number}S{store}"


def lanes(count: int, campaigns: int) -> list[Lane]:
    """So many lanes with work for so many campaigns each."""
    return [Lane(n, tuple(f"B{n}{c:05d}" for c in range(campaigns))) for n in range(1, count + 1)]


def fill(session: Session, all_lanes: list[Lane], now: datetime) -> None:
    """Goods, codes and people of every lane, and one warehouse keeper for all."""
    product = Product(code="P1", name=f"{PRODUCT} 52度 500ml", case_size=CASE, price_fen=1_000, aliases=[PRODUCT])
    session.add(product)
    session.flush()
    _hire(session, KEEPER, "dingtalk", Role.WAREHOUSE_KEEPER)
    for lane in all_lanes:
        _hire(session, lane.manager, "dingtalk", Role.REGIONAL_MANAGER, region=lane.region)
        _hire(session, lane.rep, "dingtalk", Role.SALES_REP, region=lane.region)
        _fill_lane(session, lane, product, now)


def codes(store: str, batch: str) -> tuple[str, list[str]]:
    """The code of a store's case of a batch, and those of the bottles in it."""
    return f"{store}-{batch}-C", [f"{store}-{batch}-{n}" for n in range(1, CASE + 1)]


def _fill_lane(session: Session, lane: Lane, product: Product, now: datetime) -> None:
    stores = [
        Store(code=lane.store(n), name=f"{lane.store(n)}店", region=lane.region, address="路 1 号")
        for n in range(STORES)
    ]
    lots = [Lot(product_id=product.id, batch=batch, production_date=date(2025, 1, 1)) for batch in lane.batches]
    session.add_all([*stores, *lots])
    session.flush()
    for number, store in enumerate(stores):
        _hire(session, lane.owner(number), "wecom", Role.STORE_OWNER, store_id=store.id)
        _shelve(session, store, lots, now)


def _shelve(session: Session, store: Store, lots: list[Lot], now: datetime) -> None:
    day = (now - timedelta(days=5)).date()  # fresh, so that no warning joins in
    spots = (PlaceKind.OUTSIDE, 0), (PlaceKind.STORE_SHELF, store.id)
    moves = [ledger.Move(f"open:{store.id}:{lot.id}", MoveKind.OPENING, lot.id, *spots, CASE, day) for lot in lots]
    ledger.post(session, moves, now, "期初")
    for lot in lots:
        session.add(
            ChannelStock(
                store_id=store.id,
                product_id=lot.product_id,
                lot_id=lot.id,
                bottles=CASE,
                received_on=day,
                as_of=day,
                source=StockSource.COUNT,
            )
        )
        case, bottles = codes(store.code, lot.batch)
        session.add(UnitCode(code=case, is_case=True, lot_id=lot.id))
        session.add_all(UnitCode(code=code, lot_id=lot.id, parent_code=case) for code in bottles)


def _hire(
    session: Session, code: str, platform: str, role: Role, *, region: str = "", store_id: int | None = None
) -> None:
    person = Person(code=code, name=code, **{f"{platform}_userid": code})
    person.assignments = [Assignment(role=role, region=region, store_id=store_id, valid_from=date(2020, 1, 1))]
    session.add(person)
