"""The page of a warning: who sees it, what it shows, and every button on it, on both databases."""

import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from models.catalog import Store
from models.observing import CountRequest
from models.recall import Campaign
from models.stock import SalesRate, StockSource
from models.warning import StockWarning, WarningEvent, WarningState
from rules.warnings import Metric
from tests.test_browser_door import CHROMIUM, PHONE, chromium, served  # noqa: F401 - fixtures
from tests.webapp import Phone, Shop, open_shop
from workflows.refusals import NotPermitted

SHOTS = os.environ.get("JIUHUI_SCREENSHOTS", "")
COVER = {
    "metric": Metric.MONTHS_OF_COVER.value, "day": "2025-11-24", "received_on": "2025-06-01", "source": "visit",
    "as_of": "2025-11-20", "monthly_millibottles": 2_000, "history_months": 6, "price_fen": 12_800,
}  # fmt: skip


@pytest.fixture
def shop(tmp_path, database_url) -> Iterator[Shop]:
    shop = open_shop(tmp_path, url=database_url)
    yield shop
    shop.services.database.close()


def warn(shop: Shop, store: str = "S001", **columns: Any) -> int:
    usual: dict[str, Any] = {
        "state": WarningState.FIRING, "rule": "overstock", "rule_version": "v1", "level": 2, "store_id": shop.ids[store],
        "product_id": shop.ids["product"], "bottles": 24, "value": 12_000, "threshold": 6_000, "loss_fen": 153_600,
        "figures": COVER, "fired_on": date(2025, 11, 20), "seen_on": date(2025, 11, 24), "version": 1, "visit": 1,
        "changed_at": shop.clock(),
    }  # fmt: skip

    def work(session: Any) -> int:
        warning = StockWarning(**{**usual, **columns})
        session.add(warning)
        session.flush()
        return warning.id

    return int(shop.write(work))


def at_desk(shop: Shop, who: str) -> Phone:
    phone = shop.phone()
    phone.opens(shop.link("desk", 0, who))
    phone.sends(shop.link("desk", 0, who) + "/enter")
    return phone


def now(shop: Shop, number: int) -> StockWarning:
    return shop.look(StockWarning, number)


# Who sees it


@pytest.mark.parametrize("who", ["rep", "manager", "boss"])
def test_shown_to_whoever_looks_after_the_store(shop, who):
    number = warn(shop)

    page = at_desk(shop, who).opens(f"/w/{number}")

    for words in (
        "一烟酒店 · 海之蓝",
        "4 箱（24 瓶）",
        "3,072.00 元",
        "1,536.00 元",
        "预警中",
        "可销月数 12.0 个月，门槛 6.0 个月",
    ):
        assert words in page


@pytest.mark.parametrize("who", ["west", "owner", "owner2", "nobody"])
def test_others_are_told_how_to_go_on_and_nothing_else(shop, who):
    number = warn(shop)
    phone = shop.phone()
    if who == "west":
        phone = at_desk(shop, who)
    elif who != "nobody":
        _, task = shop.running(stores=("S001", "S002"))
        phone.opens(shop.link("task", task, "owner"))

    page = phone.opens(f"/w/{number}")

    assert "只给负责的业务员、经理和老板看" in page
    assert not re.search("海之蓝|元|一烟酒店|24 瓶", page)


def test_a_number_that_is_not_there_looks_like_one_that_is_not_yours(shop):
    assert "只给负责的业务员" in at_desk(shop, "boss").opens("/w/999")


def test_whoever_may_only_look_has_no_buttons(shop):
    number = warn(shop)

    page = at_desk(shop, "keeper").opens(f"/w/{number}")

    assert "一烟酒店" in page
    assert 'method="post"' not in page
    with pytest.raises(NotPermitted):
        shop.does("keeper", StockWarning, number, "acknowledge")


def test_whoever_was_given_it_sees_it(shop):
    number = warn(shop, assignee_id=shop.ids["west"])

    page = at_desk(shop, "west").opens(f"/w/{number}")

    assert "负责人：西区经理" in page


def test_the_name_of_a_store_is_no_markup(shop):
    number = warn(shop)
    shop.write(lambda session: setattr(session.get(Store, shop.ids["S001"]), "name", "<script>alert(1)</script>"))

    page = at_desk(shop, "rep").opens(f"/w/{number}")

    assert "<script>alert" not in page


# What can be done


def test_knowing(shop):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    page = phone.sends(f"/w/{number}/acknowledge", seen=True)

    assert "已知晓。" in page
    assert "王芳已于 11 月 24 日 10:00 知晓" in page
    assert f"/w/{number}/acknowledge" not in page
    assert now(shop, number).acked_level == 2


