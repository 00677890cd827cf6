"""The rep's count on the phone page and the store's own page: what is kept, believed, flagged and refused."""

import html
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from models.catalog import Product, Store
from models.observing import CountReason, CountRequest, CountState, StoreVisit, VisitPhoto
from models.people import Person
from models.stock import ChannelStock, Observation, StockSource
from tests.webapp import BOTTLES, MONDAY, Phone, Shop, open_shop
from workflows.acting import actor_of
from workflows.count_requests import request_counts
from workflows.ledger import reconcile
from workflows.observations import Seen, observe

HERE = {"latitude": 30.2741, "longitude": 120.1551}
ID = "a1b2c3d4e5f60718"


@pytest.fixture
def shop(tmp_path, database_url) -> Iterator[Shop]:
    shop = open_shop(tmp_path, url=database_url)
    shop.write(lambda s: s.get_one(Store, shop.ids["S001"]).__setattr__("latitude", HERE["latitude"]))
    shop.write(lambda s: s.get_one(Store, shop.ids["S001"]).__setattr__("longitude", HERE["longitude"]))
    yield shop
    shop.services.database.close()


@pytest.fixture
def rep(shop) -> tuple[Phone, str]:
    """The rep's phone on the page of the first store, and the path of its link."""
    phone = shop.phone()
    path = shop.link("visit", shop.ids["S001"], "rep")
    phone.opens(path)
    return phone, path


def token(phone: Phone) -> str:
    return phone.page.split('data-csrf="')[1].split('"')[0]


def opened(phone: Phone) -> str:
    return phone.page.split('data-opened="')[1].split('"')[0]


def posts(phone: Phone, path: str, verb: str, **body):
    headers = {"X-CSRF-Token": token(phone), "Accept": "application/json"}
    return phone.client.post(f"{path}/{verb}", json=body, headers=headers)


def counts(shop: Shop, rep, *lines, **more):
    """Send a count of (product, lot, bottles) lines; returns the answer as data."""
    phone, path = rep
    given = [{"product_id": product, "lot_id": lot, "bottles": bottles} for product, lot, bottles in lines]
    answer = posts(phone, path, "count", **{"client_id": ID, "lines": given, **HERE, **more})
    assert answer.status_code in {200, 409}, answer.text
    return answer.json


