"""Batches into the house: all or nothing, only once, and an error for every wrong item."""

import json
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.api import ApiRequest
from models.catalog import Hold, Product, Store
from models.stock import ChannelStock, Delivery, Observation, SellOut, StockMove, StockSource
from tests.api_kit import all_of, count_of, delivery, program
from tests.world import World
from workflows import ledger
from workflows.imports.json_items import RESOURCES


def test_every_resource_of_the_brief_is_there():
    assert set(RESOURCES) == {"deliveries", "counts", "sellout", "stock", "products", "stores"}


def test_deliveries_are_loaded_as_from_a_file(world):
    answer = program(world).send("deliveries", [delivery(), delivery(line="2", bottles=None, cases=2, price_fen=9_950)])

    assert answer.status_code == 200, answer.text
    assert answer.json == {
        "accepted": 2,
        "changed": 0,
        "unchanged": 0,
        "rejected": 0,
        "created": answer.json["created"],
        "errors": [],
    }
    found = {row.key: row for row in all_of(world, Delivery)}
    assert found["doc:CK1:1"].bottles == 6
    assert (found["doc:CK1:2"].bottles, found["doc:CK1:2"].price_fen) == (12, 9_950)
    world.proves_itself()


def test_stores_and_products_are_added_and_changed_field_by_field(world):
    caller = program(world)
    product = {"code": "N1", "name": "新品 42 度", "case_size": 6, "price_fen": 12_800, "aliases": ["小新", "蓝瓶"]}

    assert caller.send("products", [product]).json["accepted"] == 1
    assert (
        caller.send("stores", [{"code": "N9", "name": "新店", "latitude": 30.5, "longitude": 104}]).json["accepted"]
        == 1
    )
    assert caller.send("products", [{"code": "N1", "name": "新品 42 度", "case_size": 12}]).json["accepted"] == 1

    found = next(row for row in all_of(world, Product) if row.code == "N1")
    assert (found.case_size, found.price_fen, found.aliases) == (12, 12_800, ["小新", "蓝瓶"])


def test_null_empties_a_field_and_a_missing_one_says_nothing(world):
    caller = program(world)
    caller.send("stores", [{"code": "S01", "name": "城东1号店", "address": None}])

    found = next(row for row in all_of(world, Store) if row.code == "S01")
    assert (found.address, found.region) == ("", "城东")


def test_warehouse_stock_needs_no_store(world):
    answer = program(world).send("stock", [{"product": "P1", "bottles": 60, "batch": "20240312"}])

    assert answer.status_code == 200, answer.text
    world.proves_itself()


def test_one_wrong_item_refuses_all_with_its_place_word_and_sentence(world):
    before = count_of(world, Delivery)
    answer = program(world).send(
        "deliveries", [delivery(), delivery(store="S99", line="2"), delivery(line="3", bottles=-1)]
    )

    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    told = [(error["index"], error["field"], error["code"]) for error in answer.json["errors"]]
    assert told == [(1, "store", "unknown_store"), (2, "bottles", "out_of_range")]
    assert answer.json["errors"][0]["sentence"] == "第 2 行“门店编码”（写的是 S99）：没有这家门店，请先导入门店。"
    assert count_of(world, Delivery) == before


def test_without_atomic_the_good_items_are_taken(world):
    items = [delivery(), delivery(store="S99", line="2"), {"nonsense": 1}, delivery(line="4")]
    answer = program(world).send("deliveries", items, atomic=False)

    assert answer.status_code == 200, answer.text
    assert (answer.json["accepted"], answer.json["rejected"]) == (2, 2)
    assert sorted({error["index"] for error in answer.json["errors"]}) == [1, 2]
    assert {row.key for row in all_of(world, Delivery)} == {"doc:CK1:1", "doc:CK1:4"}
    world.proves_itself()


def test_a_refused_item_leaves_nothing_though_its_loader_writes_all_at_once(world):
    """The loader of products writes what it refuses and relies on the roll-back of the whole file."""
    good, bad = (
        {"code": "N1", "name": "好", "case_size": 6},
        {"code": "N2", "name": "坏", "case_size": 6, "expiry_months": 12},
    )
    answer = program(world).send("products", [good, bad], atomic=False)

    assert (answer.json["accepted"], answer.json["rejected"]) == (1, 1)
    assert {"N1"} == {row.code for row in all_of(world, Product)} & {"N1", "N2"}


def test_an_item_that_means_nothing_is_told_of(world):
    answer = program(world).send("products", [{"code": "N1", "name": "只有名称", "brand": None}])

    assert answer.status_code == 422
    assert answer.json["errors"][0]["index"] == 0
    assert "N1" not in {row.code for row in all_of(world, Product)}


