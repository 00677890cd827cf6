"""What the daily scan finds, on both databases."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event, update

from models.catalog import ExpiryBasis, Lot, Product, Store
from models.stock import StockSource
from models.warning import ScanRun, StockWarning
from rules.shelf_life import months_left
from rules.warning_rules import Metric, Scope, Thresholds
from tests.intake_kit import NOW, TODAY, new_kit
from tests.scan_kit import AGED, COVER, Channel, changed, of_day, rule, ruleset
from workflows.scan import preview, scan
from workflows.scan_record import ScanRefused
from workflows.warning_value import confirmed_on, value_on


@pytest.fixture
def channel(tmp_path, migrated_url) -> Iterator[Channel]:
    kit = new_kit(tmp_path, migrated_url)
    yield Channel(kit)
    kit.database.close()


# Ages


@pytest.mark.parametrize(("days", "level"), [(90, None), (91, 1), (180, 1), (181, 2)])
def test_age_fires_above_its_threshold(channel, days, level):
    lot = channel.hold(6, days=days)
    channel.scan()
    assert channel.firing() == ({("aged", 1, lot, level)} if level else set())


def test_figures_tell_why(channel):
    channel.hold(6, days=100, made=date(2025, 1, 2))
    channel.scan()
    warning = channel.one()
    assert warning.figures == {
        "metric": "age_in_store",
        "day": "2026-03-10",
        "received_on": "2025-11-30",
        "source": "count",
        "as_of": "2026-03-10",
        "batch": "B1",
        "age_days": 100,
        "counted_from": "2025-11-30",
        "production_date": "2025-01-02",
        "price_fen": 10_000,
    }
    assert (warning.value, warning.threshold, warning.rule_version) == (100_000, 90_000, "v1")
    assert (warning.version, warning.visit, warning.bottles, warning.episode) == (1, 1, 6, 1)
    # Nobody knows what the store sells: all of it is at stake.
    assert warning.loss_fen == 60_000


def test_each_age_counts_from_its_own_day(channel):
    three = (Metric.AGE_IN_STORE, Metric.AGE_IN_CHANNEL, Metric.AGE_SINCE_PRODUCTION)
    channel.rules = ruleset(*(rule(metric.value, metric, 5) for metric in three))
    channel.hold(6, days=10, channel_since=TODAY - timedelta(days=200), made=TODAY - timedelta(days=300))
    channel.scan()
    assert {w.rule: w.value for w in channel.all()} == {
        "age_in_store": 10_000,
        "age_in_channel": 200_000,
        "age_since_production": 300_000,
    }


def test_age_in_the_channel_is_the_age_in_the_store_where_no_transfer_was(channel):
    channel.rules = ruleset(rule("c", Metric.AGE_IN_CHANNEL, 5))
    channel.hold(6, days=10)
    channel.scan()
    assert channel.one().value == 10_000


def test_liquor_that_gains_with_age_is_never_too_old(channel):
    channel.hold(6, days=4000, product=2)
    channel.sells(0, product=2)
    channel.rules = ruleset(AGED, COVER, rule("n", Metric.DAYS_WITHOUT_SALE, 1))
    channel.scan()
    assert channel.all() == []


def test_closed_stores_and_empty_shelves_are_quiet(channel):
    channel.hold(0, days=100)
    channel.hold(6, days=100, store=2)
    with channel.kit.database.write() as session:
        session.execute(update(Store).where(Store.id == 2).values(active=False))
    channel.scan()
    assert channel.all() == []


# Scopes


def test_a_rule_looks_only_where_it_is_told_to(channel):
    lot = channel.hold(6, days=100)
    channel.hold(6, days=100, store=2)
    channel.hold(6, days=100, product=3, batch="C1")
    channel.rules = ruleset(changed(AGED, scope=Scope(price_bands=("中档",), regions=("东区",))))
    channel.scan()
    assert channel.firing() == {("aged", 1, lot, 1)}


def test_the_most_specific_thresholds_win(channel):
    rows = (
        Thresholds(Scope(stores=("S2",)), (300_000,), 300_000),
        Thresholds(Scope(regions=("东区", "西区")), (50_000, 99_000), 50_000),
        Thresholds(Scope(), (1_000,), 1_000),
    )
    lot = channel.hold(6, days=100)
    channel.hold(6, days=100, store=2)
    channel.rules = ruleset(changed(AGED, thresholds=rows))
    channel.scan()
    assert channel.firing() == {("aged", 1, lot, 2)}
    assert channel.one().threshold == 99_000


@pytest.mark.parametrize(
    ("scope", "meant"),
    [
        (Scope(products=("A1",)), True),
        (Scope(products=("X",)), False),
        (Scope(stores=("S1",)), True),
        (Scope(tiers=("A",)), False),
        (Scope(channels=("烟酒店",)), False),
        (Scope(brands=("没有",)), False),
    ],
)
def test_every_dimension_of_a_scope_narrows(channel, scope, meant):
    channel.hold(6, days=100)
    channel.rules = ruleset(changed(AGED, scope=scope))
    channel.scan()
    assert bool(channel.all()) is meant


# Remaining life (traps 30 to 32)


@pytest.mark.parametrize(
    ("made", "level"),
    [
        (date(2025, 9, 11), None),
        (date(2025, 9, 10), 1),
        (date(2025, 8, 10), 2),
        (date(2025, 7, 10), 3),
        (date(2025, 4, 24), 5),
        (date(2024, 1, 1), 5),
    ],
)
def test_remaining_life_fires_by_calendar_months(channel, made, level):
    lot = channel.hold(6, product=3, batch="C1", made=made)
    channel.rules = ruleset(rule("near", Metric.REMAINING_LIFE, 6, 5, 4, 3, 1.5))
    channel.scan()
    assert channel.firing() == ({("near", 1, lot, level)} if level else set())


@pytest.mark.parametrize("today", [date(2028, 2, 29), date(2026, 1, 31), date(2026, 2, 28), date(2026, 8, 31)])
def test_months_tile_without_gap_or_overlap_at_every_month_end(channel, today):
    levels = (3, 2, 1)
    channel.rules = ruleset(rule("near", Metric.REMAINING_LIFE, *levels))
    made = [date(today.year - 1, today.month, min(today.day, 28)) + timedelta(days=days) for days in range(0, 100, 3)]
    lots = {channel.hold(6, product=3, batch=f"C{n}", made=day): day for n, day in enumerate(made)}
    with channel.kit.database.write() as session:
        scan(session, channel.rules, today, NOW)
    found = {w.lot_id: w.level for w in channel.all()}
    for lot, day in lots.items():
        left = months_left(today, _twelve_months_on(day))
        assert found.get(lot, 0) == sum(left <= level * 1000 for level in levels), day


def _twelve_months_on(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 2, 28)


def test_what_is_over_is_below_zero_and_says_so(channel):
    channel.hold(6, product=3, batch="C1", made=date(2025, 2, 10))
    channel.rules = ruleset(rule("near", Metric.REMAINING_LIFE, 6))
    channel.scan()
    assert channel.one().value == -1_000
    assert channel.one().counted_from == date(2026, 2, 10)


def test_goods_without_an_expiry_basis_are_never_near_their_end(channel):
    channel.hold(6, made=date(2010, 1, 1))
    channel.hold(6, product=3, batch="C1", made=date(2010, 1, 1))
    channel.change(Product, expiry_basis=ExpiryBasis.NONE, expiry_months=12)
    channel.rules = ruleset(rule("near", Metric.REMAINING_LIFE, 6))
    channel.scan()
    assert channel.all() == []


@pytest.mark.parametrize("made", [None, date(9990, 1, 1)])
def test_a_lot_without_a_sensible_production_day_stops_nothing(channel, made):
    lot = channel.hold(6, days=100, product=3, batch="C1", made=made)
    channel.change(Product, expiry_months=90_000)
    channel.rules = ruleset(AGED, rule("near", Metric.REMAINING_LIFE, 6), rule("p", Metric.AGE_SINCE_PRODUCTION, 6))
    channel.scan()
    assert channel.firing() == {("aged", 1, lot, 1)}


# Cover (trap 56)


@pytest.mark.parametrize(
    ("bottles", "monthly", "level"), [(18, 6, None), (19, 6, 1), (36, 6, 1), (37, 6, 2), (15, 6, None)]
)
def test_cover_fires_above_so_many_months_of_sales(channel, bottles, monthly, level):
    channel.hold(bottles)
    channel.sells(monthly)
    channel.scan()
    assert channel.firing() == ({("cover", 1, 0, level)} if level else set())


@pytest.mark.parametrize(("days", "level"), [(80, None), (100, 1), (190, 2)])
def test_without_any_sale_cover_ranks_by_age_and_never_divides_by_nothing(channel, days, level):
    channel.rules = ruleset(COVER)
    channel.hold(600, days=days)
    channel.sells(0)
    channel.scan()
    assert channel.firing() == ({("cover", 1, 0, level)} if level else set())
    if level:
        assert channel.one().value == days * 32_854 // 1_000
        assert value_on(channel.one(), of_day(30)) == round((days + 30) * 1000 / 30.4375)


def test_cover_needs_a_known_rate_and_sums_all_lots(channel):
    channel.rules = ruleset(COVER)
    channel.hold(10, days=1)
    channel.hold(10, days=20, batch="B2")
    channel.scan()
    assert channel.all() == []
    channel.sells(6)
    channel.scan()
    assert (channel.one().bottles, channel.one().figures["received_on"]) == (20, "2026-02-18")
    assert channel.one().value == 3_333


@pytest.mark.parametrize(("days", "fires"), [(59, False), (60, True)])
@pytest.mark.parametrize("metric", [Metric.MONTHS_OF_COVER, Metric.DAYS_WITHOUT_SALE, Metric.SELL_THROUGH])
def test_new_listings_are_left_alone(channel, days, fires, metric):
    levels = {Metric.SELL_THROUGH: 90}.get(metric, 0.5)
    channel.rules = ruleset(rule("r", metric, levels, new_listing_days=60))
    channel.hold(600, days=days)
    first = TODAY - timedelta(days=days)
    channel.sells(1, first_arrived_on=first, last_arrived_on=first, received_bottles=600, sold_bottles=6)
    channel.scan()
    assert bool(channel.firing()) is fires


def test_a_quiet_month_fires_nothing_new_and_keeps_what_fires(channel):
    channel.rules = ruleset(changed(COVER, leave_out_months=(3,)))
    channel.hold(60)
    channel.sells(6)
    channel.scan()
    assert channel.all() == []
    channel.rules = ruleset(COVER)
    channel.scan(1)
    channel.rules = ruleset(changed(COVER, leave_out_months=(3,)))
    channel.scan(2)
    assert channel.states() == ["firing"]


# Sales


@pytest.mark.parametrize(("bottles", "level"), [(0, 2), (1, 1), (2, None), (3, None)])
def test_safety_stock_counts_days_of_sales_and_sees_an_empty_shelf(channel, bottles, level):
    channel.rules = ruleset(rule("low", Metric.SAFETY_STOCK, 7, 5, clears=10))
    channel.hold(bottles)
    channel.sells(6)  # one bottle lasts 5.07 days
    channel.scan()
    found = channel.firing()
    assert found == ({("low", 1, 0, level)} if level else set())
    assert [w.bottles for w in channel.all()] == ([bottles] if level else [])


def test_what_does_not_sell_needs_no_safety_stock(channel):
    channel.rules = ruleset(rule("low", Metric.SAFETY_STOCK, 7))
    channel.hold(1)
    channel.sells(0)
    channel.scan()
    assert channel.all() == []


def test_days_without_a_sale_count_from_the_last_sale_or_else_the_last_arrival(channel):
    channel.rules = ruleset(rule("n", Metric.DAYS_WITHOUT_SALE, 60))
    channel.hold(6, days=100)
    channel.hold(6, days=100, store=2)
    channel.sells(1, last_sold_on=TODAY - timedelta(days=61))
    channel.sells(1, store=2, last_arrived_on=TODAY - timedelta(days=70))
    channel.scan()
    assert {w.store_id: w.value for w in channel.all()} == {1: 61_000, 2: 70_000}


def test_sell_through_of_a_young_series_is_drawn_to_its_peers(channel):
    channel.rules = ruleset(rule("t", Metric.SELL_THROUGH, 30))
    others = channel.stores(("S3", "东区", ""), ("S4", "东区", ""))
    for store in (1, *others):
        channel.hold(20, store=store)
    for store in others:
        channel.sells(6, store=store, received_bottles=100, sold_bottles=80)
    channel.sells(1, months=2, received_bottles=10, sold_bottles=0)
    channel.scan()
    # Peers sold 160 of 210: (2 × 0 % + 4 × 76.19 %) / 6 = 50.8 %.
    assert channel.all() == []
    channel.sells(1, months=12, received_bottles=10, sold_bottles=0)
    channel.scan(1)
    assert (channel.one().value, channel.one().figures["peer_permille"]) == (19_047, 761)
    assert (channel.one().figures["peers"], channel.one().figures["shrinkage_k"]) == (3, 4)


def test_peers_of_another_region_do_not_count(channel):
    channel.rules = ruleset(rule("t", Metric.SELL_THROUGH, 30))
    channel.hold(20)
    channel.hold(20, store=2)
    channel.sells(6, store=2, received_bottles=100, sold_bottles=100)
    channel.sells(1, months=2, received_bottles=10, sold_bottles=1)
    channel.scan()
    assert channel.one().value == 10_000


def test_nothing_received_has_no_share(channel):
    channel.rules = ruleset(rule("t", Metric.SELL_THROUGH, 30))
    channel.hold(20)
    channel.sells(1, received_bottles=0, sold_bottles=0)
    channel.scan()
    assert channel.all() == []


def test_expected_leftovers_count_in_bottles_and_in_money(channel):
    channel.rules = ruleset(rule("u", Metric.EXPECTED_UNSOLD, 12, 48), rule("l", Metric.EXPECTED_LOSS, 1_000, 3_000))
    channel.hold(100)
    channel.sells(1, unsold_millibottles=20_500)
    channel.scan()
    assert {(w.rule, w.level, w.value, w.loss_fen) for w in channel.all()} == {
        ("u", 1, 20_500, 205_000),
        ("l", 1, 2_050_000, 205_000),
    }


def test_too_little_at_stake_or_too_few_bottles_fire_nothing(channel):
    channel.hold(6, days=100)
    for options in ({"min_bottles": 7}, {"min_loss_fen": 60_001}):
        channel.rules = ruleset(changed(AGED, **options))
        channel.scan()
        assert channel.all() == []
    channel.rules = ruleset(changed(AGED, min_bottles=6, min_loss_fen=60_000))
    channel.scan()
    assert len(channel.all()) == 1


def test_the_lot_that_is_sold_first_costs_nothing(channel):
    channel.hold(6, days=100, unsold_millibottles=0)
    channel.hold(6, days=95, batch="B2", unsold_millibottles=2_500)
    channel.sells(2, unsold_millibottles=2_500)
    channel.rules = ruleset(AGED)
    channel.scan()
    assert [w.loss_fen for w in channel.all()] == [0, 25_000]


# Turnover


def peers(channel: Channel, covers: list[int], *, region: str = "南区", tier: str = "A") -> list[int]:
    """Stores that hold so many months of sales."""
    stores = channel.stores(*((f"T{region}{tier}{n}", region, tier) for n in range(len(covers))))
    for store, cover in zip(stores, covers, strict=True):
        channel.hold(cover * 10, store=store)
        channel.sells(10, store=store)
    return stores


def test_a_store_far_above_its_peers_fires_with_median_and_deviation(channel):
    channel.rules = ruleset(rule("s", Metric.TURNOVER, 3.5, 6))
    stores = peers(channel, [1, 2, 3, 4, 5, 20])
    channel.scan()
    warning = channel.one()
    # Median 3.5 months, deviations 2.5 1.5 0.5 0.5 1.5 16.5: median 1.5. (20 - 3.5) / (1.4826 × 1.5) = 7.42.
    assert (warning.store_id, warning.product_id, warning.lot_id, warning.level) == (stores[-1], 0, 0, 2)
    assert (warning.figures["median"], warning.figures["mad"], warning.figures["peers"]) == (3_500, 1_500, 6)
    assert warning.value == 7_419
    assert (warning.bottles, warning.figures["cover_milli"]) == (200, 20_000)


@pytest.mark.parametrize("covers", [[3, 3, 3, 3, 20], [1, 2, 3, 20]])
def test_peers_that_are_all_alike_or_too_few_say_nothing(channel, covers):
    channel.rules = ruleset(rule("s", Metric.TURNOVER, 3.5))
    peers(channel, covers)
    channel.scan()
    assert channel.all() == []


def test_peers_are_of_the_same_tier_and_region(channel):
    channel.rules = ruleset(rule("s", Metric.TURNOVER, 3.5))
    peers(channel, [1, 2, 3, 4, 5])
    peers(channel, [16, 18, 20, 22, 24], tier="B")
    peers(channel, [16, 18, 20, 22, 24], region="北区")
    channel.scan()
    assert channel.all() == []


# The scan itself


def test_the_same_day_twice_changes_nothing(channel):
    channel.rules = ruleset(AGED, COVER, rule("s", Metric.TURNOVER, 3.5), rule("low", Metric.SAFETY_STOCK, 100))
    channel.hold(60, days=100)
    channel.sells(6)
    peers(channel, [1, 2, 3, 4, 5, 20])
    first = channel.scan()
    before, events = [vars_of(w) for w in channel.all()], channel.events()
    again = channel.scan()
    assert sum(first.fired.values()) == len(before) > 5
    assert (sum(again.fired.values()), sum(again.resolved.values())) == (0, 0)
    assert again.still == first.fired
    assert ([vars_of(w) for w in channel.all()], channel.events()) == (before, events)
    assert channel.kit.count(ScanRun) == 1


def vars_of(warning: StockWarning) -> dict:
    return {column.key: getattr(warning, column.key) for column in StockWarning.__table__.columns}


def test_a_day_that_only_passes_writes_nothing_and_is_told_all_the_same(channel):
    channel.rules = ruleset(AGED)
    channel.hold(6, days=100)
    channel.scan()
    before = vars_of(channel.one())
    channel.scan(5)
    warning = channel.one()
    assert vars_of(warning) == before
    assert value_on(warning, of_day(5)) == 105_000
    with channel.kit.database.read() as session:
        assert confirmed_on(session, warning) == of_day(5)


def test_an_earlier_day_is_refused(channel):
    channel.scan(3)
    with pytest.raises(ScanRefused, match="2026-03-13 已经巡检过，不能再按更早的 2026-03-12 巡检"):
        channel.scan(2)


def test_a_preview_says_what_would_fire_and_writes_nothing(channel):
    lot = channel.hold(6, days=100)
    channel.hold(6, days=300, batch="B2", as_of=TODAY - timedelta(days=100))
    with channel.kit.database.read() as session:
        hits = list(preview(session, channel.rules, TODAY))
        later = list(preview(session, channel.rules, of_day(100)))
    assert [(h.rule, h.level, h.store_id, h.lot_id, h.bottles, h.loss_fen) for h in hits] == [
        ("aged", 1, 1, lot, 6, 60_000)
    ]
    assert later == []  # nobody has looked since
    assert (channel.all(), channel.kit.count(ScanRun)) == ([], 0)


def test_two_scans_in_one_transaction_do_not_meet(channel):
    channel.hold(6, days=100)
    with channel.kit.database.write() as session:
        scan(session, channel.rules, TODAY, NOW)
        assert scan(session, channel.rules, TODAY, NOW).still["aged"] == 1


def test_huge_figures_fit(channel):
    channel.rules = ruleset(AGED, COVER, rule("l", Metric.EXPECTED_LOSS, 1_000))
    channel.hold(2_000_000, days=100, source=StockSource.SYSTEM)
    channel.sells(0.001, unsold_millibottles=2_000_000_000)
    channel.change(Product, price_fen=900_000)
    channel.scan()
    assert {w.rule: w.value for w in channel.all()} == {"aged": 100_000, "cover": 2_000_000_000, "l": 2_000_000_000}
    assert {w.loss_fen for w in channel.all()} <= {0, 2_000_000_000}


def test_no_rules_and_no_stock_are_no_trouble(channel):
    channel.rules = ruleset()
    assert channel.scan().fired == {}
    channel.rules = ruleset(AGED, COVER, rule("s", Metric.TURNOVER, 3.5))
    assert sum(channel.scan().fired.values()) == 0


def test_today_is_an_argument(channel):
    """Nothing asks the machine's clock: a scan of another century finds ages of that century."""
    channel.hold(6, days=100)
    with channel.kit.database.write() as session:
        session.execute(update(Lot).values(production_date=None))
        scan(session, ruleset(AGED), date(2020, 1, 1), datetime.fromisoformat("2020-01-01T00:00:00+00:00"))
    assert channel.all() == []


def test_the_number_of_questions_does_not_grow_with_the_lots(channel):
    channel.rules = ruleset(AGED, COVER, rule("near", Metric.REMAINING_LIFE, 6), rule("s", Metric.TURNOVER, 3.5))
    asked: list[int] = []
    for days, more in enumerate((2, 40)):
        for number in range(more):
            channel.hold(20, days=100 + number, batch=f"D{days}N{number}", made=date(2025, 3, 1))
        with channel.kit.database.write() as session:
            statements: list[str] = []
            event.listen(
                session.connection(), "before_cursor_execute", lambda *said, kept=statements: kept.append(said[2])
            )
            scan(session, channel.rules, of_day(days), NOW)
        asked.append(len(statements))
    assert len(channel.all()) == 42
    assert abs(asked[1] - asked[0]) <= 5  # the first day knows that there is nothing to compare with
