"""Reading: filters, portions that neither repeat nor lose, and what a narrow key does not see."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.catalog import Product, Store
from models.database import Database
from models.recall import Campaign, CampaignState, DocumentKind, RecallTask
from models.warning import StockWarning, WarningState
from tests.api_kit import Program, program, with_fonts
from tests.world import World
from web.services import EXTENSION
from workflows import campaigns, papers
from workflows.acting import business_day
from workflows.api_keys import ApiScope
from workflows.scope import Ask

READING = (ApiScope.WARNINGS_READ, ApiScope.RECALLS_READ, ApiScope.DOCUMENTS_READ)
PRICES = {"metric": "expected_loss", "price_fen": 10_000, "unsold_millibottles": 9_000, "loss_fen": 90_000}


@pytest.fixture
def warned(world: World) -> World:
    """A world with six warnings: two rules in three stores; one of a whole store; brands of their own."""
    with world.database.write() as session:
        stores = list(session.scalars(select(Store).order_by(Store.code)))
        products = list(session.scalars(select(Product).order_by(Product.code)))
        products[0].brand, products[1].brand = "青溪", "竹海"
        for number, store in enumerate(stores):
            for level, product in ((1, products[0]), (2, products[1])):
                session.add(warning_in(world, store, product.id, f"rule_{level}", level=level, bottles=number))
        session.add(warning_in(world, stores[0], 0, "turnover", level=1, bottles=5))
    return world


def warning_in(world: World, store: Store, product_id: int, rule: str, *, level: int, bottles: int) -> StockWarning:
    day = date(2026, 9, 7)
    return StockWarning(
        state=WarningState.FIRING,
        rule=rule,
        rule_version="v1",
        level=level,
        store_id=store.id,
        product_id=product_id,
        bottles=bottles,
        value=9_000,
        threshold=6_000,
        loss_fen=90_000,
        figures=PRICES,
        fired_on=day,
        seen_on=day,
        changed_at=world.clock() + timedelta(minutes=level),
    )


def recall_of(world: World) -> int:
    """A running campaign in all three stores, with an order paper for each."""
    with world.database.write() as session:
        product = session.scalars(select(Product).where(Product.code == "P1")).one()
        ask = Ask(product.id)
        deadline = business_day(world.clock()) + timedelta(days=7)
        wanted = campaigns.Request(ask, campaigns.Reason.SLOW, deadline, "chat", reason_text="卖得慢")
        made = campaigns.start(session, world.house, wanted, world.actor(session, "qian"), world.clock())
        number = made.id
    approvers = {CampaignState.AT_REP: "li", CampaignState.AT_MANAGER: "qian", CampaignState.AT_BOSS: "boss"}
    while (state := world.campaign().state) in approvers:
        with world.database.write() as session:
            world.fire(session, session.get_one(Campaign, number), "approve", approvers[state])
    with world.database.write() as session:
        for task in session.scalars(select(RecallTask)):
            papers.issue(session, world.house, DocumentKind.ORDER, task, world.clock())
    return number


def everything(caller: Program, path: str, **query) -> list:
    """All items of a list, portion by portion."""
    items: list = []
    cursor: dict = {}
    while True:
        answer = caller.get(path, **query, **cursor)
        assert answer.status_code == 200, answer.text
        items += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return items
        cursor = {"cursor": answer.json["next_cursor"]}


def test_a_warning_tells_its_figures_rule_and_page(warned):
    items = everything(program(warned), "warnings")
    first = items[0]

    assert len(items) == 7
    assert first["store"] == {"code": "S01", "name": "城东1号店", "region": "城东"}
    assert first["product"] == {"code": "P1", "name": "青溪老窖 52度 500ml", "brand": "青溪"}
    assert (first["value"], first["threshold"], first["loss_fen"], first["rule_version"]) == (
        9_000,
        6_000,
        90_000,
        "v1",
    )
    assert first["figures"] == PRICES
    assert first["explanation_url"] == f"http://jiuhui.test/w/{first['id']}"
    assert program(warned).get(f"warnings/{first['id']}").json == first


FILTERS = [
    ({"store": "S01"}, 3),
    ({"product": "P2"}, 3),
    ({"rule": "rule_1"}, 3),
    ({"level": 2}, 3),
    ({"store": "S01", "level": 2}, 1),
    ({"state": ["firing", "pending"]}, 7),
    ({"state": "resolved"}, 0),
    ({"store": "nobody' OR 1=1 --"}, 0),
    ({"rule": "%"}, 0),
    ({"updated_since": "2026-09-07T09:02:00+08:00"}, 3),
    ({"updated_since": "2026-09-07T01:00:00Z"}, 7),
]


def test_filters_narrow(warned):
    for query, expected in FILTERS:
        assert len(everything(program(warned), "warnings", **query)) == expected


SENSELESS = [
    {"state": "exploded"},
    {"level": "x"},
    {"level": 0},
    {"limit": 0},
    {"limit": 501},
    {"limit": "9" * 100},
    {"store": ""},
    {"store": "a\x00b"},
    {"store": "x" * 65},
    {"more": 1},
    {"rule": ["a", "b"]},
    {"updated_since": "yesterday"},
    {"updated_since": "2026-09-07T09:00:00"},
    {"updated_since": "0001-01-01T00:00:00+14:00"},
    {"updated_since": "9999-12-31T23:59:59-14:00"},
]


def test_a_question_that_makes_no_sense_is_refused(warned):
    for query in SENSELESS:
        answer = program(warned).get("warnings", **query)

        assert answer.status_code == 422, answer.text
        assert answer.json["errors"][0]["sentence"].endswith("。")


def test_portions_neither_repeat_nor_lose_what_changes_in_between(warned):
    caller = program(warned)
    first = caller.get("warnings", limit=3).json
    with warned.database.write() as session:
        gone = session.get_one(StockWarning, first["items"][0]["id"])
        session.delete(gone)
        store = session.scalars(select(Store)).first()
        session.add(warning_in(warned, store, 0, "late", level=1, bottles=1))
    rest = _rest(caller, first)

    ids = [item["id"] for item in [*first["items"], *rest]]
    assert ids == sorted(set(ids))
    assert len(ids) == 8


def _rest(caller: Program, page: dict) -> list:
    items = []
    while page["next_cursor"]:
        page = caller.get("warnings", limit=3, cursor=page["next_cursor"]).json
        items += page["items"]
    return items


def test_a_cursor_is_good_for_its_own_question_and_key_only(warned):
    caller = program(warned)
    cursor = caller.get("warnings", limit=2).json["next_cursor"]
    assert caller.get("warnings", limit=5, cursor=cursor).status_code == 200
    tampered = [
        ("A" if cursor[0] != "A" else "B") + cursor[1:],
        "WzEsMl0.x",
        "",
        "x" * 400,
        "中",
        cursor.split(".")[0],
    ]
    wrong = [caller.get("warnings", cursor=value) for value in tampered if value]
    wrong += [
        caller.get("warnings", store="S01", cursor=cursor),
        caller.get("recalls", cursor=cursor),
        program(warned).get("warnings", cursor=cursor),
    ]

    assert {(answer.status_code, answer.json["code"]) for answer in wrong} == {(400, "bad_cursor")}


def test_a_regions_key_sees_its_stores_only(warned):
    caller = program(warned, *READING, regions=["城西"])
    items = everything(caller, "warnings")

    assert {item["store"]["code"] for item in items} == {"S11"}
    assert caller.get(f"warnings/{items[0]['id']}").status_code == 200
    other = everything(program(warned), "warnings", store="S01")[0]["id"]
    assert caller.get(f"warnings/{other}").status_code == 404


def test_a_brands_key_sees_its_goods_and_no_price(warned):
    caller = program(warned, *READING, brands=["青溪"])
    items = everything(caller, "warnings")

    assert {item["product"]["code"] for item in items} == {"P1"}
    for item in items:
        assert (item["loss_fen"], item["value"], item["threshold"]) == (None, None, None)
        assert item["figures"] == {"metric": "expected_loss", "unsold_millibottles": 9_000}


def test_recalls_carry_the_vector_of_their_stores(world):
    number = recall_of(world)
    caller = program(world)
    recall = caller.get(f"recalls/R{number}").json
    tasks = everything(caller, f"recalls/R{number}/tasks", limit=2)

    assert everything(caller, "recalls") == [recall]
    assert (recall["stores"], recall["bottles"]["scoped"], recall["bottles"]["outstanding"]) == (3, 54, 54)
    assert [task["store"]["code"] for task in tasks] == ["S01", "S02", "S11"]
    assert sum(line["scoped"] for task in tasks for line in task["lines"]) == 54
    assert recall["scope_fen"] == 54 * 10_000


def test_a_narrow_key_gets_the_sums_of_what_it_sees(world):
    number = recall_of(world)
    with world.database.write() as session:
        session.scalars(select(Product).where(Product.code == "P1")).one().brand = "青溪"
    west = program(world, *READING, regions=["城西"])
    brand = program(world, *READING, brands=["青溪"])
    other = program(world, *READING, brands=["竹海"])

    told = west.get(f"recalls/R{number}").json
    assert (told["stores"], told["bottles"]["scoped"], told["scope_fen"]) == (1, 18, None)
    assert [task["store"]["code"] for task in everything(west, f"recalls/R{number}/tasks")] == ["S11"]
    assert brand.get(f"recalls/R{number}").json["scope_fen"] is None
    assert other.get(f"recalls/R{number}").status_code == 404
    assert everything(other, "recalls") == []
    assert (len(everything(west, "documents")), len(everything(brand, "documents"))) == (1, 3)
    assert everything(other, "documents") == []


def test_papers_come_as_data_and_as_the_same_bytes(world):
    with_fonts(world)
    number = recall_of(world)
    caller = program(world)
    papers_there = everything(caller, "documents", limit=1)
    one = papers_there[0]["number"]

    assert [paper["recall"] for paper in papers_there] == [f"R{number}"] * 3
    assert caller.get(f"documents/{one}").json == papers_there[0]
    first, again = caller.get(f"documents/{one}.pdf"), caller.get(f"documents/{one}.pdf")
    assert first.data.startswith(b"%PDF")
    assert first.data == again.data
    assert everything(caller, "documents", kind="RK") == []


NOT_THERE = [
    "warnings/99999",
    "warnings/2147483647",
    "warnings/2147483648",
    "warnings/99999999999999999999999",
    "warnings/-1",
    "warnings/x",
    "recalls/R99",
    "recalls/R99999999999999999999",
    "recalls/12",
    "recalls/R",
    "recalls/R１",
    "recalls/R1%00",
    "recalls/R99/tasks",
    "documents/HS99",
    "documents/a%00b",
    "documents/a%00b.pdf",
    "documents/" + "x" * 5_000,
    "nothing",
    "",
]


def test_what_is_not_there_is_a_problem_of_its_own(world):
    for path in NOT_THERE:
        answer = program(world).get(path)

        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


WRONG_METHODS = [("put", "warnings"), ("post", "warnings"), ("delete", "stores"), ("get", "stores")]


def test_a_wrong_method_is_told_the_right_one(world):
    for method, path in WRONG_METHODS:
        answer = getattr(world.app.test_client(), method)(f"/api/v1/{path}")

        assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
        assert answer.headers["Allow"]


def test_a_database_that_is_away_is_503_and_says_when_to_come_again(world):
    caller = program(world)
    away = Database("postgresql+psycopg://postgres@127.0.0.1:1/away?connect_timeout=2")
    world.app.extensions[EXTENSION] = replace(world.app.extensions[EXTENSION], database=away)
    answers = [caller.get("warnings"), caller.send("stores", [{"code": "N1", "name": "店"}])]

    assert [(a.status_code, a.mimetype, a.headers["Retry-After"]) for a in answers] == [
        (503, "application/problem+json", "5")
    ] * 2


def test_a_fault_of_ours_is_a_problem_without_its_trace(world):
    caller = program(world)
    world.app.extensions[EXTENSION] = replace(world.app.extensions[EXTENSION], house=None)
    answer = caller.get("warnings")

    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "Traceback" not in answer.text
    assert "NoneType" not in answer.text
