"""The page of a count in a real Chromium on a narrow phone: steppers, photo, place, a dead network."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from models.catalog import Store
from models.observing import CountRequest, CountState, StoreVisit
from models.stock import Observation
from tests.test_browser_door import PHONE, chromium, shot  # noqa: F401 - the browser is a fixture
from tests.test_observe_visit import HERE, asked, counts_on
from tests.webapp import Shop, open_shop

pytestmark = pytest.mark.browser


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[Shop, str]]:
    """The shop behind a real web server; the first store's place is known."""
    base = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    address = f"http://127.0.0.1:{base.server_port}"
    shop = open_shop(tmp_path, sandbox=True, public_url=address)

    def place(session) -> None:
        store = session.get_one(Store, shop.ids["S001"])
        store.latitude, store.longitude, store.address = HERE["latitude"], HERE["longitude"], "城东路 1 号"

    shop.write(place)
    base.app = shop.app
    thread = threading.Thread(target=base.serve_forever, daemon=True)
    thread.start()
    yield shop, address
    base.shutdown()
    thread.join()
    base.server_close()


@pytest.fixture
def visit(chromium, served) -> Iterator[tuple[Shop, Page]]:  # noqa: F811 - the fixture of the same name
    """The rep's phone, standing in the store, on the page of its count."""
    shop, address = served
    asked(shop, "HZL")
    context = chromium.new_context(
        viewport=PHONE, has_touch=True, locale="zh-CN", geolocation=HERE, permissions=["geolocation"]
    )
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if "Content Security" in line.text else None)
    page.goto(address + shop.link("visit", shop.ids["S001"], "rep"))
    yield shop, page
    context.close()
    assert troubles == []


def picture(page: Page, tmp_path) -> str:
    path = tmp_path / "shelf.png"
    page.screenshot(path=str(path))
    return str(path)


def fills(page: Page, name: str, cases: str, bottles: str) -> None:
    page.fill(f'[aria-label="{name} 箱数"]', cases)
    page.fill(f'[aria-label="{name} 瓶数"]', bottles)


def test_page_shows_the_last_number_and_counts_nothing_by_itself(visit):
    _, page = visit

    expect(page.locator(".count")).to_contain_text("系统记 4 箱（24 瓶） · 数据 176 天前，期初盘点")
    expect(page.locator(".count .tag")).to_have_text("请数")
    expect(page.locator("#submit")).to_be_disabled()
    shot(page, "visit-open")


def test_count_with_photo_and_place_is_kept(visit, tmp_path):
    shop, page = visit
    fills(page, "海之蓝", "3", "2")
    expect(page.locator(".count .tag").last).to_have_text("少 4 瓶")
    expect(page.locator("#sum")).to_have_text("已点 1 种，共 20 瓶")
    page.set_input_files("#photo", picture(page, tmp_path))
    expect(page.locator("#thumbs img")).to_have_count(1)
    expect(page.locator("#place")).to_have_text("位置：已取到")
    shot(page, "visit-filled")

    page.click("#submit")

    # The house of this test lives in 2025, so the phone is told that its clock is off.
    expect(page.locator("#answer")).to_have_text(
        "已保存：1 种酒共 20 瓶，可信度 95%。手机时间和系统时间对不上，以系统时间为准。"
    )
    shot(page, "visit-kept")
    [kept] = shop.all(StoreVisit)
    assert (kept.bottles, kept.metres_away, kept.has_photo) == (20, 0, True)
    assert shop.all(CountRequest)[0].state is CountState.ANSWERED
    expect(page.locator(".count")).to_contain_text("系统记 3 箱 2 瓶（20 瓶） · 刚刚盘点")


def test_steppers_and_lots(visit):
    shop, page = visit
    page.get_by_role("button", name="分批次").click()
    page.get_by_role("button", name="批次 B2501 减一箱").click()
    page.get_by_role("button", name="批次 B2502 加一瓶").click()
    expect(page.locator("#sum")).to_have_text("已点 1 种，共 19 瓶")
    shot(page, "visit-lots")

    page.click("#submit")

    expect(page.locator("#answer")).to_contain_text("已保存")
    assert {o.lot_id: o.bottles for o in shop.all(Observation)} == {shop.ids["lot"]: 12, shop.ids["lot2"]: 7}


