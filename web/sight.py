"""What part of the distributor's stores somebody may look at."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, true

from models.catalog import Store
from workflows.acting import Duty


@dataclass(frozen=True)
class Sight:
    """Everything, or the stores of some regions and some single stores."""

    everything: bool
    regions: frozenset[str] = frozenset()
    store_ids: frozenset[int] = frozenset()

    def stores(self) -> ColumnElement[bool]:
        """The condition on Store that narrows a query to what may be seen."""
        if self.everything:
            return true()
        return or_(Store.region.in_(self.regions), Store.id.in_(self.store_ids))

    def sees(self, store: Store) -> bool:
        """Whether one store may be looked at."""
        return self.everything or store.region in self.regions or store.id in self.store_ids


def sight_of(duties: Iterable[Duty]) -> Sight:
    """What the duties together let somebody see."""
    mine = list(duties)
    return Sight(
        any(not duty.region and duty.store_id is None for duty in mine),
        frozenset(duty.region for duty in mine if duty.store_id is None and duty.region),
        frozenset(duty.store_id for duty in mine if duty.store_id is not None),
    )