@pytest.mark.parametrize("days", ["1", "3", "7"])
def test_later(shop, days):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    page = phone.sends(f"/w/{number}/snooze", seen=True, days=days, reason="店主周五自己来拉")

    assert "王芳：店主周五自己来拉" in page
    assert now(shop, number).snoozed_until == date(2025, 11, 24) + timedelta(days=int(days))


@pytest.mark.parametrize("days", ["0", "31", "-1", "abc", "99999999999", "１", "3.5"])
def test_a_span_that_makes_no_sense_is_refused(shop, days):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    page = phone.sends(f"/w/{number}/snooze", seen=True, days=days)

    assert 'class="notice bad"' in page
    assert now(shop, number).snoozed_until is None


def test_ignoring_needs_a_reason_and_can_be_taken_back(shop):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")
    assert "忽略要写明原因" in phone.sends(f"/w/{number}/dismiss", seen=True, reason="  ")

    page = phone.sends(f"/w/{number}/dismiss", seen=True, reason="下周有宴席", days="7")
    assert "王芳已忽略到 12 月 1 日（下周有宴席）；库存离开 19 至 29 瓶" in page

    assert "预警中" in phone.sends(f"/w/{number}/reopen", seen=True)


def test_a_reason_as_long_as_a_letter_is_refused(shop):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    assert "文字太长了" in phone.sends(f"/w/{number}/dismiss", seen=True, reason="长" * 300)


def test_giving_it_to_somebody(shop):
    number = warn(shop)
    phone = at_desk(shop, "manager")
    page = phone.opens(f"/w/{number}")
    assert "李经理（我来）" in page
    assert "西区经理" not in page

    page = phone.sends(f"/w/{number}/assign", seen=True, person=str(shop.ids["rep"]))

    assert "已转给王芳" in page
    assert "负责人：王芳" in page


@pytest.mark.parametrize("person", ["west", "owner", "", "9999", "x"])
def test_not_given_to_somebody_who_does_not_answer_for_the_store(shop, person):
    number = warn(shop)
    phone = at_desk(shop, "manager")
    phone.opens(f"/w/{number}")

    page = phone.sends(f"/w/{number}/assign", seen=True, person=str(shop.ids.get(person, person)))

    assert "可以转给：王芳、李经理、周总" in page
    assert now(shop, number).assignee_id is None


def test_starting_a_take_back(shop):
    number = warn(shop)
    phone = at_desk(shop, "manager")
    phone.opens(f"/w/{number}")

    page = phone.sends(f"/w/{number}/start_recall", seen=True)

    [campaign] = shop.all(Campaign)
    assert f"已发起回收 {campaign.number}" in page
    assert f"李经理已于 11 月 24 日 10:00 发起回收 {campaign.number}" in page


def test_asking_for_a_count(shop):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    page = phone.sends(f"/w/{number}/ask_count", seen=True)

    assert "已请门店报数" in page
    assert [request.store_id for request in shop.all(CountRequest)] == [shop.ids["S001"]]


def test_stores_that_could_take_the_goods_are_listed(shop):
    number = warn(shop)
    shop.write(lambda session: session.add(rate(shop, "S002", 20_000)))
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    page = phone.sends(f"/w/{number}/find_transfer", seen=True)

    assert "调剂建议" in page
    assert "二烟酒店" in page
    assert "12 瓶" in page


def test_no_store_that_could_take_the_goods_is_said_and_changes_nothing(shop):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    assert f"可以改为：发起回收 W{number}" in phone.sends(f"/w/{number}/find_transfer", seen=True)
    assert now(shop, number).version == 1


def rate(shop: Shop, store: str, monthly: int) -> SalesRate:
    return SalesRate(
        store_id=shop.ids[store], product_id=shop.ids["product"], monthly_millibottles=monthly, months=6,
        as_of=date(2025, 11, 20), source=StockSource.INFERRED,
    )  # fmt: skip


# Two people at once, and what was not meant


def test_of_two_people_the_second_is_shown_what_the_first_did(shop):
    number = warn(shop)
    first, second = at_desk(shop, "rep"), at_desk(shop, "manager")
    first.opens(f"/w/{number}")
    second.opens(f"/w/{number}")
    first.sends(f"/w/{number}/dismiss", seen=True, reason="下周有宴席")

    page = second.sends(f"/w/{number}/start_recall", seen=True)

    assert "刚才有人先处理了" in page
    assert "王芳已忽略到" in page
    assert shop.all(Campaign) == []