def test_offline_count_waits_in_the_phone_with_its_photo_and_is_kept_once(visit, tmp_path):
    shop, page = visit
    photo = picture(page, tmp_path)
    page.context.set_offline(True)
    fills(page, "海之蓝", "3", "3")
    page.set_input_files("#photo", photo)
    expect(page.locator("#thumbs img")).to_have_count(1)
    page.click("#submit")
    expect(page.locator("#answer")).to_have_text("没有网络，已存在手机里，有网时自动上传。")
    expect(page.locator("#pending")).to_be_visible()
    shot(page, "visit-offline")
    address = page.url
    page.goto("about:blank")
    assert shop.all(StoreVisit) == []

    page.context.set_offline(False)
    page.goto(address)

    expect(page.locator("#answer")).to_contain_text("已保存：1 种酒共 21 瓶")
    [kept] = shop.all(StoreVisit)
    assert (kept.bottles, kept.has_photo) == (21, True)


def test_answer_that_was_lost_on_the_way_does_not_count_twice(visit):
    shop, page = visit
    lost = []

    def lose(route) -> None:
        lost.append(route.fetch())  # it reaches the house, and the answer never reaches the phone
        route.abort()

    page.route("**/count", lose, times=1)
    page.get_by_role("button", name="一样").click()
    page.click("#submit")
    expect(page.locator("#answer")).to_contain_text("已存在手机里")

    page.evaluate("window.dispatchEvent(new Event('online'))")

    expect(page.locator("#answer")).to_contain_text("已保存：1 种酒共 24 瓶")
    assert len(lost) == len(shop.all(StoreVisit)) == len(shop.all(Observation)) == 1


def test_cases_taken_for_bottles_are_asked_about(visit):
    shop, page = visit
    fills(page, "海之蓝", "0", "4")
    expect(page.locator(".count .tag.bad")).to_contain_text("是不是箱和瓶弄混了？")

    page.click("#submit")
    expect(page.locator("#question")).to_be_visible()
    shot(page, "visit-question")
    assert shop.all(StoreVisit) == []
    page.get_by_role("button", name="改一下").click()
    fills(page, "海之蓝", "4", "0")
    page.click("#submit")

    expect(page.locator("#answer")).to_contain_text("共 24 瓶")


def test_asked_back_and_meant(visit):
    shop, page = visit
    fills(page, "海之蓝", "0", "4")
    page.click("#submit")

    page.click("#sure")

    expect(page.locator("#answer")).to_contain_text("共 4 瓶")
    assert shop.all(StoreVisit)[0].bottles == 4


def test_product_that_is_not_listed_is_found_and_counted(visit):
    _, page = visit
    page.fill("#find-words", "天之")
    page.press("#find-words", "Enter")
    page.get_by_role("button", name="天之蓝 52 度 480 mL").click()
    fills(page, "天之蓝", "1", "0")

    page.click("#submit")

    expect(page.locator("#answer")).to_contain_text("已保存：1 种酒共 6 瓶")
    shot(page, "visit-found")
    expect(page.locator(".count")).to_have_count(2)


def test_refused_count_stays_to_be_mended(visit):
    shop, page = visit
    page.get_by_role("button", name="一样").click()
    page.evaluate("localStorage.clear()")
    shop.write(lambda session: setattr(session.get_one(Store, shop.ids["S001"]), "region", "城西"))

    page.click("#submit")

    expect(page.locator("#answer")).to_contain_text("没有权限")
    expect(page.locator("#pending")).to_be_hidden()
    expect(page.locator("#sum")).to_have_text("已点 1 种，共 24 瓶")


def test_page_fits_a_narrow_phone(visit):
    _, page = visit
    page.get_by_role("button", name="分批次").click()

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_store_reports_on_its_own_page(visit):
    shop, page = visit
    page.context.clear_cookies()  # another phone: the owner's
    page.goto(shop.services.house.public_url + shop.link("report", 1, "owner"))
    expect(page.locator("body")).to_contain_text("上次记 4 箱（24 瓶），数据 176 天前，期初盘点")
    shot(page, "report-open")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.fill('[aria-label="海之蓝 箱数"]', "24")
    page.fill('[aria-label="海之蓝 瓶数"]', "")
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_role("status")).to_contain_text("是不是箱和瓶弄混了")
    shot(page, "report-doubt")
    page.fill('[aria-label="海之蓝 箱数"]', "3")
    page.get_by_role("button", name="提交").click()

    expect(page.get_by_role("status")).to_contain_text("已登记，谢谢")
    shot(page, "report-done")
    assert shop.all(Observation)[0].bottles == 18


def test_desk_page_of_freshness_can_be_read(visit):
    shop, page = visit
    counts_on(shop, 10, 30)
    counts_on(shop, 3, 36)
    page.set_viewport_size({"width": 1180, "height": 700})

    page.goto(f"{shop.services.house.public_url}/desk/freshness/")
    expect(page.locator(".tile .n").first).to_have_text("33%")
    shot(page, "freshness")
    page.get_by_role("link", name="一烟酒店").click()

    expect(page.locator("tr.bad")).to_contain_text("算出的动销为负")
    shot(page, "freshness-store")