def test_held_lots_are_not_delivered(world):
    with world.database.write() as session:
        lot = session.scalars(select(StockMove.lot_id)).first()
        hold = Hold(
            lot_id=lot, campaign_id=_campaign(session, world), reason="测试", placed_by="x", placed_at=world.clock()
        )
        session.add(hold)
    answer = program(world).send("deliveries", [delivery(batch="20240312")])

    assert answer.json["errors"][0]["code"] == "lot_on_hold"


def _campaign(session, world: World) -> int:
    from models.recall import Campaign, Reason  # noqa: PLC0415 - only here

    product = session.scalars(select(Product.id)).first()
    made = Campaign(
        product_id=product, reason=Reason.SLOW, deadline=world.clock().date(), source="cli", created_at=world.clock()
    )
    session.add(made)
    session.flush()
    return made.id


def test_same_key_and_body_is_answered_as_the_first_time(world):
    caller = program(world)
    first = caller.send("deliveries", [delivery()], key="k1")
    again = caller.send("deliveries", [delivery()], key="k1")

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json == first.json
    assert (first.headers["Idempotency-Replayed"], again.headers["Idempotency-Replayed"]) == ("false", "true")
    assert count_of(world, Delivery) == 1


def test_same_key_for_another_body_or_resource_is_refused(world):
    caller = program(world)
    caller.send("stores", [{"code": "N1", "name": "新店"}], key="k1")

    assert caller.send("stores", [{"code": "N2", "name": "新店"}], key="k1").json["code"] == "idempotency_key_reused"
    assert caller.send("products", [{"code": "N1", "name": "新店"}], key="k1").json["code"] == "idempotency_key_reused"


def test_two_programs_may_use_the_same_key(world):
    one, two = program(world), program(world)
    one.send("stores", [{"code": "N1", "name": "新店"}], key="k1")

    assert two.send("stores", [{"code": "N2", "name": "新店"}], key="k1").json["accepted"] == 1


def test_a_refused_batch_may_be_corrected_under_its_key(world):
    caller = program(world)

    assert caller.send("deliveries", [delivery(store="S99")], key="k1").status_code == 422
    assert caller.send("deliveries", [delivery()], key="k1").json["accepted"] == 1


def test_a_key_is_forgotten_after_its_days(world):
    caller = program(world)
    caller.send("deliveries", [delivery()], key="k1")
    world.clock.now += timedelta(days=8)
    again = caller.send("deliveries", [delivery()], key="k1")

    assert again.json["unchanged"] == 1
    assert again.headers["Idempotency-Replayed"] == "false"


def test_old_answers_are_tidied_away(world):
    program(world).send("deliveries", [delivery()])
    world.waits(hours=1)
    assert count_of(world, ApiRequest) == 1
    world.clock.now += timedelta(days=8)
    world.waits(hours=1)
    assert count_of(world, ApiRequest) == 0


def test_the_same_line_under_another_key_says_nothing_new(world):
    caller = program(world)
    caller.send("deliveries", [delivery()])

    assert caller.send("deliveries", [delivery()]).json["unchanged"] == 1
    assert caller.send("deliveries", [delivery(bottles=7)]).json["errors"][0]["code"] == "conflict"


@pytest.mark.parametrize("times", [2, 6])
def test_many_at_once_with_one_key_write_once_and_hear_the_same(world, times):
    caller = program(world)
    start, answers = Barrier(times), []

    def call() -> None:
        start.wait()
        answers.append(caller.send("deliveries", [delivery()], key="k1"))

    threads = [Thread(target=call) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.status_code for answer in answers] == [200] * times
    assert len({answer.text for answer in answers}) == 1
    assert sorted(answer.headers["Idempotency-Replayed"] for answer in answers) == ["false", *["true"] * (times - 1)]
    assert count_of(world, Delivery) == 1


