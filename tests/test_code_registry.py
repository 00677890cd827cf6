"""What stands behind a code on a day: packages opened, redeemed, packed anew; and how the door counts it."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from models.catalog import Lot, Pack, Product, TradeItem, UniquePer, UnitCode
from models.database import Database
from models.people import Assignment
from models.recall import Scan
from tests.doorway import Doorway, signature
from tests.world import World
from workflows import files
from workflows.code_registry import CodeState, resolve
from workflows.door_judge import PhoneScan
from workflows.doorstep import undo_scan
from workflows.packing import open_case, pack_anew, redeem, units_of
from workflows.refusals import InvalidInput

EAN = "6901234567892"
CARTON = "16901234567899"
DAY = date(2026, 5, 10)
NOON = datetime(2026, 5, 10, 4, tzinfo=UTC)  # 12:00 in Shanghai


def at(days: int) -> datetime:
    return NOON + timedelta(days=days)


def on(days: int) -> date:
    return DAY + timedelta(days=days)


@pytest.fixture
def house(migrated_url: str) -> Iterator[Database]:
    """Two products and lots; a pallet of two cases of six, a case nobody listed, a cap, a gift box."""
    database = Database(migrated_url)
    with database.write() as session:
        fill(session)
    yield database
    database.close()


def fill(session: Session) -> None:
    products = [
        Product(code="HZL", name="海之蓝", case_size=6, barcode=EAN, brand="样例乙"),
        Product(code="MT", name="大曲", case_size=6, brand="样例甲"),
    ]
    session.add_all(products)
    session.flush()
    lots = [
        Lot(product_id=products[0].id, batch="24A"),
        Lot(product_id=products[0].id, batch="24B"),
        Lot(product_id=products[1].id, batch="M1"),
    ]
    session.add_all(lots)
    session.flush()
    a, m = lots[0].id, lots[2].id
    session.add(UnitCode(code="P1", pack=Pack.PALLET, is_case=True, lot_id=a))
    for case in ("C1", "C2"):
        session.add(UnitCode(code=case, pack=Pack.CASE, is_case=True, lot_id=a, parent_code="P1"))
        session.add_all(UnitCode(code=f"{case}B{n}", pack=Pack.BOTTLE, lot_id=a, parent_code=case) for n in range(1, 7))
    session.add_all(
        [
            UnitCode(code="C3", is_case=True, lot_id=a),
            UnitCode(code="C4", pack=Pack.CASE, is_case=True, lot_id=a, bottles=4),
            UnitCode(code="C4B1", pack=Pack.BOTTLE, lot_id=a, parent_code="C4"),
            UnitCode(code="N1", pack=Pack.CASE, is_case=True, lot_id=a),
            UnitCode(code="CAP1", pack=Pack.CAP, lot_id=a, same_as="C1B1"),
            UnitCode(code="G1", pack=Pack.BOX, is_case=True, lot_id=a),
            UnitCode(code="OLD", pack=Pack.BOTTLE, lot_id=a, valid_from=on(-30), valid_to=on(-1)),
            UnitCode(code="C1OUT", pack=Pack.CASE, is_case=True, lot_id=a, same_as="C1"),
            UnitCode(
                code="sample_trunk:3120004567",
                pack=Pack.CASE,
                is_case=True,
                lot_id=m,
                scheme="sample_trunk",
                unique_per=UniquePer.CASE,
                bottles=6,
            ),
        ]
    )


def six(case: str) -> set[str]:
    return {f"{case}B{n}" for n in range(1, 7)}


# Sets of bottles


def test_case_pallet_and_second_code_stand_for_their_bottles(house):
    with house.read() as session:
        assert units_of(session, "C1", DAY) == six("C1")
        assert units_of(session, "C1OUT", DAY) == six("C1")
        assert units_of(session, "P1", DAY) == six("C1") | six("C2")
        assert units_of(session, "C1B3", DAY) == {"C1B3"}
        assert units_of(session, "CAP1", DAY) == {"C1B1"}
        assert units_of(session, "nobody", DAY) == frozenset()


def test_bottles_nobody_listed_are_counted_too(house):
    with house.read() as session:
        assert units_of(session, "C3", DAY) == {f"C3#{n}" for n in range(1, 7)}
        assert units_of(session, "C4", DAY) == {"C4B1", "C4#2", "C4#3", "C4#4"}
        assert units_of(session, "G1", DAY) == {"G1#1"}


def test_code_counts_only_while_it_is_in_use(house):
    with house.read() as session:
        assert units_of(session, "OLD", on(-1)) == {"OLD"}
        assert units_of(session, "OLD", DAY) == frozenset()
        found = resolve(session, "OLD", DAY)
        assert (found.state, found.units) == (CodeState.NOT_VALID, frozenset())
        assert "2026-05-10 不是有效的码" in found.sentence


def test_a_circle_of_packages_ends(house):
    with house.write() as session:
        session.get(UnitCode, "P1").parent_code = "C1"
        session.flush()
        assert units_of(session, "P1", DAY) == six("C1") | six("C2")
        assert open_case(session, "C1", NOON, "店") is True


def test_a_pallet_is_asked_for_level_by_level(house):
    """360 bottles in 60 cases are a handful of questions, not hundreds."""
    with house.write() as session:
        lot = session.scalars(select(Lot.id).where(Lot.batch == "24A")).one()
        session.add(UnitCode(code="BIG", pack=Pack.PALLET, is_case=True, lot_id=lot))
        for case in range(60):
            session.add(UnitCode(code=f"K{case}", pack=Pack.CASE, is_case=True, lot_id=lot, parent_code="BIG"))
            session.add_all(UnitCode(code=f"K{case}-{n}", lot_id=lot, parent_code=f"K{case}") for n in range(6))
    with counted(house) as asked, house.read() as session:
        assert len(units_of(session, "BIG", DAY)) == 360
    assert len(asked) < 10


@contextmanager
def counted(house: Database) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_c, _cursor, statement, *_more) -> None:
        asked.append(statement)

    event.listen(house.reader, "before_cursor_execute", note)
    yield asked
    event.remove(house.reader, "before_cursor_execute", note)


# Opening


def test_opened_case_leaves_no_phantom_and_its_bottles_live_on(house):
    """Trap 12."""
    with house.write() as session:
        assert open_case(session, "C1", NOON, "店主") is True
        assert open_case(session, "C1", at(1), "店主") is False
        found = resolve(session, "C1", DAY)
        assert (found.state, found.units, found.bottles) == (CodeState.OPENED, frozenset(), None)
        assert found.sentence == "这一件已在 2026-05-10 开箱，箱码作废，请逐瓶扫。"
        assert resolve(session, "C1B2", DAY).units == {"C1B2"}
        assert units_of(session, "C1", on(-1)) == six("C1")


def test_opening_a_case_breaks_the_pallet_it_stood_on(house):
    with house.write() as session:
        open_case(session, "C1", NOON, "店主")
        assert resolve(session, "P1", DAY).state is CodeState.OPENED
        assert units_of(session, "P1", on(-1)) == six("C1") | six("C2")
        assert units_of(session, "C2", DAY) == six("C2")  # taken off the pallet, still closed


def test_late_report_of_an_earlier_opening_moves_the_day(house):
    with house.write() as session:
        open_case(session, "C1", at(3), "店主")
        assert units_of(session, "C1", DAY) == six("C1")
        assert open_case(session, "C1", NOON, "品牌") is False
        assert units_of(session, "C1", DAY) == frozenset()


def test_opening_late_at_night_counts_for_the_business_day(house):
    with house.write() as session:
        open_case(session, "C1", datetime(2026, 5, 9, 16, 30, tzinfo=UTC), "店主")  # 00:30 on the 10th in Shanghai
        assert units_of(session, "C1", on(-1)) == six("C1")
        assert units_of(session, "C1", DAY) == frozenset()


def test_what_cannot_be_opened_or_redeemed_is_refused(house):
    with house.write() as session:
        for code in ("C1B1", "CAP1", "nobody"):
            with pytest.raises(InvalidInput):
                open_case(session, code, NOON, "店主")
        for code in ("C1", "nobody", "sample_trunk:3120004567"):
            with pytest.raises(InvalidInput):
                redeem(session, code, NOON)


def test_redeemed_cap_opens_its_bottle_its_case_and_its_pallet(house):
    with house.write() as session:
        assert redeem(session, "CAP1", NOON) is True
        assert redeem(session, "C1B1", at(2)) is False
        bottle = resolve(session, "C1B1", DAY)
        assert (bottle.units, bottle.redeemed) == ({"C1B1"}, {"C1B1"})
        assert "不能按 A 级收" in bottle.sentence
        assert resolve(session, "C1", DAY).state is CodeState.OPENED
        assert resolve(session, "P1", DAY).state is CodeState.OPENED


def test_a_cap_that_can_be_scanned_is_an_open_bottle(house):
    with house.read() as session:
        found = resolve(session, "CAP1", DAY)
    assert (found.kind, found.code, found.units, found.redeemed) == ("bottle", "C1B1", {"C1B1"}, {"C1B1"})


def test_bottles_packed_anew_belong_to_the_new_case_from_that_day(house):
    with house.write() as session:
        open_case(session, "C1", NOON, "店主")
        pack_anew(session, "N1", ["C1B1", "C1B2", "C1B2"], at(2))
        assert units_of(session, "N1", on(1)) == {f"N1#{n}" for n in range(1, 7)}
        assert units_of(session, "N1", on(2)) == {"C1B1", "C1B2"}
        assert units_of(session, "C1", on(-1)) == six("C1")  # the past stays as it was
        assert units_of(session, "C1", on(2)) == frozenset()
        open_case(session, "N1", at(4), "店主")
        assert units_of(session, "N1", on(3)) == {"C1B1", "C1B2"}
        assert units_of(session, "N1", on(4)) == frozenset()


def test_old_redemption_does_not_open_the_case_the_bottle_went_into_later(house):
    with house.write() as session:
        open_case(session, "C1", at(1), "店主")
        pack_anew(session, "N1", ["C1B1"], at(3))
        redeem(session, "C1B1", NOON)
        assert session.get(UnitCode, "N1").opened_at is None
        assert units_of(session, "C1", DAY) == frozenset()  # it was open a day earlier than we knew


@pytest.mark.parametrize(
    ("parent", "codes"),
    [
        ("C1", ["C2B1"]),  # sits in a closed case
        ("nobody", ["C3"]),
        ("C1B1", ["C2B1"]),
        ("G1", ["C3"]),  # a case into a box
        ("N1", ["CAP1"]),
        ("N1", ["nobody"]),
        ("C1OUT", ["OLD"]),
    ],
)
def test_what_cannot_be_packed_is_refused(house, parent, codes):
    with house.write() as session, pytest.raises(InvalidInput):
        pack_anew(session, parent, codes, NOON)


def test_opened_case_is_not_filled_again(house):
    with house.write() as session:
        open_case(session, "C1", NOON, "店主")
        with pytest.raises(InvalidInput, match="开箱"):
            pack_anew(session, "C1", ["C1B1"], at(1))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["open", "redeem", "pack"]),
        st.sampled_from(["P1", "C1", "C2", "C1B1", "C2B4", "CAP1", "N1"]),
        st.integers(0, 5),
    ),
    max_size=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, day=st.integers(-1, 6))
def test_a_bottle_never_stands_behind_two_packages_at_once(house, events, day):
    with house.reader.connect() as connection, Session(connection) as session:
        for what, code, when in events:
            try:
                if what == "open":
                    open_case(session, code, at(when), "店主")
                elif what == "redeem":
                    redeem(session, code, at(when))
                else:
                    pack_anew(session, "N1", [code], at(when))
            except InvalidInput:
                continue
        listed = [b for c in ("C1", "C2", "N1", "C3", "C4") for b in units_of(session, c, on(day)) if "#" not in b]
        assert len(listed) == len(set(listed))
        pallet = units_of(session, "P1", on(day))
        assert pallet in ({*units_of(session, "C1", on(day)), *units_of(session, "C2", on(day))}, frozenset())
        session.rollback()


def test_two_people_open_cases_of_one_pallet_at_once(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as session:
        fill(session)
    together, failed = threading.Barrier(4), []

    def opens(what: str) -> None:
        try:
            with database.write() as session:
                together.wait()
                redeem(session, what, NOON) if "B" in what else open_case(session, what, NOON, what)
        except Exception as wrong:  # noqa: BLE001 - whatever it is fails the test
            failed.append(wrong)

    threads = [threading.Thread(target=opens, args=(what,)) for what in ("C1", "C2", "C1B2", "C2B5")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.read() as session:
        assert failed == []
        assert [units_of(session, code, DAY) for code in ("C1", "C2", "P1")] == [frozenset()] * 3
    database.close()


# The one entrance


@pytest.mark.parametrize(
    ("text", "kind", "state", "bottles"),
    [
        (EAN, "product", CodeState.FINE, None),
        (CARTON, "case", CodeState.FINE, 6),
        (f"(01)0{EAN}(21)S9(10)24A", "bottle", CodeState.UNREGISTERED, 1),
        (f"https://id.example.cn/01/0{EAN}/10/24B", "product", CodeState.FINE, None),
        ("0000000000", "bottle", CodeState.REPLACEMENT, None),
        ("9999999999", "case", CodeState.REPLACEMENT, None),
        ("3120004567", "case", CodeState.SHARED, 6),
        ("YB20250112K000317", "bottle", CodeState.UNREGISTERED, 1),
        ("6901234567890", "unknown", CodeState.UNKNOWN, None),
        ("你好", "unknown", CodeState.UNKNOWN, None),
        ("", "unknown", CodeState.UNKNOWN, None),
        ("https://jiuhui.example/s/S001", "store", CodeState.FINE, None),
        ("C1", "case", CodeState.FINE, 6),
    ],
)
def test_everything_scanned_has_a_kind_a_state_and_a_number(house, text, kind, state, bottles):
    with house.read() as session:
        found = resolve(session, text, DAY, "https://jiuhui.example")
    assert (found.kind, found.state, found.bottles) == (kind, state, bottles)


def test_batch_is_looked_up_within_its_product_only(house):
    with house.read() as session:
        known = resolve(session, f"(01)0{EAN}(10)24B", DAY)
        assert session.get(Lot, known.lot_id).batch == "24B"
        assert resolve(session, f"(01)0{EAN}(10)M1", DAY).lot_id is None  # a batch of the other product


def test_brand_with_one_product_names_it(house):
    with house.read() as session:
        found = resolve(session, "YB20250112K000317", DAY)
    assert (found.product_code, found.production_date) == ("HZL", date(2025, 1, 12))


def test_number_used_again_means_what_it_meant_when_the_goods_were_made(house):
    with house.write() as session:
        old, new = session.scalars(select(Product.id).order_by(Product.id)).all()
        spans = [(old, date(2015, 1, 1), date(2019, 12, 31), 6), (new, date(2024, 1, 1), None, 4)]
        session.add_all(
            TradeItem(gtin=CARTON, product_id=p, pack=Pack.CASE, bottles=n, valid_from=first, valid_to=last)
            for p, first, last, n in spans
        )
        session.flush()
        assert resolve(session, CARTON, DAY).product_code == "MT"
        assert resolve(session, f"(01){CARTON}(11)180501", DAY).product_code == "HZL"
        assert resolve(session, f"(01){CARTON}(11)220501", DAY).product_code == "MT"  # made in no span: today's
        assert resolve(session, CARTON, date(2022, 1, 1)).product_id is None
        assert resolve(session, CARTON, DAY).bottles == 4


def test_any_text_resolves_on_any_day(house):
    dice = random.Random(7)  # noqa: S311 - the same texts each time
    letters = "0123456789CPB#:()[]{}/\\?&=%^|\x1d]1 贵州é'\"\x00;-_"
    with house.read() as session:
        for _ in range(1_500):
            text = "".join(dice.choices(letters, k=dice.randrange(30)))
            found = resolve(session, dice.choice(("", "C1", "(01)", "]C1", f"010{EAN}")) + text, DAY)
            assert found.sentence or found.state is not CodeState.UNKNOWN


# At the door


@pytest.fixture
def door(world: World) -> Doorway:
    world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月30日前", "dingtalk")
    world.presses("li", "同意", "dingtalk")
    world.presses("zhang", "全部退回")
    return Doorway(world)


def lot_of(world: World) -> Lot:
    with world.database.read() as session:
        return session.scalars(select(Lot).where(Lot.batch == "20240312")).one()


def shared_code(world: World) -> None:
    with world.database.write() as session:
        lot = session.scalars(select(Lot).where(Lot.batch == "20240312")).one()
        lot.product.brand = "样例甲"
        key = "sample_trunk:3120004567"
        unit = UnitCode(code=key, pack=Pack.CASE, is_case=True, lot_id=lot.id, scheme="sample_trunk", bottles=6)
        unit.unique_per = UniquePer.CASE
        session.add(unit)


def says(door: Doorway, text: str, bottles: int | None = None, *, photo: bool = False, lot: int | None = None):
    with door.world.database.write() as session:
        kept = files.keep_photo(session, signature(33), door.world.clock()) if photo else None
    number = f"hand-{random.random()}"  # noqa: S311 - an id
    [answer] = door.sends_again([PhoneScan(number, text, bottles, lot, photo=kept)])
    return answer


def test_opened_case_at_the_door_asks_for_the_bottles(world: World, door: Doorway) -> None:
    with world.database.write() as session:
        open_case(session, "CASE-C1", world.clock(), "张老板")
    case, bottle = door.scans("CASE-C1", "C1-B1")
    assert (case.verdict, case.bottles, bottle.verdict, bottle.bottles) == ("opened_case", 0, "ok", 1)
    assert "已在 2026-09-07 开箱" in case.sentence
    assert "请逐瓶扫" in case.sentence


def test_one_code_on_a_whole_case_is_counted_by_eye_and_flagged(world: World, door: Doorway) -> None:
    """Trap 5: the same code again is no duplicate, but a case is never more than a case."""
    shared_code(world)
    assert says(door, "3120004567").verdict == "needs_quantity"
    first, second = says(door, "3120004567", 2), says(door, "3120004567", 4)
    assert [(a.verdict, a.bottles) for a in (first, second)] == [("ok", 2), ("ok", 4)]
    assert "整箱都一样" in first.sentence
    assert says(door, "3120004567", 1).verdict == "needs_photo"
    over = says(door, "3120004567", 1, photo=True)
    assert (over.verdict, over.bottles) == ("ok", 1)
    assert "核对真伪" in over.sentence
    assert door.world.handover().lines[0].counted == 7


def test_undone_bottles_of_a_shared_code_may_be_counted_again(world: World, door: Doorway) -> None:
    shared_code(world)
    says(door, "3120004567", 6)
    with world.database.write() as session:
        scan = session.scalars(select(Scan)).one()
        hand = session.merge(world.handover())
        undo_scan(session, hand, scan.client_id, world.actor(session, "li"))
    assert says(door, "3120004567", 6).verdict == "ok"
    assert door.world.handover().lines[0].counted == 6


def test_zero_code_is_a_line_by_hand_with_photo_and_a_cap(world: World, door: Doorway) -> None:
    """Trap 6."""
    lot = lot_of(world).id
    assert says(door, "0000000000").verdict == "needs_quantity"
    assert says(door, "0000000000", 1, lot=lot).verdict == "needs_photo"
    most = world.house.limits.manual_lines_per_handover
    taken = [says(door, "0000000000", 1, lot=lot, photo=True).verdict for _ in range(most)]
    assert set(taken) <= {"ok", "extra"}
    assert says(door, "0000000000", 1, lot=lot, photo=True).verdict == "too_many_typed"
    assert door.types(lot, 1).verdict == "too_many_typed"


def test_redeemed_bottle_is_taken_but_never_graded_a(world: World, door: Doorway) -> None:
    """Trap 64."""
    with world.database.write() as session:
        redeem(session, "C1-B1", world.clock())
    assert door.scans("CASE-C1")[0].verdict == "opened_case"
    answers = door.scans("C1-B1", "C1-B2")
    assert [a.verdict for a in answers] == ["ok", "ok"]
    assert "不能按 A 级收" in answers[0].sentence
    assert "A 级" not in answers[1].sentence
    door.signs(remaining_on=date(2026, 9, 9))
    door.arrives()
    door.receives()
    with pytest.raises(InvalidInput, match="A 级最多 1 瓶"):
        door.inspects(A=2)
    door.inspects(A=1, D=1)
    world.proves_itself()


def test_bottle_redeemed_after_the_door_is_not_graded_a_either(world: World, door: Doorway) -> None:
    door.scans("CASE-C2")
    door.signs(remaining_on=date(2026, 9, 9))
    door.arrives()
    door.receives()
    with world.database.write() as session:
        redeem(session, "C2-B3", world.clock())
    with pytest.raises(InvalidInput, match="A 级最多 5 瓶"):
        door.inspects(A=6)
    door.inspects(A=5, C=1)


def test_scan_of_a_cap_counts_its_bottle_once_and_as_open(world: World, door: Doorway) -> None:
    with world.database.write() as session:
        lot = session.scalars(select(Lot.id).where(Lot.batch == "20240312")).one()
        session.add(UnitCode(code="CAPX", pack=Pack.CAP, lot_id=lot, same_as="C1-B1"))
    cap, bottle = door.scans("CAPX", "C1-B1")
    assert (cap.verdict, cap.bottles, bottle.verdict) == ("ok", 1, "duplicate")
    door.signs(remaining_on=date(2026, 9, 9))
    door.arrives()
    door.receives()
    with pytest.raises(InvalidInput, match="A 级最多 0 瓶"):
        door.inspects(A=1)


def test_wrong_digit_is_said_and_counts_nothing(door: Doorway) -> None:
    [answer] = door.scans("6901234567890")
    assert (answer.verdict, answer.bottles) == ("unreadable", 0)
    assert "校验位不对" in answer.sentence


def test_answer_to_a_repeated_scan_says_the_same(world: World, door: Doorway) -> None:
    shared_code(world)
    with world.database.write() as session:
        open_case(session, "CASE-C1", world.clock(), "张老板")
    texts = [("CASE-C1", None), ("3120004567", 3), ("C1-B1", None), ("C1-B1", None), ("6901234567890", None), ("", 2)]
    queue = [PhoneScan(f"again-{n}", text, bottles) for n, (text, bottles) in enumerate(texts)]
    first = door.sends_again(queue)
    again = door.sends_again(list(reversed(queue)))
    assert sorted(a.client_id + a.sentence for a in first) == sorted(a.client_id + a.sentence for a in again)
    assert world.handover().lines[0].counted == 4


CODES = [f"C{c}-B{n}" for c in (1, 2, 3) for n in range(1, 7)] + ["CASE-C1", "CASE-C2", "CASE-C3"]


def test_any_order_of_cases_and_bottles_counts_the_union(world: World, door: Doorway) -> None:
    """Trap 4, for forty random heaps of scans; each starts from an empty count."""
    dice = random.Random(11)  # noqa: S311 - the same heaps each time
    for _ in range(8):
        heap = dice.choices(CODES, k=dice.randrange(1, 12))
        door.scans(*heap)
        with world.database.read() as session:
            union = frozenset().union(*(units_of(session, code, date(2026, 9, 7)) for code in heap))
        assert sum(line.counted + line.extra for line in world.handover().lines) == len(union)
        door.gives_up()


def test_two_phones_with_two_hand_overs_count_a_bottle_once(tmp_path: Path, postgres_url: str) -> None:
    """Trap 5: the driver and the rep scan the same goods, in opposite order, at the same moment."""
    world = World(tmp_path, postgres_url)
    with world.database.write() as session:
        rep = world.actor(session, "li")
        driver = world.actor(session, "sun")
    assert rep.person_id != driver.person_id
    world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月30日前", "dingtalk")
    world.presses("li", "同意", "dingtalk")
    world.presses("zhang", "全部退回")
    give_region(world, "sun")
    door = Doorway(world)
    together, failed = threading.Barrier(2), []
    door.scans("C3-B1", taker="li")
    door.scans("C3-B2", taker="sun")

    def sends(taker: str, codes: list[str]) -> None:
        try:
            together.wait()
            queue = [PhoneScan(f"{taker}-{n}", code) for n, code in enumerate(codes)]
            door.sends_again(queue, taker=taker)
        except Exception as wrong:  # noqa: BLE001 - whatever it is fails the test
            failed.append(wrong)

    codes = ["CASE-C1", "C2-B1", "C2-B2", "CASE-C3", "C1-B1", "CASE-C2"]
    threads = [
        threading.Thread(target=sends, args=("li", codes)),
        threading.Thread(target=sends, args=("sun", codes[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with world.database.read() as session:
        counting = session.scalars(select(Scan.bottles).where(Scan.verdict.in_(("ok", "extra")))).all()
    assert failed == []
    assert sum(counting) == 18
    world.database.close()


def give_region(world: World, code: str) -> None:
    with world.database.write() as session:
        person = world.actor(session, code)
        for assignment in session.scalars(select(Assignment).where(Assignment.person_id == person.person_id)):
            assignment.region = "城东"
