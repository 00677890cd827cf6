"""The names a rule file may use, as the database knows them today."""

from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.catalog import ExpiryBasis, Product, Store
from models.people import Assignment
from rules.warning_names import Known, KnownProduct, KnownStore


def known_names(session: Session, today: date) -> Known:
    """Active stores, all products, and the roles somebody holds on that day."""
    stores = select(Store.code, Store.tier, Store.channel, Store.region).where(Store.active.is_(True))
    products = select(
        Product.code,
        Product.brand,
        Product.price_band,
        Product.expiry_months,
        Product.expiry_basis,
        Product.gains_with_age,
    )
    roles = select(Assignment.role).where(
        Assignment.valid_from <= today, or_(Assignment.valid_to.is_(None), Assignment.valid_to >= today)
    )
    return Known(
        stores=[KnownStore(*row) for row in session.execute(stores)],
        products=[
            KnownProduct(code, brand, band, (months or 0) if basis is not ExpiryBasis.NONE else 0, aged)
            for code, brand, band, months, basis, aged in session.execute(products)
        ],
        roles=frozenset(session.scalars(roles.distinct())),
    )
