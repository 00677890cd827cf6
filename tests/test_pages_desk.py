"""The desk: who gets in, what they see, letters that can be sent again, the proven history."""

import pytest
from sqlalchemy import insert, select, update

from models.catalog import Store
from models.engine import History, Outbox
from models.people import Assignment
from models.recall import Campaign, Discrepancy, DiscrepancyState, RecallTask
from tests.test_pages_store import at_desk
from tests.test_pages_warehouse import at_gate, receives
from tests.webapp import Shop, open_shop


@pytest.fixture
def shop(tmp_path):
    return open_shop(tmp_path)


PAGES = ["/desk/", "/desk/recalls/", "/desk/warnings/", "/desk/stores/", "/desk/verify", "/desk/recalls/1"]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_gets_in_without_signing_in(shop, path):
    shop.running()

    response = shop.phone().client.get(path)

    assert response.status_code == 401
    assert "看板" in response.text
    assert "一烟酒店" not in response.text


@pytest.mark.parametrize("path", PAGES)
def test_boss_sees_every_page(shop, path):
    shop.running()

    assert "周总" in at_desk(shop, "boss").opens(path)


def test_session_ends_after_twelve_hours(shop):
    phone = at_desk(shop, "boss")
    shop.clock.pass_by(hours=12, minutes=1)

    assert phone.client.get("/desk/").status_code == 401


def test_role_that_ended_ends_the_session(shop):
    phone = at_desk(shop, "boss")
    boss = Assignment.person_id == shop.ids["boss"]
    shop.write(lambda s: s.execute(update(Assignment).where(boss).values(valid_to=shop.clock().date().replace(day=1))))

    assert phone.client.get("/desk/").status_code == 401


def test_store_owner_is_not_let_in(shop):
    phone = at_desk_of_owner(shop)

    assert phone.client.get("/desk/").status_code == 401


def at_desk_of_owner(shop: Shop):
    phone = shop.phone()
    path = shop.link("desk", 0, "owner")
    phone.opens(path)
    phone.posts(f"{path}/enter")
    return phone


def test_opening_the_link_alone_signs_nobody_in(shop):
    phone = shop.phone()
    phone.opens(shop.link("desk", 0, "boss"))

    assert phone.client.get("/desk/").status_code == 401


def test_forged_session_is_nobody(shop):
    phone = shop.phone()
    phone.client.set_cookie("desk", "W1sxLDk5OTk5OTk5OTldXQ.forged")

    assert phone.client.get("/desk/").status_code == 401


def test_manager_sees_only_their_region(shop):
    shop.running()
    phone = at_desk(shop, "west")

    assert "R1" not in phone.opens("/desk/recalls/")
    assert phone.client.get("/desk/recalls/1").status_code == 404
    assert phone.client.get("/desk/stores/S001").status_code == 404
    assert "一烟酒店" not in phone.opens("/desk/stores/")


def test_recall_page_shows_progress_per_store_and_in_sum(shop):
    campaign, task = shop.running(stores=("S001", "S002"))
    shop.does("owner", RecallTask, task, "answer_all")

    page = at_desk(shop, "boss").opens(f"/desk/recalls/{campaign}")

    for words in ("一烟酒店", "二烟酒店", "全部退回", "合计 2 家", "未了结", "<svg", "同意"):
        assert words in page


def test_manager_of_part_of_the_stores_sees_their_rows_and_sums(shop):
    shop.write(lambda s: s.execute(update(Store).where(Store.code == "S002").values(region="城西")))
    campaign = shop.draft("manager")
    shop.does("boss", Campaign, campaign, "approve")

    page = at_desk(shop, "west").opens(f"/desk/recalls/{campaign}")

    assert "二烟酒店" in page
    assert "一烟酒店" not in page
    assert "合计 1 家" in page


def test_store_page_shows_stock_and_tasks(shop):
    shop.running()

    page = at_desk(shop, "rep").opens("/desk/stores/S001")

    for words in ("海之蓝", "3 箱（18 瓶）", "期初", "R1", "等门店答复"):
        assert words in page


def test_search_treats_percent_as_a_letter(shop):
    phone = at_desk(shop, "boss")

    assert "一烟酒店" in phone.opens("/desk/stores/?q=一烟")
    assert "一烟酒店" not in phone.opens("/desk/stores/?q=%25")
    assert "一烟酒店" not in phone.opens("/desk/stores/?q=_")


@pytest.mark.parametrize("page", ["0", "-1", "999", "x", "9" * 40, "１"])
def test_page_numbers_that_make_no_sense_show_some_page(shop, page):
    at_desk(shop, "boss").opens(f"/desk/stores/?page={page}")