def takes_photo(rep, colour=(90, 20, 20), client_id=ID) -> str:
    phone, path = rep
    content = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(content, "JPEG")
    content.seek(0)
    form = {"photo": (content, "p.jpg"), "client_id": client_id}
    headers = {"X-CSRF-Token": token(phone), "Accept": "application/json"}
    answer = phone.client.post(f"{path}/photo", data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json["sha256"]


def believed(shop: Shop) -> dict[int, int]:
    rows = [stock for stock in shop.all(ChannelStock) if stock.store_id == shop.ids["S001"]]
    return {stock.lot_id: stock.bottles for stock in rows}


def test_page_lists_what_is_believed_to_stand_there_and_how_old_that_is(shop, rep):
    phone, _ = rep
    asked(shop, "TZL")

    phone.opens(rep[1])

    sky, sea = json.loads(html.unescape(phone.page.split('data-products="')[1].split('"')[0]))
    assert (sky["name"], sky["believed"], sky["wanted"], sky["age"]) == ("天之蓝", None, True, "还没有人报过数")
    assert (sea["name"], sea["believed"], sea["age"]) == ("海之蓝", 24, "数据 176 天前，期初盘点")
    assert [(lot["batch"], lot["bottles"]) for lot in sea["lots"]] == [("B2501", 18), ("B2502", 6)]
    assert shop.all(Observation) == []


def test_count_with_photo_at_the_store_is_believed_most(shop, rep):
    sha = takes_photo(rep)

    said = counts(shop, rep, (shop.ids["product"], None, 21), photos=[sha])

    assert said["kept"]
    assert said["sentence"] == "已保存：1 种酒共 21 瓶，可信度 95%。"
    [observation] = shop.all(Observation)
    assert (observation.source, observation.confidence, observation.bottles) == (StockSource.VISIT, 95, 21)
    assert (observation.photo, observation.metres_away) == (sha, 0)
    assert sum(believed(shop).values()) == 21
    with shop.services.database.read() as session:
        assert reconcile(session) == []


def test_count_by_lot_is_kept_by_lot(shop, rep):
    lots = [(shop.ids["product"], shop.ids["lot"], 10), (shop.ids["product"], shop.ids["lot2"], 2)]

    counts(shop, rep, *lots, photos=[takes_photo(rep)])

    assert believed(shop) == {shop.ids["lot"]: 10, shop.ids["lot2"]: 2}
    assert {o.lot_id: o.bottles for o in shop.all(Observation)} == believed(shop)


def test_count_without_a_photo_is_believed_less(shop, rep):
    said = counts(shop, rep, (shop.ids["product"], None, 20))

    assert "没有照片" in said["sentence"]
    [observation] = shop.all(Observation)
    assert (observation.source, observation.confidence) == (StockSource.COUNT, 80)


def test_far_away_is_kept_as_claimed_flagged_and_believed_less(shop, rep):  # trap 51
    sha = takes_photo(rep)

    said = counts(shop, rep, (shop.ids["product"], None, 20), photos=[sha], latitude=30.2841)

    assert "手机位置离门店约 1112 米" in said["sentence"]
    [visit] = shop.all(StoreVisit)
    assert (visit.far_away, visit.metres_away, visit.confidence) == (True, 1112, 65)
    assert (visit.latitude, shop.all(Observation)[0].confidence) == (30.2841, 65)


def test_nonsense_for_a_place_is_no_place(shop, rep):
    for wrong in ({"latitude": "nan"}, {"latitude": 300}, {"latitude": None}, {"latitude": [1]}):
        counts(shop, rep, (shop.ids["product"], None, 20), client_id=f"{ID}{len(shop.all(StoreVisit))}", **wrong)

    assert [visit.latitude for visit in shop.all(StoreVisit)] == [None] * 4


def test_same_photo_a_second_time_is_flagged(shop, rep):  # trap 51
    sha = takes_photo(rep)
    counts(shop, rep, (shop.ids["product"], None, 20), photos=[sha])
    again = takes_photo(rep, client_id="ffffffffffffffff")

    said = counts(shop, rep, (shop.ids["product"], None, 19), photos=[again], client_id="ffffffffffffffff")

    assert again == sha
    assert "这张照片以前用过" in said["sentence"]
    assert [(v.photo_is_old, v.confidence) for v in shop.all(StoreVisit)] == [(False, 95), (True, 60)]


def test_resent_photo_of_one_count_is_not_an_old_one(shop, rep):
    takes_photo(rep)
    sha = takes_photo(rep)

    said = counts(shop, rep, (shop.ids["product"], None, 20), photos=[sha])

    assert said["sentence"] == "已保存：1 种酒共 20 瓶，可信度 95%。"
    assert len(shop.all(VisitPhoto)) == 1


def test_resent_count_is_kept_once(shop, rep):
    first = counts(shop, rep, (shop.ids["product"], None, 20))
    second = counts(shop, rep, (shop.ids["product"], None, 20))

    assert first["sentence"] == second["sentence"]
    assert len(shop.all(StoreVisit)) == len(shop.all(Observation)) == 1


def test_number_of_another_count_is_refused(shop, rep):
    counts(shop, rep, (shop.ids["product"], None, 20))
    phone = shop.phone()
    path = shop.link("visit", shop.ids["S002"], "rep")
    phone.opens(path)

    said = counts(shop, (phone, path), (shop.ids["product"], None, 3))

    assert "编号已经用过" in said["sentence"]
    assert len(shop.all(Observation)) == 1


@pytest.mark.parametrize("bottles", [144, 4])
def test_cases_taken_for_bottles_are_asked_about_before_anything_is_kept(shop, rep, bottles):
    said = counts(shop, rep, (shop.ids["product"], None, bottles))

    assert "是不是箱和瓶弄混了？" in said["question"]
    assert "系统记 4 箱（24 瓶）" in said["question"]
    assert shop.all(Observation) == []
    assert shop.all(StoreVisit) == []
    assert counts(shop, rep, (shop.ids["product"], None, bottles), sure=True)["kept"]
    assert sum(believed(shop).values()) == bottles


def test_wrong_clock_of_the_phone_is_a_claim(shop, rep):  # trap 37
    phone, _ = rep
    token_of_page = opened(phone)
    shop.clock.pass_by(hours=5)
    wrong = datetime(2031, 1, 1, tzinfo=UTC).isoformat()

    said = counts(shop, rep, (shop.ids["product"], None, 20), opened=token_of_page, seconds=3600, phone_time=wrong)

    [visit] = shop.all(StoreVisit)
    assert visit.counted_at == MONDAY + timedelta(hours=1)
    assert visit.recorded_at == MONDAY + timedelta(hours=5)
    assert visit.phone_time == datetime(2031, 1, 1, tzinfo=UTC)
    assert "手机时间和系统时间对不上" in said["sentence"]


def test_count_of_yesterday_that_comes_in_today_is_of_yesterday(shop, rep):
    phone, _ = rep
    token_of_page = opened(phone)
    shop.clock.pass_by(hours=26)

    counts(shop, rep, (shop.ids["product"], None, 20), opened=token_of_page, seconds=60)

    assert shop.all(Observation)[0].as_of == date(2025, 11, 24)


@pytest.mark.parametrize("seconds", [-5, 10**9, "soon", None, 1e308])
def test_time_nobody_can_have_waited_is_now_or_the_opening(shop, rep, seconds):
    phone, _ = rep
    token_of_page = opened(phone)
    shop.clock.pass_by(hours=1)

    counts(shop, rep, (shop.ids["product"], None, 20), opened=token_of_page, seconds=seconds)

    assert MONDAY <= shop.all(StoreVisit)[0].counted_at <= shop.clock()


def test_forged_opening_time_counts_for_nothing(shop, rep):
    counts(shop, rep, (shop.ids["product"], None, 20), opened="2020-01-01T00:00:00+00:00", seconds=1)

    assert shop.all(StoreVisit)[0].counted_at == shop.clock()


@pytest.mark.parametrize(
    "body",
    [
        {"lines": []},
        {"lines": "x"},
        {"lines": [7]},
        {"lines": [{"product_id": 1, "bottles": -1}]},
        {"lines": [{"product_id": 1, "bottles": 1.5}]},
        {"lines": [{"product_id": 1, "bottles": True}]},
        {"lines": [{"product_id": 1, "bottles": 10**9}]},
        {"lines": [{"product_id": 999, "bottles": 1}]},
        {"lines": [{"product_id": 1, "lot_id": [3], "bottles": 1}]},
        {"lines": [{"product_id": 1, "lot_id": 3, "bottles": 1}]},
        {"lines": [{"product_id": 1, "bottles": 1}, {"product_id": 1, "bottles": 2}]},
        {"lines": [{"product_id": 1, "bottles": 1}] * 501},
        {"lines": [{"product_id": 1, "bottles": 1}], "photos": ["0" * 64]},
        {"lines": [{"product_id": 1, "bottles": 1}], "client_id": "short"},
        {"lines": [{"product_id": 1, "bottles": 1}], "client_id": {"a": 1}},
    ],
)
def test_nonsense_is_refused_in_words_and_nothing_is_kept(shop, rep, body):
    phone, path = rep

    answer = posts(phone, path, "count", **{"client_id": ID, **body})

    assert answer.status_code == 409
    assert answer.json["sentence"]
    assert shop.all(Observation) == []
    assert shop.all(StoreVisit) == []


def test_products_are_found_by_name_and_by_the_code_on_a_bottle(shop, rep):
    phone, path = rep

    by_name = posts(phone, path, "find", words="天之").json["products"]
    by_code = posts(phone, path, "find", words=BOTTLES[0]).json["products"]
    nothing = posts(phone, path, "find", words="100%没有").json

    assert [(p["name"], p["believed"]) for p in by_name] == [("天之蓝", None)]
    assert [p["name"] for p in by_code] == ["海之蓝"]
    assert nothing["products"] == []
    assert "没有找到" in nothing["sentence"]


def test_product_nobody_knew_there_can_be_counted(shop, rep):
    with shop.services.database.read() as session:
        sky = session.scalars(select(Product.id).where(Product.code == "TZL")).one()

    assert counts(shop, rep, (sky, None, 5))["kept"]

    assert sum(s.bottles for s in shop.all(ChannelStock) if s.product_id == sky) == 5


@pytest.mark.parametrize("who", ["owner", "keeper", "driver"])
def test_only_a_rep_of_the_store_counts_there(shop, who):
    phone = shop.phone()
    path = shop.link("visit", shop.ids["S001"], who)

    assert phone.client.get(path).status_code == 403


def test_rep_who_left_cannot_count_through_an_old_page(shop, rep):
    def leave(session) -> None:
        for duty in session.get_one(Person, shop.ids["rep"]).assignments:
            duty.valid_to = date(2025, 11, 23)

    shop.write(leave)

    said = counts(shop, rep, (shop.ids["product"], None, 20))

    assert "没有权限" in said["sentence"]
    assert shop.all(Observation) == []


# The store's own page


def asked(shop: Shop, *codes: str) -> int:
    def work(session) -> int:
        ids = [session.scalars(select(Product.id).where(Product.code == code)).one() for code in codes]
        actor = actor_of(session.get_one(Person, shop.ids["rep"]), shop.clock(), "wecom")
        house = shop.services.house
        return request_counts(session, house, shop.ids["S001"], ids, actor, shop.clock(), CountReason.STALE).id

    return shop.write(work)


def test_store_confirms_on_its_page(shop):
    request = asked(shop, "HZL")
    phone, path = shop.phone(), shop.link("report", request, "owner")
    page = phone.opens(path)
    assert "上次记 4 箱（24 瓶），数据 176 天前，期初盘点" in page

    page = phone.sends(f"{path}/confirm", seen=True)

    assert "已登记，谢谢" in page
    assert shop.look(CountRequest, request).state is CountState.ANSWERED
    assert shop.all(Observation)[0].bottles == 24


def test_store_fills_in_other_numbers(shop):
    request = asked(shop, "HZL", "TZL")
    phone, path = shop.phone(), shop.link("report", request, "owner")
    page = phone.opens(path)
    assert "都没变" not in page  # of one product nothing is known

    fields = {f"cases_{shop.ids['product']}": "3", f"bottles_{shop.ids['product']}": "1"}
    page = phone.sends(f"{path}/correct", seen=True, **fields)

    assert "3 箱 1 瓶（19 瓶）" in page
    assert shop.look(CountRequest, request).state is CountState.ASKED  # the other one is still waited for


def test_store_that_mixed_up_cases_is_asked_and_its_numbers_stay_on_the_page(shop):
    request = asked(shop, "HZL")
    phone, path = shop.phone(), shop.link("report", request, "owner")
    phone.opens(path)
    fields = {f"cases_{shop.ids['product']}": "24", f"bottles_{shop.ids['product']}": ""}

    page = phone.sends(f"{path}/correct", seen=True, **fields)

    assert "是不是箱和瓶弄混了" in page
    assert f'name="cases_{shop.ids["product"]}" value="24"' in page
    assert shop.all(Observation) == []
    phone.sends(f"{path}/correct", seen=True, sure="yes", **fields)
    assert shop.all(Observation)[0].bottles == 144


@pytest.mark.parametrize("typed", ["-1", "1.5", "很多", "9" * 20])
def test_numbers_nobody_can_mean_are_refused(shop, typed):
    request = asked(shop, "HZL")
    phone, path = shop.phone(), shop.link("report", request, "owner")
    phone.opens(path)

    page = phone.sends(f"{path}/correct", seen=True, **{f"bottles_{shop.ids['product']}": typed})

    assert "看不懂" in page
    assert shop.all(Observation) == []


def test_page_of_an_answered_question_shows_the_answer(shop):
    request = asked(shop, "HZL")
    phone, path = shop.phone(), shop.link("report", request, "owner")
    phone.opens(path)
    phone.sends(f"{path}/confirm", seen=True)

    page = phone.opens(path)

    assert "已有数" in page
    assert "刘老板" in page
    assert "<form" not in page


def test_stranger_with_a_link_cannot_report(shop):
    request = asked(shop, "HZL")
    phone, path = shop.phone(), shop.link("report", request, "owner2")

    page = phone.opens(path)

    assert "只有这家店的人可以报数" in page


def test_visit_answers_what_the_store_was_asked(shop, rep):
    request = asked(shop, "HZL")

    counts(shop, rep, (shop.ids["product"], None, 20))

    assert shop.look(CountRequest, request).state is CountState.ANSWERED
    assert shop.look(CountRequest, request).lines[0].answered == 20


def test_counter_code_leads_the_store_to_its_question(shop):
    request = asked(shop, "HZL", "TZL")
    phone, path = shop.phone(), shop.link("report", request, "owner")
    phone.opens(path)
    fields = {f"bottles_{shop.ids['product']}": "20"}
    phone.sends(f"{path}/correct", seen=True, **fields)  # the device is the owner's now

    assert "等您报数" in phone.opens("/s/S001")
    page = phone.sends(f"/s/S001/counts/{request}")

    assert "还有多少？" in page
    assert phone.posts(f"/s/S002/counts/{request}").status_code == 403


def test_counter_code_leads_the_rep_to_the_count(shop, rep):
    counts(shop, rep, (shop.ids["product"], None, 20))
    phone, _ = rep

    assert "到店盘点" in phone.opens("/s/S002")
    page = phone.sends("/s/S002/visit")

    assert "二烟酒店" in page
    assert shop.phone().client.post("/s/S002/visit").status_code == 303  # without the form's token: back


def test_stranger_at_the_counter_sees_no_way_to_count(shop):
    asked(shop, "HZL")

    page = shop.phone().opens("/s/S001")

    assert "到店盘点" not in page
    assert "等您报数" not in page


def test_desk_shows_how_fresh_the_data_is_and_what_contradicts(shop):
    counts_on(shop, 10, 30)
    counts_on(shop, 3, 36)
    shop.services.sandbox = True
    desk = shop.app.test_client()

    overview = desk.get("/desk/freshness/").text
    store = desk.get("/desk/freshness/S001").text

    assert "33%" in overview
    assert overview.index("二烟酒店") < overview.index("一烟酒店")
    assert "算出的动销为负" in store
    assert "-6 瓶" in store
    assert desk.get("/desk/freshness/S999").status_code == 404


def counts_on(shop: Shop, days_ago: int, bottles: int) -> None:
    def work(session) -> None:
        day = date(2025, 11, 24) - timedelta(days=days_ago)
        key = f"count:{days_ago}"
        one = Seen(key, shop.ids["S001"], shop.ids["product"], None, bottles, day, StockSource.COUNT, "盘点")
        observe(session, [one], shop.clock())

    shop.write(work)