def test_nobody_acts_without_the_pages_own_token(shop):
    number = warn(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")

    phone.client.post(f"/w/{number}/acknowledge", data={"csrf": "forged"})

    assert now(shop, number).version == 1


@pytest.mark.parametrize("verb", ["resolve", "fire", "refire", "anything", "%00"])
def test_what_only_the_scan_does_cannot_be_posted(shop, verb):
    number = warn(shop)
    phone = at_desk(shop, "boss")
    phone.opens(f"/w/{number}")

    assert phone.posts(f"/w/{number}/{verb}").status_code == 404


def test_looking_changes_nothing(shop):
    number = warn(shop)
    phone = at_desk(shop, "rep")

    for _ in range(2):
        phone.opens(f"/w/{number}")

    assert now(shop, number).version == 1


# Marks and life


def test_marks_are_told_in_words(shop):
    _, task = shop.running(stores=("S001",))
    graver = warn(shop, lot_id=1)
    one = warn(shop, inhibited_by=f"recall:{task}", stale=True, flaps=2, escalated=1)
    two = warn(shop, lot_id=2, inhibited_by=f"warning:{graver}")
    phone = at_desk(shop, "boss")

    page = phone.opens(f"/w/{one}")
    assert re.search(r"被回收任务 R\d+-\d+ 压住", page)
    assert "数据过期：库存是 11 月 20 日的（4 天前），请先盘点" in page
    assert "反复 2 次" in page
    assert "没有人处理，已报区域经理" in page
    assert f"被更严重的预警 W{graver} 压住" in phone.opens(f"/w/{two}")


def test_life_is_told_in_order_by_people_and_scan(shop):
    number = warn(shop, version=2)
    event = {"warning_id": number, "from_state": "", "level": 2, "value": 12_000, "bottles": 24, "rule_version": "v1"}
    shop.write(
        lambda session: session.add_all(
            [
                WarningEvent(version=1, day=date(2025, 11, 20), event="pending", to_state="pending", **event),
                WarningEvent(version=2, day=date(2025, 11, 23), event="fired", to_state="firing", **event),
            ]
        )
    )
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{number}")
    page = phone.sends(f"/w/{number}/snooze", seen=True, days="3", reason="店主周五来拉")

    life = page[page.index("经过") :]
    places = [
        life.index(words) for words in ("稍后提醒，到 2025-11-27", "开始报警（橙，12.0 个月，24 瓶）", "开始观察")
    ]
    assert places == sorted(places)


def test_every_figure_is_traced_on_the_page(shop):
    number = warn(shop)

    page = at_desk(shop, "rep").opens(f"/w/{number}")

    assert "可销月数 = 库存 24 瓶 ÷ 月均 2.0 瓶 = 12.0 个月" in page
    assert "业务员到店盘点，2025-11-20（4 天前），可信度 95%" in page
    assert "版本 v1" in page


def test_a_warning_of_a_whole_store_has_a_page_too(shop):
    figures = {"metric": "turnover", "day": "2025-11-24", "source": "count", "as_of": "2025-11-20"}
    number = warn(shop, product_id=0, rule="turnover", figures=figures, value=3_500, threshold=3_000)

    page = at_desk(shop, "rep").opens(f"/w/{number}")

    assert "一烟酒店" in page
    assert f"/w/{number}/start_recall" not in page
    assert f"/w/{number}/acknowledge" in page


def test_a_warning_that_is_over_says_why_and_offers_nothing(shop):
    number = warn(shop, state=WarningState.RESOLVED, cause="recalled", resolved_on=date(2025, 11, 23))

    page = at_desk(shop, "rep").opens(f"/w/{number}")

    assert "11 月 23 日解除：已回收" in page
    assert 'method="post"' not in page


# In a real browser


@pytest.fixture
def phone_page(chromium, served) -> Iterator[tuple[Shop, Page, str]]:  # noqa: F811 - a fixture
    shop, address = served
    context = chromium.new_context(viewport=PHONE, has_touch=True, locale="zh-CN")
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if "Content Security" in line.text else None)
    page.on("dialog", lambda dialog: dialog.accept())
    yield shop, page, address
    context.close()
    assert troubles == []


@pytest.mark.browser
def test_page_fits_a_phone_and_its_buttons_work(phone_page):
    shop, page, address = phone_page
    shop.write(lambda session: session.add_all([rate(shop, "S002", 20_000), rate(shop, "S001", 2_000)]))
    number = warn(shop, assignee_id=shop.ids["rep"], flaps=1, stale=True)
    page.goto(f"{address}/w/{number}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shot(page, "warning-firing")

    page.get_by_text("稍后提醒", exact=True).click()
    page.get_by_role("button", name="3 天").click()
    page.get_by_text("再提醒").first.wait_for()
    shot(page, "warning-snoozed")
    page.get_by_role("button", name="找调剂").click()
    page.get_by_text("调剂建议").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shot(page, "warning-transfer")
    page.get_by_role("button", name="发起回收").click()
    page.get_by_text("已发起回收").first.wait_for()

    assert now(shop, number).state is WarningState.IN_ACTION
    shot(page, "warning-in-action")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
