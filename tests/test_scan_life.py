"""The life of a warning as the scan lives it, told in days that pass, on both databases."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from models.catalog import ExpiryBasis, Product, Store
from models.database import Database
from models.engine import History
from models.people import Person
from models.recall import Campaign, Reason, RecallTask
from models.stock import ChannelStock, MoveKind, Observation, PlaceKind, Reservation, SalesRate, StockSource
from models.warning import ResolveCause, ScanRun, StockWarning, WarningEvent, WarningState
from rules.warning_rules import Metric, Scope
from tests.intake_kit import NOW, TODAY, new_kit
from tests.scan_kit import AGED, COVER, Channel, changed, of_day, rule, ruleset
from workflows import ledger
from workflows.history import verify
from workflows.scan import scan

S = WarningState


@pytest.fixture
def channel(tmp_path, migrated_url) -> Iterator[Channel]:
    kit = new_kit(tmp_path, migrated_url)
    yield Channel(kit)
    kit.database.close()


@pytest.fixture
def aged(channel) -> Channel:
    """One lot that is a hundred days old and fires."""
    channel.rules = ruleset(changed(AGED, fresh_days=400))
    channel.hold(20, days=100)
    channel.scan()
    return channel


@pytest.fixture
def covered(channel) -> Channel:
    """A product that sells ten bottles a month, of which nothing stands there yet."""
    channel.rules = ruleset(COVER)
    channel.hold(0)
    channel.sells(10)
    return channel


def stands(channel: Channel, day: int, bottles: int) -> list[str]:
    """On that day so many bottles stand there; what the warnings are afterwards."""
    channel.stock(bottles=bottles)
    channel.scan(day)
    return channel.states()


# Hysteresis and flapping (trap 57)


def test_on_above_three_off_below_two_and_a_half(covered):
    assert stands(covered, 0, 30) == []
    assert stands(covered, 1, 31) == ["firing"]
    for day, bottles in enumerate((30, 26, 31, 27, 32, 26), start=2):
        assert stands(covered, day, bottles) == ["firing"]
    assert stands(covered, 8, 25) == ["resolved"]
    assert covered.events() == ["fired", "resolved"]
    assert stands(covered, 9, 30) == ["resolved"]


def test_figures_follow_while_it_is_held(covered):
    stands(covered, 0, 31)
    stands(covered, 1, 26)
    warning = covered.one()
    assert (warning.level, warning.bottles, warning.value, warning.threshold) == (1, 26, 2_600, 3_000)
    assert warning.seen_on == of_day(1)


def test_what_comes_back_within_its_quiet_days_is_the_same_episode_and_tells_nobody(covered):
    stands(covered, 0, 31)
    with covered.kit.database.write() as session:
        session.execute(update(StockWarning).values(notified_on=TODAY, notified_level=1))
    stands(covered, 5, 20)
    assert stands(covered, 19, 31) == ["firing"]
    warning = covered.one()
    assert (warning.episode, warning.flaps, warning.notified_level, warning.fired_on) == (1, 1, 1, TODAY)
    assert (warning.cause, warning.resolved_on) == (None, None)
    assert covered.events() == ["fired", "resolved", "reopened"]


def test_after_its_quiet_days_it_is_a_new_episode(covered):
    stands(covered, 0, 31)
    stands(covered, 5, 20)
    assert stands(covered, 20, 31) == ["resolved", "firing"]
    assert [w.episode for w in covered.all()] == [1, 2]
    assert covered.all()[1].notified_level == 0


def test_a_flap_does_not_undo_a_dismissal(covered):
    stands(covered, 0, 31)
    covered.put(S.DISMISSED, dismissed_level=1, dismissed_until=of_day(30), band_low=25, band_high=37)
    assert stands(covered, 3, 20) == ["resolved"]
    assert stands(covered, 5, 32) == ["dismissed"]
    assert stands(covered, 7, 20) == ["resolved"]
    assert stands(covered, 9, 61) == ["firing"]


# Levels


def test_levels_rise_at_once_and_fall_below_their_own(covered):
    levels = []
    for day, bottles in enumerate((31, 61, 60, 59, 31, 61)):
        stands(covered, day, bottles)
        levels.append((covered.one().level, covered.one().threshold))
    assert levels == [(1, 3000), (2, 6000), (1, 3000), (1, 3000), (1, 3000), (2, 6000)]
    assert covered.events() == ["fired", "risen", "eased", "risen"]


def test_a_graver_level_speaks_up_after_an_acknowledgement(aged):
    aged.put(S.ACKNOWLEDGED, acked_level=1, notified_level=1)
    aged.scan(10)
    assert aged.states() == ["acknowledged"]
    aged.scan(81)
    warning = aged.one()
    assert (warning.state, warning.level, warning.acked_level, warning.notified_level) == (S.FIRING, 2, 0, 0)
    assert aged.events() == ["fired", "refired"]


def test_a_graver_level_ends_a_silence(aged):
    aged.put(S.FIRING, acked_level=1, snoozed_until=of_day(200))
    aged.scan(10)
    assert aged.one().snoozed_until == of_day(200)
    aged.scan(81)
    assert (aged.one().level, aged.one().snoozed_until) == (2, None)


def test_the_level_of_what_is_in_action_rises_quietly(aged):
    aged.put(S.IN_ACTION, acked_level=1)
    aged.scan(81)
    assert (aged.one().state, aged.one().level) == (S.IN_ACTION, 2)


# Pending


def test_it_must_hold_for_its_days_before_it_fires(covered):
    covered.rules = ruleset(changed(COVER, pending_days=7))
    assert stands(covered, 0, 31) == ["pending"]
    assert stands(covered, 6, 40) == ["pending"]
    assert covered.one().bottles == 40
    assert stands(covered, 7, 40) == ["firing"]
    warning = covered.one()
    assert (warning.fired_on, warning.pending_since) == (of_day(7), None)
    assert covered.events() == ["pending", "fired"]


def test_what_does_not_last_never_fires_and_begins_anew(covered):
    covered.rules = ruleset(changed(COVER, pending_days=7))
    stands(covered, 0, 31)
    assert stands(covered, 3, 30) == ["resolved"]  # between 2.5 and 3 nothing is on its way to fire
    assert stands(covered, 5, 31) == ["pending"]
    assert covered.one().flaps == 0
    assert stands(covered, 8, 31) == ["pending"]
    assert stands(covered, 12, 31) == ["firing"]
    assert covered.events() == ["pending", "resolved", "pending", "fired"]


# Dismissal


@pytest.mark.parametrize(
    ("day", "bottles", "state"),
    [
        (29, 20, "dismissed"),
        (30, 20, "firing"),  # its day has come
        (10, 24, "dismissed"),
        (10, 25, "firing"),  # more than a fifth more
        (10, 16, "dismissed"),
        (10, 15, "firing"),
        (81, 20, "firing"),
    ],
)
def test_a_dismissal_holds_for_its_level_and_quantity_until_its_day(aged, day, bottles, state):
    aged.put(S.DISMISSED, dismissed_level=1, dismissed_until=of_day(30), band_low=16, band_high=24, acked_level=1)
    assert stands(aged, day, bottles) == [state]
    warning = aged.one()
    if state == "firing":
        assert (warning.dismissed_until, warning.dismissed_level, warning.band_low, warning.band_high) == (None,) * 4
        assert (warning.acked_level, warning.notified_level) == (0, 0)
        assert "refired" in aged.events()
    else:
        assert warning.dismissed_until == of_day(30)


def test_a_graver_level_ends_a_dismissal(aged):
    aged.put(S.DISMISSED, dismissed_level=1, dismissed_until=of_day(300), band_low=16, band_high=24)
    aged.scan(80)
    assert aged.states() == ["dismissed"]
    aged.scan(81)
    assert aged.states() == ["firing"]


def test_what_was_dismissed_ends_when_its_cause_is_gone(aged):
    aged.put(S.DISMISSED, dismissed_level=1, dismissed_until=of_day(300), band_low=16, band_high=24)
    assert stands(aged, 3, 0) == ["resolved"]


def test_a_snooze_is_left_to_run(aged):
    aged.put(S.FIRING, snoozed_until=of_day(3), acked_level=1)
    aged.scan(1)
    aged.scan(5)
    assert (aged.one().state, aged.one().snoozed_until, aged.one().version) == (S.FIRING, of_day(3), 2)


# Freshness (trap 58)


def test_old_inputs_fire_nothing_and_are_watched(channel):
    channel.rules = ruleset(AGED)
    channel.hold(20, days=100, as_of=TODAY - timedelta(days=46))
    channel.scan()
    assert (channel.one().state, channel.one().stale) == (S.PENDING, True)
    channel.stock(as_of=of_day(1))
    channel.scan(1)
    assert (channel.one().state, channel.one().stale) == (S.FIRING, False)
    assert channel.events() == ["pending", "fired"]


def test_a_store_that_stops_reporting_resolves_nothing(covered):
    stands(covered, 0, 31)
    covered.change(SalesRate, as_of=of_day(50))
    covered.stock(bottles=20)  # what is inferred falls, but nobody has looked for 50 days
    covered.scan(50)
    assert (covered.one().state, covered.one().stale, covered.one().bottles) == (S.FIRING, True, 31)
    covered.stock(as_of=of_day(50))
    covered.scan(51)
    assert (covered.one().state, covered.one().stale) == (S.RESOLVED, False)


def test_what_fires_is_marked_stale_and_comes_clean_again(aged):
    aged.rules = ruleset(AGED)
    aged.scan(46)
    warning = aged.one()
    assert (warning.state, warning.stale, warning.version) == (S.FIRING, True, 1)
    aged.scan(90)
    assert (aged.one().level, aged.one().stale) == (1, True)  # nobody knows, so no level rises
    aged.stock(as_of=of_day(91))
    aged.scan(91)
    assert (aged.one().level, aged.one().stale) == (2, False)


def test_an_old_rate_makes_cover_stale_and_not_an_age(channel):
    channel.rules = ruleset(AGED, COVER)
    channel.hold(40, days=100)
    channel.sells(10, as_of=TODAY - timedelta(days=60))
    channel.scan()
    assert {w.rule: w.stale for w in channel.all()} == {"aged": False, "cover": True}


# Inhibition (trap 60)


def ask_back(channel: Channel, lot: int, *, number: int = 1) -> None:
    """An open task asks store 1 for the lot."""
    with channel.kit.database.write() as session:
        if session.get(Person, 1) is None:
            session.add(Person(id=1, code="P1", name="甲"))
            session.flush()
        words = {"reason": Reason.SLOW, "deadline": TODAY, "source": "cli", "creator_id": 1, "created_at": NOW}
        session.add(Campaign(id=number, product_id=1, version=1, **words))
        session.flush()
        session.add(RecallTask(id=number, campaign_id=number, store_id=1, deadline=TODAY, version=1))
        session.flush()
        session.add(Reservation(task_id=number, store_id=1, lot_id=lot, bottles=6))


def marks(channel: Channel) -> dict[tuple[str, int], str]:
    return {(w.rule, w.lot_id): w.inhibited_by for w in channel.all()}


def test_an_open_task_speaks_for_its_goods_until_it_is_over(channel):
    lot, other = channel.hold(20, days=100), channel.hold(20, days=100, batch="B2")
    channel.sells(10)
    channel.scan()
    ask_back(channel, lot)
    channel.scan(1)
    assert marks(channel) == {("aged", lot): "recall:1", ("aged", other): "", ("cover", 0): "recall:1"}
    assert set(channel.states()) == {"firing"}
    with channel.kit.database.write() as session:
        session.execute(update(Reservation).values(bottles=0))
    channel.scan(2)
    assert set(marks(channel).values()) == {""}
    assert channel.events() == ["fired"] * 3


def test_goods_asked_for_already_are_silent_from_the_first_day(channel):
    channel.rules = ruleset(AGED)
    lot = channel.hold(20, days=100)
    ask_back(channel, lot)
    channel.scan()
    assert marks(channel) == {("aged", lot): "recall:1"}


def test_two_open_tasks_do_not_take_turns(channel):
    channel.rules = ruleset(COVER)
    first, second = channel.hold(20), channel.hold(20, batch="B2")
    channel.sells(10)
    ask_back(channel, first)
    ask_back(channel, second, number=2)
    for day in range(3):
        channel.scan(day)
        assert marks(channel) == {("cover", 0): "recall:1"}


def test_a_graver_warning_silences_the_lighter_of_the_same_product(channel):
    channel.hold(20, days=100)
    channel.hold(50, days=300, batch="B2")
    channel.hold(20, days=100, store=2)
    channel.sells(100)
    channel.scan()
    light, grave, elsewhere = channel.all()
    assert (light.level, grave.level, elsewhere.level) == (1, 2, 1)
    assert (light.inhibited_by, grave.inhibited_by, elsewhere.inhibited_by) == (f"warning:{grave.id}", "", "")


@pytest.mark.parametrize(("state", "silent"), [(S.ACKNOWLEDGED, True), (S.DISMISSED, False), (S.IN_ACTION, False)])
def test_who_is_put_aside_or_acted_on_has_not_the_word(channel, state, silent):
    channel.rules = ruleset(AGED)
    channel.hold(20, days=100)
    channel.hold(50, days=300, batch="B2")
    channel.scan()
    grave = channel.all()[1]
    with channel.kit.database.write() as session:
        values = {"dismissed_level": 2, "dismissed_until": of_day(90), "acked_level": 2}
        session.execute(update(StockWarning).where(StockWarning.id == grave.id).values(state=state, **values))
    channel.scan(1)
    assert channel.all()[0].inhibited_by == (f"warning:{grave.id}" if silent else "")


def test_when_the_graver_is_over_the_lighter_speaks(channel):
    channel.rules = ruleset(AGED)
    channel.hold(20, days=100)
    grave = channel.hold(50, days=300, batch="B2")
    channel.scan()
    with channel.kit.database.write() as session:
        session.execute(update(ChannelStock).where(ChannelStock.lot_id == grave).values(bottles=0))
    channel.scan(1)
    assert [(w.state.value, w.inhibited_by) for w in channel.all()] == [("firing", ""), ("resolved", "")]


# Endings


def leaves_shelf(channel: Channel, kind: MoveKind, target: PlaceKind, lot: int, day: int) -> None:
    with channel.kit.database.write() as session:
        shelf, outside = (PlaceKind.STORE_SHELF, 1), (PlaceKind.OUTSIDE, 0)
        moves = [
            ledger.Move(f"o{kind}{day}", MoveKind.OPENING, lot, outside, shelf, 20, TODAY),
            ledger.Move(f"m{kind}{day}", kind, lot, shelf, (target, 1), 20, of_day(day)),
        ]
        ledger.post(session, moves, NOW + timedelta(days=day), "测试")


def looked_at(channel: Channel, day: int) -> None:
    with channel.kit.database.write() as session:
        what = {"store_id": 1, "product_id": 1, "bottles": 0, "source": StockSource.COUNT, "confidence": 90}
        session.add(Observation(key="o", as_of=of_day(day), recorded_at=NOW + timedelta(days=day), **what))


def test_causes(aged):
    lot = aged.one().lot_id
    steps = (
        (lambda: leaves_shelf(aged, MoveKind.HAND_OVER, PlaceKind.VEHICLE, lot, 1), ResolveCause.RECALLED),
        (lambda: leaves_shelf(aged, MoveKind.TRANSFER, PlaceKind.TRANSFERRED, lot, 41), ResolveCause.TRANSFERRED),
        (lambda: looked_at(aged, 81), ResolveCause.RECOUNTED),
        (lambda: None, ResolveCause.SOLD),
    )
    for number, (happens, cause) in enumerate(steps):
        happens()
        aged.stock(bottles=0, as_of=of_day(number * 40))
        aged.scan(number * 40 + 1)
        assert (aged.all()[-1].state, aged.all()[-1].cause) == (S.RESOLVED, cause)
        assert aged.all()[-1].resolved_on == of_day(number * 40 + 1)
        aged.stock(bottles=20, as_of=of_day(number * 40 + 30))
        aged.scan(number * 40 + 30)
        assert (aged.all()[-1].state, aged.all()[-1].episode) == (S.FIRING, number + 2)


def test_cover_that_falls_because_more_is_sold_is_cleared(covered):
    stands(covered, 0, 31)
    covered.sells(100)
    covered.scan(1)
    assert covered.one().cause is ResolveCause.CLEARED


def test_the_row_of_stock_is_gone_altogether(aged):
    with aged.kit.database.write() as session:
        session.execute(delete(ChannelStock))
    aged.scan(1)
    assert aged.one().cause is ResolveCause.SOLD


def test_a_rule_taken_out_ends_its_warnings_with_the_version_that_made_them(aged):
    aged.rules = ruleset(rule("other", Metric.AGE_IN_STORE, 900, version="v9"))
    aged.scan(1)
    warning = aged.one()
    assert (warning.state, warning.cause, warning.rule_version) == (S.RESOLVED, ResolveCause.RULE_CHANGED, "v1")


def test_a_rule_that_got_milder_ends_what_it_would_not_fire_any_more(aged):
    aged.rules = ruleset(rule("aged", Metric.AGE_IN_STORE, 150, version="v2"))
    aged.scan(1)
    warning = aged.one()
    assert (warning.state, warning.cause, warning.rule_version) == (S.RESOLVED, ResolveCause.RULE_CHANGED, "v1")


def test_a_rule_that_changed_and_still_holds_goes_on_in_its_new_version(aged):
    aged.rules = ruleset(rule("aged", Metric.AGE_IN_STORE, 60, 95, version="v2"))
    aged.scan(1)
    warning = aged.one()
    assert (warning.state, warning.level, warning.threshold, warning.rule_version) == (S.FIRING, 2, 95_000, "v2")


@pytest.mark.parametrize(
    "happens",
    [
        lambda c: c.change(Store, active=False),
        lambda c: c.change(Product, gains_with_age=True),
    ],
)
def test_a_closed_store_or_an_exempt_product_is_out_of_scope(aged, happens):
    happens(aged)
    aged.scan(1)
    assert aged.one().cause is ResolveCause.OUT_OF_SCOPE


def test_a_store_that_moved_out_of_the_rules_region_is_out_of_scope(channel):
    channel.rules = ruleset(changed(AGED, scope=Scope(regions=("东区",))))
    channel.hold(20, days=100)
    channel.scan()
    channel.change(Store, region="北区")
    channel.scan(1)
    assert channel.one().cause is ResolveCause.OUT_OF_SCOPE


def test_goods_that_lost_their_expiry_basis_are_out_of_scope(channel):
    channel.rules = ruleset(rule("near", Metric.REMAINING_LIFE, 6))
    channel.hold(6, product=3, batch="C1", made=TODAY - timedelta(days=300))
    channel.scan()
    channel.change(Product, expiry_basis=ExpiryBasis.NONE)
    channel.scan(1)
    assert channel.one().cause is ResolveCause.OUT_OF_SCOPE


def test_a_lot_and_a_whole_store_end_as_products_do(channel):
    channel.rules = ruleset(rule("s", Metric.TURNOVER, 3.5))
    ids = channel.stores(*((f"T{n}", "南区", "A") for n in range(6)))
    for store, cover in zip(ids, (1, 2, 3, 4, 5, 20), strict=True):
        channel.hold(cover * 10, store=store)
        channel.sells(10, store=store)
    channel.scan()
    with channel.kit.database.write() as session:
        session.execute(update(ChannelStock).where(ChannelStock.store_id == ids[-1]).values(bottles=30))
    channel.scan(1)
    assert (channel.one().state, channel.one().cause) == (S.RESOLVED, ResolveCause.SOLD)


# What is kept


def test_the_scan_stands_in_the_history_and_each_step_in_the_events(aged):
    stands(aged, 1, 0)
    steps = sorted(aged.kit.all(History), key=lambda row: row.id)
    assert [(row.flow, row.event, row.facts) for row in steps if row.flow == "scan"] == [
        ("scan", "aged", {"day": "2026-03-10", "ruleset": "file1", "fired": 1}),
        ("scan", "aged", {"day": "2026-03-11", "ruleset": "file1", "resolved": 1}),
    ]
    events = sorted(aged.kit.all(WarningEvent), key=lambda event: event.version)
    told = [(e.version, e.day, e.from_state, e.to_state, e.level, e.value, e.bottles, e.cause) for e in events]
    assert told == [
        (1, TODAY, "", "firing", 1, 100_000, 20, None),
        (2, of_day(1), "firing", "resolved", 1, 100_000, 20, ResolveCause.SOLD),
    ]
    assert [run.counts for run in aged.kit.all(ScanRun)] == [{"aged": {"fired": 1}}, {"aged": {"resolved": 1}}]
    with aged.kit.database.read() as session:
        assert verify(session, aged.kit.house.secret) == []


def test_a_second_scan_of_the_day_adds_to_its_row(aged):
    aged.hold(20, days=100, batch="B2")
    aged.scan()
    [run] = aged.kit.all(ScanRun)
    assert run.counts == {"aged": {"fired": 2}}


def test_somebody_who_acts_while_the_scan_runs_wins(channel, request):
    """On PostgreSQL a person may move a warning between the scan's look and its step."""
    if channel.kit.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    channel.rules = ruleset(AGED)
    channel.hold(20, days=100)
    channel.scan()
    channel.stock(bottles=0)
    other = Database(channel.kit.database.url)
    ready, done = threading.Event(), threading.Event()

    def person() -> None:
        with other.write() as session:
            warning = session.scalars(select(StockWarning)).one()
            warning.version, warning.state = 2, S.IN_ACTION
            session.flush()
            ready.set()
            done.wait(1)

    worker = threading.Thread(target=person)
    worker.start()
    ready.wait()
    threading.Timer(0.5, done.set).start()
    channel.scan(1)
    worker.join()
    other.close()
    assert (channel.one().state, channel.one().version) == (S.IN_ACTION, 2)
    assert channel.events() == ["fired"]
    channel.scan(1)
    assert channel.states() == ["resolved"]


