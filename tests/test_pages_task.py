"""The store's page: answers by plain forms, refusals in words, one device per link."""

import pytest

from models.recall import RecallTask, TaskState
from tests.webapp import Shop, open_shop
from web import approval_page, task_page, warehouse_page
from workflows.flow import FLOWS
from workflows.links import link_for


@pytest.fixture
def shop(tmp_path):
    return open_shop(tmp_path)


def opened(shop: Shop):
    """The owner's phone on the page of a running task."""
    _, task = shop.running()
    path = shop.link("task", task, "owner")
    phone = shop.phone()
    phone.opens(path)
    return phone, path, task


def test_task_page_says_what_is_asked(shop):
    phone, _, _ = opened(shop)

    assert "海之蓝" in phone.page
    assert "B2501" in phone.page
    assert "4 箱（24 瓶）" in phone.page
    assert "卖得慢" in phone.page
    assert "12 月 1 日（周一）" in phone.page


def test_get_changes_nothing_and_claims_no_device(shop):
    phone, path, task = opened(shop)
    before = shop.look(RecallTask, task).version

    shop.phone().opens(path)
    phone.opens(path)

    assert shop.look(RecallTask, task).version == before


def test_answer_all_is_declared_and_page_says_what_is_next(shop):
    phone, path, task = opened(shop)

    page = phone.sends(f"{path}/answer_all", seen=True)

    assert "收到：全部退回，海之蓝 4 箱（24 瓶）" in page
    assert "接下来" in page
    assert "王芳" in page
    assert shop.look(RecallTask, task).state == TaskState.COLLECTING


def test_notice_is_shown_once(shop):
    phone, path, _ = opened(shop)
    phone.sends(f"{path}/answer_all", seen=True)

    assert "收到：全部退回" not in phone.opens(path)


def test_answer_part_takes_cases_and_bottles_per_lot(shop):
    phone, path, task = opened(shop)
    lot, lot2 = shop.ids["lot"], shop.ids["lot2"]

    fields = {f"cases_{lot}": "2", f"bottles_{lot}": "1", f"bottles_{lot2}": "3"}
    page = phone.sends(f"{path}/answer_part", seen=True, **fields)

    assert "部分退回，海之蓝 2 箱 4 瓶（16 瓶）" in page
    declared = {line.lot_id: line.declared for line in shop.look(RecallTask, task).lines}
    assert declared == {lot: 13, lot2: 3}


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("", "请填要退的数量"),
        ("19", "最多 18 瓶"),
        ("-3", "看不懂"),
        ("2.5", "看不懂"),
        ("１２", "看不懂"),
        ("9" * 30, "看不懂"),
    ],
)
def test_answer_part_refuses_amounts_that_make_no_sense(shop, amount, sentence):
    phone, path, task = opened(shop)

    page = phone.sends(f"{path}/answer_part", seen=True, **{f"bottles_{shop.ids['lot']}": amount})

    assert sentence in page
    assert shop.look(RecallTask, task).state == TaskState.ASKED


def test_sold_out_waits_for_the_rep(shop):
    phone, path, task = opened(shop)

    page = phone.sends(f"{path}/answer_sold_out", seen=True)

    assert "来核实" in page
    assert shop.look(RecallTask, task).state == TaskState.SOLD_OUT


def test_problem_needs_words_and_keeps_them(shop):
    phone, path, task = opened(shop)

    assert "请写一句是什么问题" in phone.sends(f"{path}/problem", seen=True, note="  ")
    page = phone.sends(f"{path}/problem", seen=True, note="有 2 瓶<b>瓶盖</b>破了")

    assert shop.look(RecallTask, task).state == TaskState.TROUBLED
    assert "有 2 瓶&lt;b&gt;瓶盖&lt;/b&gt;破了" in page


def test_reschedule_wants_a_day_that_is_not_over(shop):
    phone, path, task = opened(shop)
    phone.sends(f"{path}/answer_all", seen=True)

    assert "已经过去" in phone.sends(f"{path}/reschedule", seen=True, day="2025-11-01")
    assert "请选择一个日期" in phone.sends(f"{path}/reschedule", seen=True, day="明天")
    phone.sends(f"{path}/reschedule", seen=True, day="2025-11-28")

    assert shop.look(RecallTask, task).promised_on.isoformat() == "2025-11-28"


def test_older_page_is_refused_and_shows_how_things_stand(shop):
    phone, path, task = opened(shop)
    shop.does("owner", RecallTask, task, "answer_sold_out")

    page = phone.sends(f"{path}/answer_all", seen=True)

    assert "notice bad" in page
    assert shop.look(RecallTask, task).state == TaskState.SOLD_OUT


def test_second_device_gets_a_sentence_not_the_page(shop):
    phone, path, _ = opened(shop)
    phone.sends(f"{path}/answer_all", seen=True)
    other = shop.phone()

    response = other.client.get(path)

    assert response.status_code == 410
    assert "海之蓝" not in response.text


def test_second_device_that_was_open_already_cannot_act(shop):
    phone, path, task = opened(shop)
    other = shop.phone()
    other.opens(path)
    phone.sends(f"{path}/answer_all", seen=True)

    response = other.posts(f"{path}/answer_sold_out")

    assert response.status_code == 410
    assert shop.look(RecallTask, task).state == TaskState.COLLECTING


