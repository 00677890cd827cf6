"""Who holds what: the goods a campaign would ask for, and where everything of a lot is (RF-03)."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store
from models.recall import Campaign, ScopeLine
from models.stock import Balance, ChannelStock, Place, PlaceKind, Reservation

CHUNK = 2_000  # rows written at once


@dataclass(frozen=True)
class Ask:
    """What is looked for: a product, its batches (none: all), stores by code or region, a cap in bottles."""

    product_id: int
    batches: tuple[str, ...] = ()
    region: str = ""
    store_codes: tuple[str, ...] = ()
    quantity: int | None = None


@dataclass(frozen=True)
class Held:
    """Bottles of a lot a store is believed to hold and nobody else has asked for."""

    store_id: int
    store_code: str
    store_name: str
    region: str
    lot_id: int
    batch: str
    bottles: int
    received_on: date
    source: str


@dataclass(frozen=True)
class Partition:
    """Where all bottles of the lots are. `presumed_sold` were delivered and are not believed to be there any more (推算)."""

    in_stores: int
    reserved: int
    in_transit: int
    quarantine: int
    warehouse: int
    returned: int
    sold: int
    transferred: int
    lost: int
    destroyed: int
    presumed_sold: int


@dataclass(frozen=True)
class Scope:
    """The answer to an Ask. Money in 分: `value_fen` of what is asked for, `exposure_fen` of all that may still be outside."""

    lines: tuple[Held, ...]
    partition: Partition
    value_fen: int
    exposure_fen: int

    @property
    def bottles(self) -> int:
        """Bottles asked for."""
        return sum(line.bottles for line in self.lines)

    @property
    def stores(self) -> int:
        """Stores asked."""
        return len({line.store_id for line in self.lines})

    @property
    def regions(self) -> frozenset[str]:
        """Regions the asked stores are in."""
        return frozenset(line.region for line in self.lines)


def find(session: Session, ask: Ask) -> Scope:
    """Look, and change nothing."""
    product = session.get_one(Product, ask.product_id)
    lines = _capped(_held(session, ask), ask.quantity)
    lots = _lots(session, ask)
    partition = _partition(session, lots)
    outside = partition.in_stores + partition.in_transit + partition.presumed_sold
    return Scope(
        lines=tuple(lines),
        partition=partition,
        value_fen=sum(line.bottles for line in lines) * product.price_fen,
        exposure_fen=outside * product.price_fen,
    )


def ask_of(campaign: Campaign) -> Ask:
    """What the campaign looks for."""
    return Ask(
        campaign.product_id,
        tuple(campaign.batches),
        campaign.region,
        tuple(campaign.store_codes),
        campaign.quantity,
    )


def freeze(session: Session, campaign: Campaign, scope: Scope) -> None:
    """Write down what is asked of whom, as a new version an approver can be shown."""
    campaign.scope_version += 1
    campaign.scope_bottles, campaign.scope_stores = scope.bottles, scope.stores
    campaign.scope_fen = scope.value_fen
    campaign.seen_hash = content_hash(scope.lines)
    rows = [
        {
            "campaign_id": campaign.id,
            "scope_version": campaign.scope_version,
            "store_id": line.store_id,
            "lot_id": line.lot_id,
            "bottles": line.bottles,
        }
        for line in scope.lines
    ]
    for start in range(0, len(rows), CHUNK):
        session.execute(insert(ScopeLine), rows[start : start + CHUNK])


def frozen_lines(session: Session, campaign: Campaign) -> list[ScopeLine]:
    """The lines of the version an approver saw, store by store."""
    query = (
        select(ScopeLine)
        .where(ScopeLine.campaign_id == campaign.id, ScopeLine.scope_version == campaign.scope_version)
        .order_by(ScopeLine.store_id, ScopeLine.lot_id)
    )
    return list(session.scalars(query))


def content_hash(lines: Iterable[Held]) -> str:
    """The hash of what an approver sees: stores, lots and bottles."""
    seen = sorted((line.store_id, line.lot_id, line.bottles) for line in lines)
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def reserved_elsewhere() -> Any:
    """Bottles of a store's lot that open tasks speak for, as a subquery."""
    return (
        select(Reservation.store_id, Reservation.lot_id, func.sum(Reservation.bottles).label("bottles"))
        .group_by(Reservation.store_id, Reservation.lot_id)
        .subquery()
    )