def test_many_at_once_with_different_keys_and_the_same_line_write_it_once(world):
    caller = program(world)
    start, answers = Barrier(4), []

    def call(number: int) -> None:
        start.wait()
        answers.append(caller.send("deliveries", [delivery()], key=f"k{number}"))

    threads = [Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sum(answer.json.get("accepted", 0) for answer in answers) == 1
    assert count_of(world, Delivery) == 1
    world.proves_itself()


NONSENSE = [
    (b"", "bad_json"),
    (b"{", "bad_json"),
    (b"\xff\xfe", "bad_json"),
    ('\ufeff{"items": []}'.encode(), "bad_json"),
    (b'{"items": [{"code": NaN}]}', "bad_json"),
    (b'{"items": [-Infinity]}', "bad_json"),
    (b'{"items": [1e999]}', "bad_json"),
    (b'{"items": [], "items": []}', "bad_json"),
    (b'{"items": [{"code": "a", "code": "b", "name": "x"}]}', "bad_json"),
    (b'{"items": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "bad_json"),
    (b'{"items": [{"a":' * 50_000 + b"1", "bad_json"),
    (b'{"items": [' + b"9" * 5_000 + b"]}", "bad_json"),
    (b"[]", "invalid"),
    (b"null", "invalid"),
    (b'{"items": []}', "invalid"),
    (b'{"items": {}}', "invalid"),
    (b'{"items": [1], "atomic": "yes"}', "invalid"),
    (b'{"items": [1], "more": 1}', "invalid"),
    (b'{"items": [null]}', "invalid"),
    (b'{"items": [{"code": "\\ud800", "name": "x"}]}', "invalid"),
    (b'{"items": [{"\\ud800": 1}]}', "invalid"),
    (b'{"items": [{"code": "a\\u0000b", "name": "x"}]}', "invalid"),
    (b'{"items": [{"code": "=1+1", "name": "x"}]}', "invalid"),
]


def test_nonsense_is_refused_with_a_sentence(world):
    for body, code in NONSENSE:
        before = count_of(world, Store)
        answer = program(world).post("stores", body)

        assert 400 <= answer.status_code < 500
        assert answer.mimetype == "application/problem+json"
        assert answer.json["code"] == code
        assert answer.json["detail"].endswith("。")
        assert count_of(world, Store) == before


def test_long_bodies_and_batches_are_refused_before_they_are_read(world):
    caller = program(world)

    assert caller.post("stores", b" " * (4 * 1024 * 1024 + 1)).status_code == 413
    assert caller.send("stores", [{}] * 1_001).status_code == 413


def test_an_item_of_a_hundred_thousand_unknown_fields_is_told_of_briefly(world):
    answer = program(world).send("stores", [{f"f{n}": n for n in range(100_000)}])

    assert answer.status_code == 422
    assert len(answer.data) < 5_000


UNUSABLE = ["", "x" * 129, "with blank", "中文"]


def test_a_batch_needs_a_usable_key_of_its_own(world):
    for key in UNUSABLE:
        caller = program(world)
        headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key.encode().decode("latin-1")
        answer = world.app.test_client().post("/api/v1/stores", data="{}", headers=headers)

        assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_missing")


OTHER_MEDIA = ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]


def test_only_json_is_taken(world):
    for media in OTHER_MEDIA:
        answer = program(world).post("stores", b"{}", Content_Type=media)

        assert answer.status_code == 415


def test_a_batch_of_wrong_items_only_takes_none(world):
    items = [{"code": f"N{n}", "name": "店", "latitude": 1} for n in range(30)]
    answer = program(world).send("stores", items, atomic=False)

    assert (answer.status_code, answer.json["accepted"], answer.json["rejected"]) == (200, 0, 30)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["store", "product", "delivered_on", "bottles", "cases", "batch", "code", "name", "price_fen", "as_of"]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    resource=st.sampled_from(sorted(RESOURCES)),
    items=st.lists(
        st.dictionaries(FIELDS, JSON | st.sampled_from(["S01", "P1", "2026-09-01"]), max_size=6) | JSON, max_size=4
    ),
    atomic=st.booleans(),
)
def test_no_json_breaks_a_loader_or_the_books(world, resource, items, atomic):
    answer = program(world).post(resource, json.dumps({"items": items, "atomic": atomic}))

    assert answer.status_code in {200, 422}, answer.text
    with world.database.read() as session:
        assert ledger.reconcile(session) == []


def test_what_a_program_delivered_counts_in_the_next_mornings_scan(world):
    program(world).send("deliveries", [delivery(product="P2", store="S02", bottles=24, batch="B9")])
    world.clock.now += timedelta(days=1)
    world.worker.run_jobs()

    believed = [stock for stock in all_of(world, ChannelStock) if stock.store_id == _store(world, "S02")]
    assert any(stock.bottles == 24 and stock.source is StockSource.INFERRED for stock in believed)


def _store(world: World, code: str) -> int:
    return next(store.id for store in all_of(world, Store) if store.code == code)


def test_counting_the_warehouse_again_without_a_batch_is_fine(world):
    caller = program(world)

    assert caller.send("stock", [{"product": "P1", "cases": 10}]).status_code == 200
    again = caller.send("stock", [{"product": "P1", "cases": 9}])
    assert again.status_code == 200, again.text


def test_counts_and_sales_of_a_program_are_kept_as_those_of_a_system(world):
    caller = program(world)
    counted = caller.send("counts", [{"store": "S01", "product": "P1", "bottles": 11, "as_of": "2026-09-06"}])
    sold = caller.send("sellout", [{"store": "S01", "product": "P1", "sold_on": "2026-09-05", "bottles": 2}])

    assert (counted.status_code, sold.status_code) == (200, 200), (counted.text, sold.text)
    assert {row.source.value for row in all_of(world, Observation)} == {"system"}
    assert {(row.source.value, row.bottles) for row in all_of(world, SellOut)} == {("system", 2)}
    assert (
        caller.send("sellout", [{"store": "S01", "product": "P1", "sold_on": "2026-09-05", "bottles": 2}]).json[
            "unchanged"
        ]
        == 1
    )
