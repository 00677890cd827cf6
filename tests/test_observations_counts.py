"""What is seen in stores: kept for ever, believed when nothing newer is known, laid on lots when none is named."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalog import UNKNOWN_BATCH, Lot
from models.stock import ChannelStock, Observation, StockMove, StockSource
from rules.lot_split import LotOnShelf, split_over_lots
from tests.intake_kit import NOW, TODAY, Kit, new_kit
from workflows.observations import Noted, Seen, counts_by_day, observe
from workflows.refusals import InvalidInput

DELIVERIES = "门店编码,商品编码,日期,瓶数,批号\nS1,A1,2026-01-05,12,B1\nS1,A1,2026-02-05,6,B2\nS1,A1,2026-03-05,6,B3\n"


@pytest.fixture
def kit(tmp_path, database_url) -> Kit:
    kit = new_kit(tmp_path, database_url)
    kit.masters()
    assert kit.take("deliveries", DELIVERIES).accepted == 3
    return kit


def seen(bottles: int, day: date = TODAY, lot: int | None = None, **more) -> Seen:
    key = more.pop("key", f"{bottles}:{day}:{lot}")
    source = more.pop("source", StockSource.VISIT)
    return Seen(key, 1, more.pop("product", 1), lot, bottles, day, source, "王芳", **more)


def look(kit: Kit, *all_seen: Seen, now=NOW) -> Noted:
    with kit.database.write() as session:
        return observe(session, all_seen, now)


def shelf(kit: Kit) -> dict[str, int]:
    lots = {lot.id: lot.batch for lot in kit.all(Lot)}
    return {lots[lot]: stock.bottles for (_, lot), stock in kit.believed().items()}


def test_a_count_without_lots_is_laid_on_what_came_last(kit):
    noted = look(kit, seen(10))
    assert (len(noted.new), noted.older, noted.ageless) == (1, frozenset(), frozenset())
    assert shelf(kit) == {"B3": 6, "B2": 4}
    stock = kit.believed()[1, 2]
    assert (stock.received_on, stock.as_of, stock.source) == (date(2026, 2, 5), TODAY, StockSource.VISIT)
    assert [kit.on_shelf(1, lot) for lot in (1, 2, 3)] == [0, 4, 6]
    assert kit.books_are_right()


def test_more_than_ever_came_belongs_to_a_lot_nobody_knows(kit):
    noted = look(kit, seen(30))
    assert shelf(kit) == {"B1": 12, "B2": 6, "B3": 6, UNKNOWN_BATCH: 6}
    assert len(noted.ageless) == 1
    assert kit.books_are_right()


def test_a_later_count_that_finds_more_gives_back_what_was_delivered(kit):
    look(kit, seen(3))
    look(kit, seen(8), now=NOW + timedelta(minutes=1))
    assert shelf(kit) == {"B3": 6, "B2": 2}
    assert kit.books_are_right()


def test_nothing_left_is_believed_and_remembered(kit):
    look(kit, seen(0))
    assert set(shelf(kit).values()) == {0}
    assert [kit.on_shelf(1, lot) for lot in (1, 2, 3)] == [0, 0, 0]
    look(kit, seen(0, product=2, key="no lot known"))
    assert look(kit, seen(5, TODAY - timedelta(1), product=2)).older == {f"5:{TODAY - timedelta(1)}:None"}


def test_named_lots_stand_beside_a_rest_without_names(kit):
    look(kit, seen(5, lot=1), seen(7, key="rest"))
    assert shelf(kit) == {"B1": 5, "B3": 6, "B2": 1}
    assert kit.count(Observation) == 2


def test_a_count_from_an_earlier_day_is_kept_and_does_not_overwrite(kit):
    look(kit, seen(10))
    before = shelf(kit), kit.count(StockMove)
    late = look(kit, seen(2, TODAY - timedelta(3)))
    assert late.older == late.new != frozenset()
    assert (shelf(kit), kit.count(StockMove)) == before
    assert sorted(one.bottles for one in kit.all(Observation)) == [2, 10]


def test_the_same_key_twice_changes_nothing(kit):
    look(kit, seen(10, key="k"))
    again = look(kit, seen(3, key="k"))
    assert (again.new, again.repeated, again.changed) == (frozenset(), {"k"}, 0)
    assert sum(shelf(kit).values()) == 10


def test_the_last_recorded_count_of_a_day_speaks_even_within_one_moment(kit):
    look(kit, seen(5, lot=1), seen(6, lot=2))
    look(kit, seen(9))
    look(kit, seen(4))
    assert sum(shelf(kit).values()) == 4
    with kit.database.read() as session:
        assert [tuple(row)[2:4] for row in session.execute(counts_by_day())] == [(TODAY, 4)]
    assert kit.books_are_right()


def test_a_count_keeps_the_age_of_what_it_finds(kit):
    look(kit, seen(5, lot=1, received_on=date(2025, 6, 1)))
    look(kit, seen(4, lot=1, key="later"))
    assert kit.believed()[1, 1].received_on == date(2025, 6, 1)
    look(kit, seen(3, key="whole"))
    assert [(stock.bottles, stock.received_on) for stock in kit.all(ChannelStock)] == [(3, date(2025, 6, 1))]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (seen(-1), "负数"),
        (seen(1, TODAY + timedelta(1)), "今天以后"),
        (seen(1, received_on=TODAY + timedelta(1)), "晚于盘点日期"),
    ],
)
def test_what_cannot_be_is_refused_whole(kit, wrong, why):
    with pytest.raises(InvalidInput, match=why):
        look(kit, seen(5, key="good"), wrong)
    assert kit.count(Observation) == 0


def test_two_people_counting_at_once_leave_one_truth(kit):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: look(kit, seen(number, key=f"k{number}")), range(1, 9)))
    with kit.database.read() as session:
        [row] = session.execute(counts_by_day())
    assert sum(shelf(kit).values()) == row.bottles == sum(kit.on_shelf(1, lot) for lot in (1, 2, 3))
    assert kit.count(Observation) == 8
    assert kit.books_are_right()


LOTS = st.lists(
    st.builds(
        LotOnShelf,
        st.integers(1, 10**6),
        st.dates(date(2020, 1, 1), date(2026, 1, 1)),
        st.integers(-5, 60),
        st.integers(0, 60),
        st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    ),
    max_size=8,
    unique_by=lambda lot: lot.lot_id,
)


@given(bottles=st.integers(0, 500), lots=LOTS)
def test_no_bottle_is_lost_or_made_when_a_count_is_laid_on_lots(bottles, lots):
    share, left = split_over_lots(bottles, lots)
    assert sum(share.values()) + left == bottles
    assert all(number > 0 for number in share.values())
    room = {lot.lot_id: max(0, lot.standing, lot.delivered) for lot in lots}
    assert all(number <= room[lot] for lot, number in share.items())
    assert left == 0 or sum(share.values()) == sum(room.values())


def test_goods_that_expire_go_by_their_expiry_and_the_rest_by_arrival():
    early, late = date(2026, 6, 1), date(2027, 6, 1)
    first, second = date(2026, 1, 1), date(2026, 2, 1)
    fefo = [LotOnShelf(1, first, 6, 6, late), LotOnShelf(2, second, 6, 6, early)]
    assert split_over_lots(6, fefo) == ({1: 6}, 0)
    fifo = [LotOnShelf(1, first, 6, 6), LotOnShelf(2, second, 6, 6)]
    assert split_over_lots(6, fifo) == ({2: 6}, 0)
