"""The door page in a real Chromium: typed scans, a dead network, two signatures drawn, a paper at the end."""

import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from werkzeug.serving import make_server

from models.recall import HandoverState, RecallTask, Scan, TaskState
from tests.webapp import BOTTLES, CASE, FOREIGN, Shop, open_shop

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 360, "height": 740}
SHOTS = os.environ.get("JIUHUI_SCREENSHOTS", "")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail("Chromium is required here and is not installed")
        warnings.simplefilter("default")
        pytest.skip("NOT TESTED IN A BROWSER: /usr/bin/chromium is missing (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET, headless=True)
        yield browser
        browser.close()


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[Shop, str]]:
    """The shop behind a real web server on this machine."""
    base = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    address = f"http://127.0.0.1:{base.server_port}"
    shop = open_shop(tmp_path, sandbox=True, public_url=address)
    base.app = shop.app
    thread = threading.Thread(target=base.serve_forever, daemon=True)
    thread.start()
    yield shop, address
    base.shutdown()
    thread.join()
    base.server_close()


@pytest.fixture
def door(chromium, served) -> Iterator[tuple[Shop, Page]]:
    """The rep's phone on the door page of a task the store agreed to."""
    shop, address = served
    _, task = shop.running()
    shop.does("owner", RecallTask, task, "answer_all")
    context = chromium.new_context(viewport=PHONE, has_touch=True, locale="zh-CN")
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if "Content Security" in line.text else None)
    page.goto(address + shop.link("door", task, "rep"))
    yield shop, page
    context.close()
    assert troubles == []


def scans(page: Page, text: str) -> None:
    page.fill("#scan-text", text)
    page.press("#scan-text", "Enter")


def signs(page: Page, field: str, slant: int) -> None:
    pad = page.locator(f'canvas[data-field="{field}"]')
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90 + slant, steps=6)
    page.mouse.move(box["x"] + 220, box["y"] + 40, steps=6)
    page.mouse.up()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_scans_are_answered_at_once_in_colour_and_words(door):
    _, page = door
    answer = page.locator("#answer")

    scans(page, CASE)
    expect(answer).to_have_text("已计 6 瓶，B2501 批次。")
    expect(answer).to_have_class("answer ok")
    scans(page, BOTTLES[0])
    expect(answer).to_contain_text("没有重复计")
    expect(answer).to_have_class("answer twice")
    scans(page, FOREIGN)
    expect(answer).to_have_class("answer no")
    shot(page, "door-scans")


def test_lines_and_undo_follow_the_server(door):
    shop, page = door
    scans(page, CASE)
    first = page.locator("#lots tr").first
    expect(first).to_contain_text("6")

    page.locator("#log button").first.click()

    expect(page.locator("#answer")).to_contain_text("已撤销")
    expect(first.locator("td").nth(2)).to_have_text("0")
    assert [scan.verdict for scan in shop.all(Scan)] == ["undone"]


def test_offline_scans_wait_in_the_phone_and_count_once(door):
    shop, page = door
    page.context.set_offline(True)
    for bottle in BOTTLES[:3]:
        scans(page, bottle)
    expect(page.locator("#pending")).to_have_text("待上传 3 条")
    shot(page, "door-offline")
    assert shop.all(Scan) == []

    page.context.set_offline(False)

    expect(page.locator("#pending")).to_be_hidden()
    expect(page.locator("#lots tr").first.locator("td").nth(2)).to_have_text("3")
    assert sum(scan.bottles for scan in shop.all(Scan)) == 3


def test_queue_survives_closing_the_page(door):
    shop, page = door
    page.context.set_offline(True)
    scans(page, BOTTLES[0])
    expect(page.locator("#pending")).to_have_text("待上传 1 条")
    address = page.url
    page.goto("about:blank")

    page.context.set_offline(False)
    page.goto(address)

    expect(page.locator("#lots tr").first.locator("td").nth(2)).to_have_text("1")
    assert len(shop.all(Scan)) == 1


def test_typed_line_without_a_code_asks_for_a_photo_and_takes_it(door, tmp_path):
    shop, page = door
    picture = tmp_path / "bottle.png"
    page.screenshot(path=str(picture))
    page.click("#manual > summary")
    page.fill("#manual-bottles", "2")
    page.click("#manual-form button")
    expect(page.locator("#answer")).to_contain_text("要拍一张照片")

    page.set_input_files("#manual-photo", str(picture))
    page.click("#manual-form button")

    expect(page.locator("#answer")).to_contain_text("已计 2 瓶")
    assert shop.photo_kept(shop.all(Scan)[-1].photo)


def test_both_sign_and_the_paper_is_shown(door):
    shop, page = door
    scans(page, CASE)
    expect(page.locator("#answer")).to_have_class("answer ok")
    expect(page.locator("#rest-bottles")).to_have_text("18")
    page.fill("#giver", "刘老板")
    page.fill("#rest-day", "2025-11-28")

    page.click("#sign-button")
    expect(page.locator("#sign-answer")).to_have_text("店主还没有签字。")
    signs(page, "giver_png", 0)
    signs(page, "taker_png", 25)
    shot(page, "door-signing")
    page.click("#sign-button")

    expect(page.get_by_text("交接单 JJ20251124-0001")).to_be_visible()
    shot(page, "door-signed")
    assert shop.last_handover().state == HandoverState.IN_TRANSIT
    assert shop.look(RecallTask, 1).state == TaskState.COLLECTING


def test_signature_can_be_cleared(door):
    _, page = door
    scans(page, CASE)
    page.fill("#giver", "刘老板")
    page.fill("#rest-day", "2025-11-28")
    signs(page, "giver_png", 0)
    signs(page, "taker_png", 25)
    page.click('[data-clear="taker_png"]')

    page.click("#sign-button")

    expect(page.locator("#sign-answer")).to_have_text("业务员还没有签字。")


def test_page_fits_a_narrow_phone(door):
    _, page = door

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_keeper_signs_for_the_count_in_the_warehouse(door):
    shop, page = door
    scans(page, CASE)
    page.fill("#giver", "刘老板")
    page.fill("#rest-day", "2025-11-28")
    signs(page, "giver_png", 0)
    signs(page, "taker_png", 25)
    page.click("#sign-button")
    expect(page.get_by_text("交接单 JJ20251124-0001")).to_be_visible()
    hand = shop.last_handover().id
    page.context.clear_cookies()  # the keeper has a telephone of their own
    page.goto(shop.services.house.public_url + shop.link("warehouse", hand, "keeper"))

    page.fill(f'[name="bottles_{shop.ids["lot"]}"]', "6")
    page.get_by_role("button", name="确认入库").click()
    expect(page.locator("[data-complaint]")).to_have_text("仓管还没有签字。")
    signs(page, "signature_png", 10)
    page.get_by_role("button", name="确认入库").click()

    expect(page.get_by_role("status")).to_contain_text("数量与交接单一致")
    page.fill(f'[name="A_{shop.ids["lot"]}"]', "4")
    expect(page.locator("[data-left]")).to_have_text("还差 2 瓶")
    shot(page, "warehouse-grading")
    assert shop.last_handover().state == HandoverState.RECEIVED