def test_ten_thousand_stores_come_in_pages(shop):
    rows = [{"code": f"X{n:05d}", "name": f"第{n}店", "region": "城东"} for n in range(10_000)]
    shop.write(lambda s: s.execute(insert(Store), rows))

    page = at_desk(shop, "boss").opens("/desk/stores/?page=2")

    assert "第 2 / 201 页，共 10,003 条" in page
    assert len(page) < 60_000


def dead_letter(shop: Shop) -> int:
    shop.running()

    def work(session) -> int:
        letter = session.scalars(select(Outbox).order_by(Outbox.id)).first()
        letter.dead, letter.attempts, letter.last_error = True, 8, "60020: not allow to access from your ip"
        return letter.id

    return int(shop.write(work))


def test_dead_letters_are_red_and_can_be_sent_again(shop):
    letter = dead_letter(shop)
    phone = at_desk(shop, "manager")
    assert "60020" in phone.opens("/desk/")

    page = phone.sends(f"/desk/letters/{letter}/retry")

    assert "1 条消息会重新发送" in page
    assert not shop.look(Outbox, letter).dead


def test_rep_cannot_send_letters_again(shop):
    letter = dead_letter(shop)
    phone = at_desk(shop, "rep")
    assert "retry" not in phone.opens("/desk/")
    phone.opens(shop.link("task", 1, "rep"))

    assert phone.posts("/desk/letters/retry").status_code == 403
    assert shop.look(Outbox, letter).dead


def test_retry_without_a_token_is_refused(shop):
    letter = dead_letter(shop)
    phone = at_desk(shop, "boss")

    assert phone.client.post("/desk/letters/retry").status_code == 403
    assert shop.look(Outbox, letter).dead


def test_history_is_proven_and_an_edit_is_found(shop):
    shop.running()
    phone = at_desk(shop, "boss")
    assert "没有被修改或删除" in phone.opens("/desk/verify")

    shop.write(lambda s: s.execute(update(History).where(History.id == 2).values(actor="别人")))

    assert "不一致" in phone.opens("/desk/verify")


def test_manager_settles_a_difference(shop):
    keeper, path, _ = at_gate(shop)
    receives(keeper, path, **{f"bottles_{shop.ids['lot']}": "5"})
    gap = shop.all(Discrepancy)[0].id
    phone = at_desk(shop, "manager")
    assert f"/desk/discrepancies/{gap}" in phone.opens("/desk/")
    address = f"/desk/discrepancies/{gap}"
    assert "少货 1 瓶" in phone.opens(address)

    assert "请写一句说明" in phone.sends(f"{address}/lose", seen=True)
    assert "认定丢失" in phone.sends(f"{address}/lose", seen=True, note="路上摔了")

    assert shop.look(Discrepancy, gap).state == DiscrepancyState.LOST


def test_sandbox_lets_this_machine_in_as_demo_boss(tmp_path):
    shop = open_shop(tmp_path, sandbox=True)
    shop.running()
    phone = shop.phone()

    page = phone.client.get("/desk/", base_url="http://127.0.0.1:8000").text

    assert "演示老板" in page
    assert "演示模式" in page


@pytest.mark.parametrize(
    ("remote", "host", "headers"),
    [
        ("10.0.0.8", "127.0.0.1:8000", {}),
        ("127.0.0.1", "evil.example", {}),
        ("127.0.0.1", "localhost", {"X-Forwarded-For": "203.0.113.9"}),
        ("", "localhost", {}),
    ],
)
def test_sandbox_lets_nobody_else_in(tmp_path, remote, host, headers):
    shop = open_shop(tmp_path, sandbox=True)

    response = shop.phone().client.get(
        "/desk/", base_url=f"http://{host}", headers=headers, environ_overrides={"REMOTE_ADDR": remote}
    )

    assert response.status_code == 401


def test_without_sandbox_this_machine_is_nobody(shop):
    assert shop.phone().client.get("/desk/", base_url="http://localhost").status_code == 401


def test_names_from_outside_are_text_not_markup(shop):
    evil = "<script>alert(1)</script>"
    shop.write(lambda s: s.execute(update(Store).where(Store.code == "S001").values(name=evil)))
    shop.running()

    phone = at_desk(shop, "boss")
    for path in ("/desk/", "/desk/recalls/1", "/desk/stores/S001", "/s/S001"):
        assert evil not in phone.opens(path)


def test_unexpected_error_shows_a_sentence_and_no_trace(shop):
    # A task state nobody knows cannot be read back: the page must say sorry, not show why.
    shop.running()
    shop.write(lambda s: s.connection().exec_driver_sql("UPDATE recall_task SET state = 'nonsense'"))
    shop.app.testing = False

    response = at_desk(shop, "boss").client.get("/desk/recalls/1")

    assert response.status_code == 500
    assert "系统出了点问题" in response.text
    assert "nonsense" not in response.text
