"""SELECTs behind the approval page: what a campaign asks of whom, and a hash of what was shown."""

import hashlib
import json
from dataclasses import asdict, dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.catalog import Lot, Store
from models.recall import Campaign, ScopeLine

SHOWN_STORES = 200  # more do not fit on a phone; the sums count all of them


@dataclass(frozen=True)
class StoreScope:
    """Bottles asked of one store, and of how many batches."""

    store: str
    code: str
    region: str
    lots: int
    bottles: int


@dataclass(frozen=True)
class BatchScope:
    """Bottles of one batch over all stores."""

    batch: str
    stores: int
    bottles: int


@dataclass(frozen=True)
class Scope:
    """The partition as the approver sees it. `left_out` stores are counted but not listed."""

    stores: tuple[StoreScope, ...]
    batches: tuple[BatchScope, ...]
    left_out: int


def scope_of(session: Session, campaign: Campaign) -> Scope:
    """The scope lines of the campaign's current version, the largest stores first."""
    mine = (
        ScopeLine.campaign_id == campaign.id,
        ScopeLine.scope_version == campaign.scope_version,
    )
    bottles = func.sum(ScopeLine.bottles)
    by_store = (
        select(Store.name, Store.code, Store.region, func.count(), bottles)
        .join(ScopeLine, ScopeLine.store_id == Store.id)
        .where(*mine)
        .group_by(Store.id, Store.name, Store.code, Store.region)
        .order_by(bottles.desc(), Store.code)
        .limit(SHOWN_STORES)
    )
    by_batch = (
        select(Lot.batch, func.count(), bottles)
        .join(ScopeLine, ScopeLine.lot_id == Lot.id)
        .where(*mine)
        .group_by(Lot.id, Lot.batch)
        .order_by(bottles.desc(), Lot.batch)
        .limit(SHOWN_STORES)
    )
    stores = tuple(StoreScope(*row) for row in session.execute(by_store))
    batches = tuple(BatchScope(*row) for row in session.execute(by_batch))
    return Scope(stores, batches, max(0, campaign.scope_stores - len(stores)))


def hash_of(campaign: Campaign, scope: Scope) -> str:
    """The fingerprint of everything the page shows to the approver."""
    shown = {
        "campaign": campaign.id,
        "version": campaign.version,
        "state": campaign.state,
        "product": campaign.product_id,
        "quantity": campaign.quantity,
        "batches": campaign.batches,
        "reason": [campaign.reason, campaign.reason_text],
        "deadline": campaign.deadline.isoformat(),
        "sums": [campaign.scope_stores, campaign.scope_bottles, campaign.scope_fen],
        "scope": asdict(scope),
        "lines": campaign.seen_hash,
    }
    text = json.dumps(shown, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