@pytest.mark.parametrize("token", ["x", "a.b.c", "MQ.forged-forged-forged", "%00", "1" * 3000])
def test_forged_link_is_a_friendly_page(shop, token):
    response = shop.phone().client.get(f"/t/{token}")

    assert response.status_code == 410
    assert "我的任务" in response.text


def test_expired_link_says_how_to_get_a_fresh_one(shop):
    _, path, _ = opened(shop)
    shop.clock.pass_by(days=40)

    response = shop.phone().client.get(path)

    assert response.status_code == 410
    assert "我的任务" in response.text


def test_form_without_token_is_refused(shop):
    phone, path, task = opened(shop)

    response = phone.client.post(f"{path}/answer_all", data={})

    assert response.status_code == 303
    assert "请再点一次" in phone.opens(path)
    assert shop.look(RecallTask, task).state == TaskState.ASKED


def test_token_of_another_device_is_refused(shop):
    phone, path, task = opened(shop)
    other = shop.phone()
    other.opens(path)

    response = other.client.post(f"{path}/answer_all", data={"csrf": phone.field("csrf")})

    assert response.status_code == 303
    assert shop.look(RecallTask, task).state == TaskState.ASKED


def test_unknown_verb_is_not_found(shop):
    phone, path, _ = opened(shop)

    assert phone.posts(f"{path}/approve").status_code == 404
    assert phone.posts(f"{path}/stop").status_code == 404


def test_person_of_another_store_is_not_permitted(shop):
    _, own = shop.running(stores=("S002",))
    _, task = shop.running()
    phone = shop.phone()
    phone.opens(shop.link("task", own, "owner2"))  # gives the device its token
    path = shop.link("task", task, "owner2")

    page = phone.sends(f"{path}/answer_all")

    assert "没有权限全部退回" in page
    assert "请选一个答复" not in page
    assert shop.look(RecallTask, task).state == TaskState.ASKED


def test_oversized_form_is_refused(shop):
    phone, path, _ = opened(shop)

    response = phone.posts(f"{path}/problem", note="长" * 200_000)

    assert response.status_code == 413
    assert "太大" in response.text


def test_page_is_small_for_slow_phones(shop):
    phone, _, _ = opened(shop)
    files = ["/static/jiuhui.css", "/static/font.js", "/static/forms.js"]

    total = len(phone.page.encode()) + sum(len(phone.client.get(name).data) for name in files)

    assert total < 60_000


def test_headers_keep_scripts_and_frames_out(shop):
    _, path, _ = opened(shop)
    response = shop.phone().client.get(path)

    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cache-Control"] == "no-store"


def test_device_cookie_is_hidden_from_scripts_and_other_sites(shop):
    _, path, _ = opened(shop)
    response = shop.phone().client.get(path)

    cookie = next(c for c in response.headers.getlist("Set-Cookie") if c.startswith("device="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" in cookie


def test_rep_finishes_a_sold_out_task_by_link(shop):
    phone, path, task = opened(shop)
    phone.sends(f"{path}/answer_sold_out", seen=True)
    rep = shop.phone()
    rep_path = shop.link("task", task, "rep")
    assert "确实卖完了" in rep.opens(rep_path)

    rep.sends(f"{rep_path}/confirm_sold_out", seen=True)

    assert shop.look(RecallTask, task).state == TaskState.CLOSED
    assert "已经了结" in phone.opens(path)


def test_link_for_makes_the_same_address_again(shop):
    _, task = shop.running()
    house = shop.services.house

    first, second = (
        shop.write(lambda s: link_for(s, house, "task", task, shop.ids["owner"], shop.clock())) for _ in range(2)
    )

    assert first == second


def test_rep_registers_a_destruction_before_a_witness(shop):
    _, task = shop.running()
    shop.does("owner", RecallTask, task, "answer_all")
    rep = shop.phone()
    path = shop.link("task", task, "rep")
    rep.opens(path)

    assert "见证人" in rep.sends(f"{path}/destroy_on_site", seen=True, bottles="2", witness="", reason="渗漏")
    rep.sends(f"{path}/destroy_on_site", seen=True, bottles="2", witness="刘老板", reason="渗漏")
    rep.sends(f"{path}/report_transfer", seen=True, bottles="3")

    lines = shop.look(RecallTask, task).lines
    assert sum(line.destroyed_on_site for line in lines) == 2
    assert sum(line.transferred_out for line in lines) == 3


@pytest.mark.parametrize(
    ("page", "names", "only_elsewhere"),
    [
        (task_page, ("recall_task", "food_safety_task"), {"stop"}),  # the campaign alone stops a task
        (approval_page, ("recall_campaign", "food_safety_campaign"), {"hold"}),  # a draft is held from the chat
        (warehouse_page, ("handover",), {"sign", "void"}),  # at the door
    ],
)
def test_pages_offer_exactly_the_events_of_their_flows(page, names, only_elsewhere):
    events = set().union(*(FLOWS[name].events() for name in names)) - only_elsewhere

    assert set(page.PURPOSE.verbs) - {"photo"} == events