def _held(session: Session, ask: Ask) -> list[Held]:
    taken = reserved_elsewhere()
    free = ChannelStock.bottles - func.coalesce(taken.c.bottles, 0)
    query = (
        select(
            Store.id,
            Store.code,
            Store.name,
            Store.region,
            Lot.id,
            Lot.batch,
            free,
            ChannelStock.received_on,
            ChannelStock.source,
        )
        .select_from(ChannelStock)
        .join(Store, Store.id == ChannelStock.store_id)
        .join(Lot, Lot.id == ChannelStock.lot_id)
        .outerjoin(
            taken,
            (taken.c.store_id == ChannelStock.store_id) & (taken.c.lot_id == ChannelStock.lot_id),
        )
        .where(ChannelStock.product_id == ask.product_id, free > 0, Store.active.is_(True))
        .order_by(ChannelStock.received_on, Store.id, Lot.id)
    )
    query = _narrowed(query, ask)
    return [
        Held(s, code, name, region, lot, batch, int(bottles), received, source.value)
        for s, code, name, region, lot, batch, bottles, received, source in session.execute(query)
    ]


def _narrowed(query: Any, ask: Ask) -> Any:
    if ask.batches:
        query = query.where(Lot.batch.in_(ask.batches))
    if ask.region:
        query = query.where(Store.region == ask.region)
    if ask.store_codes:
        query = query.where(Store.code.in_(ask.store_codes))
    return query


def _capped(lines: list[Held], quantity: int | None) -> list[Held]:
    if quantity is None:
        return lines
    kept, left = [], quantity
    for line in lines:  # oldest in the store first
        if left <= 0:
            break
        bottles = min(line.bottles, left)
        kept.append(Held(**{**vars(line), "bottles": bottles}))
        left -= bottles
    return kept


def _lots(session: Session, ask: Ask) -> list[int]:
    query = select(Lot.id).where(Lot.product_id == ask.product_id)
    if ask.batches:
        query = query.where(Lot.batch.in_(ask.batches))
    return list(session.scalars(query))


def _partition(session: Session, lots: list[int]) -> Partition:
    sums = _sums_by_kind(session, lots)
    believed = select(func.coalesce(func.sum(ChannelStock.bottles), 0)).where(ChannelStock.lot_id.in_(lots))
    reserved = select(func.coalesce(func.sum(Reservation.bottles), 0)).where(Reservation.lot_id.in_(lots))
    in_stores = int(session.scalar(believed) or 0)
    returned = sum(
        sums.get(kind, 0)
        for kind in (
            PlaceKind.WAREHOUSE_A,
            PlaceKind.WAREHOUSE_B,
            PlaceKind.WAREHOUSE_C,
            PlaceKind.WAREHOUSE_D,
            PlaceKind.WAREHOUSE_X,
        )
    )
    return Partition(
        in_stores=in_stores,
        reserved=int(session.scalar(reserved) or 0),
        in_transit=sums.get(PlaceKind.VEHICLE, 0),
        quarantine=sums.get(PlaceKind.QUARANTINE, 0),
        warehouse=sums.get(PlaceKind.WAREHOUSE_STOCK, 0),
        returned=returned,
        sold=sums.get(PlaceKind.SOLD, 0),
        transferred=sums.get(PlaceKind.TRANSFERRED, 0),
        lost=sums.get(PlaceKind.LOST, 0),
        destroyed=sums.get(PlaceKind.DESTROYED, 0),
        presumed_sold=max(0, sums.get(PlaceKind.STORE_SHELF, 0) - in_stores),
    )


def _sums_by_kind(session: Session, lots: list[int]) -> dict[PlaceKind, int]:
    query = (
        select(Place.kind, func.sum(Balance.bottles))
        .join(Place, Place.id == Balance.place_id)
        .where(Balance.lot_id.in_(lots))
        .group_by(Place.kind)
    )
    return {kind: int(bottles or 0) for kind, bottles in session.execute(query)}