def test_two_scans_at_once_are_one(channel):
    if channel.kit.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    channel.rules = ruleset(AGED)
    channel.hold(20, days=100)
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def one() -> None:
        barrier.wait()
        try:
            with channel.kit.database.write() as session:
                scan(session, channel.rules, TODAY, NOW, house=channel.kit.house)
        except Exception as problem:  # noqa: BLE001 - told below
            failures.append(problem)

    workers = [threading.Thread(target=one) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert (channel.states(), channel.events(), channel.kit.count(ScanRun)) == (["firing"], ["fired"], 1)


def test_a_graver_newcomer_silences_what_was_there_before(channel):
    channel.rules = ruleset(AGED)
    channel.hold(20, days=100)
    channel.scan()
    channel.hold(50, days=300, batch="B2")
    channel.scan(1)
    light, grave = channel.all()
    assert (light.inhibited_by, grave.inhibited_by) == (f"warning:{grave.id}", "")
    assert light.id < grave.id


def test_a_lighter_newcomer_is_silent_beside_what_was_there_before(channel):
    channel.rules = ruleset(AGED)
    channel.hold(50, days=300)
    channel.scan()
    channel.hold(20, days=100, batch="B2")
    channel.scan(1)
    grave, light = channel.all()
    assert (light.inhibited_by, grave.inhibited_by) == (f"warning:{grave.id}", "")
