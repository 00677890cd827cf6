"""Products, stores, lots, unit codes and holds."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base

#: The batch of a lot nobody could read. Never a real batch number.
UNKNOWN_BATCH = "未知批次"


class ExpiryBasis(StrEnum):
    """Why a product has an expiry date at all; baijiu of 10 % vol and more needs no shelf life."""

    NONE = "none"  #: 只看库龄
    LABELLED = "labelled"  #: 标签保质期
    BRAND_POLICY = "brand_policy"  #: 厂家政策期
    CONTRACT_POLICY = "contract_policy"  #: 合同约定期


class Product(Base):
    """One SKU. `case_size` is bottles per case (箱规); `price_fen` the price to a store per bottle in 分.

    `expiry_months` counts from the production date and is empty when `expiry_basis` is none.
    """

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    brand: Mapped[str] = mapped_column(default="")
    spec: Mapped[str] = mapped_column(default="")
    case_size: Mapped[int]
    price_fen: Mapped[int] = mapped_column(default=0)
    price_band: Mapped[str] = mapped_column(default="")
    barcode: Mapped[str] = mapped_column(default="", index=True)
    expiry_basis: Mapped[ExpiryBasis] = mapped_column(default=ExpiryBasis.NONE)
    expiry_months: Mapped[int | None]
    gains_with_age: Mapped[bool] = mapped_column(default=False)
    aliases: Mapped[list[Any]] = mapped_column(default=list)


class Store(Base):
    """A point of sale (终端门店) or a smaller wholesaler (二批商) the distributor delivers to."""

    __tablename__ = "store"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    region: Mapped[str] = mapped_column(default="", index=True)
    channel: Mapped[str] = mapped_column(default="")
    tier: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    active: Mapped[bool] = mapped_column(default=True)


class Lot(Base):
    """A batch of one product. A batch is unique within its product only."""

    __tablename__ = "lot"
    __table_args__ = (UniqueConstraint("product_id", "batch"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    batch: Mapped[str]
    production_date: Mapped[date | None]
    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)


class Pack(StrEnum):
    """What a code stands on."""

    CAP = "cap"  #: 盖内
    BOTTLE = "bottle"  #: 瓶
    BOX = "box"  #: 盒
    CASE = "case"  #: 箱
    PALLET = "pallet"  #: 垛


class UniquePer(StrEnum):
    """How far a code tells things apart; it depends on the brand's scheme."""

    UNIT = "unit"  #: 一件一码
    CASE = "case"  #: 整箱同码
    NONE = "none"  #: 不唯一


class UnitCode(Base):
    """A code printed on one bottle, box, case or pallet, and what that was packed in.

    `code` is the spelling `rules/code_schemes.py:registered_code` gives: numbers of a brand's own scheme
    carry the scheme's name in front, because two brands may print the same digits. `pack` None stands in
    rows older than that column: `is_case` says it. `bottles` is how many a package holds whose bottles are
    not listed. `same_as` names the unit this is one more code of, as a 盖内码 is of its bottle.

    The relation to `parent_code` holds from `packed_from` (empty: as made) to the day before `packed_to`;
    earlier relations of a bottle packed anew are `FormerPacking`. An opened package holds nothing.
    """

    __tablename__ = "unit_code"

    code: Mapped[str] = mapped_column(primary_key=True)
    is_case: Mapped[bool] = mapped_column(default=False)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    parent_code: Mapped[str | None] = mapped_column(index=True)
    pack: Mapped[Pack | None]
    scheme: Mapped[str] = mapped_column(String(64), default="", server_default="")
    unique_per: Mapped[UniquePer] = mapped_column(default=UniquePer.UNIT, server_default="unit")
    bottles: Mapped[int | None]
    same_as: Mapped[str | None] = mapped_column(index=True)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    packed_from: Mapped[date | None]
    packed_to: Mapped[date | None]
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[str] = mapped_column(default="", server_default="")
    redeemed_at: Mapped[datetime | None]

    @property
    def kind(self) -> Pack:
        """What the code stands on."""
        return self.pack or (Pack.CASE if self.is_case else Pack.BOTTLE)


class FormerPacking(Base):
    """A bottle or package was packed in `parent_code` from `packed_from` (empty: as made) until `packed_to`."""

    __tablename__ = "former_packing"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(index=True)
    parent_code: Mapped[str] = mapped_column(index=True)
    packed_from: Mapped[date | None]
    packed_to: Mapped[date]


class TradeItem(Base):
    """A GTIN (14 digits) and what stands behind it in a span of days, both ends in: GTINs are used again.

    `bottles` is how many one item holds: 1 for a bottle, 4 or 6 for two cases of the same liquor.
    """

    __tablename__ = "trade_item"
    __table_args__ = (UniqueConstraint("gtin", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    gtin: Mapped[str] = mapped_column(String(14), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    pack: Mapped[Pack]
    bottles: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Hold(Base):
    """A stop on a lot: it may not be sold, nor delivered into a store; the way back stays open.

    `final` holds are of food-safety recalls: never released, and no bottle may be used again.
    """

    __tablename__ = "hold"
    __table_args__ = (Index(None, "lot_id", "released_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    reason: Mapped[str]
    final: Mapped[bool] = mapped_column(default=False)
    placed_by: Mapped[str]
    placed_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
