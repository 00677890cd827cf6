"""A store's counter code, a paper's verification page, a warning's page: what strangers may see."""

from datetime import date

import pytest

from models.recall import Campaign, CampaignState, Document, DocumentKind, RecallTask
from models.warning import StockWarning, WarningState
from tests.test_pages_warehouse import at_gate
from tests.webapp import Shop, open_shop


@pytest.fixture
def shop(tmp_path):
    return open_shop(tmp_path)


def known_owner(shop: Shop):
    """The owner's phone after it acted through a link once."""
    _, task = shop.running(stores=("S001",), quantity=6)
    phone = shop.phone()
    path = shop.link("task", task, "owner")
    phone.opens(path)
    phone.sends(f"{path}/answer_all", seen=True)
    return phone


def test_stranger_sees_the_store_and_how_to_go_on(shop):
    page = shop.phone().opens("/s/S001")

    assert "一烟酒店" in page
    assert "退 3 箱 海之蓝 临期" in page
    for secret in ("刘老板", "B2501", "元", "<form"):
        assert secret not in page


@pytest.mark.parametrize("code", ["S999", "..", "%2e%2e", "'--", "长" * 300])
def test_unknown_store_is_not_found_in_chinese(shop, code):
    response = shop.phone().client.get(f"/s/{code}")

    assert response.status_code == 404
    assert "没有这个页面" in response.text


def test_known_device_sees_tasks_and_opens_one(shop):
    phone = known_owner(shop)

    page = phone.opens("/s/S001")
    assert "R1" in page
    assert "刘老板" in page
    page = phone.sends("/s/S001/tasks/1")

    assert "请退" in page


def test_known_device_of_another_store_is_a_stranger_here(shop):
    phone = known_owner(shop)

    assert "<form" not in phone.opens("/s/S002")


def test_request_for_goods_already_asked_for_names_the_open_one(shop):
    phone = known_owner(shop)
    phone.opens("/s/S001")

    page = phone.sends("/s/S001/requests", product=shop.ids["product"], cases="1", reason="slow")

    assert "R1（海之蓝" in page
    assert len(shop.all(Campaign)) == 1


def test_owner_asks_for_a_take_back(shop):
    phone = known_owner(shop)
    shop.does("owner", RecallTask, 1, "report_sold", bottles=6)
    phone.opens("/s/S001")

    product = shop.ids["product"]
    page = phone.sends(
        "/s/S001/requests", product=product, cases="1", bottles="2", reason="near_expiry", words="快到期"
    )

    assert "已提交回收请求 R2" in page
    asked = shop.look(Campaign, 2)
    assert asked.state == CampaignState.AT_REP
    assert asked.quantity == 8


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "请选择要退的酒"),
        ({"product": "1"}, "请填要退的数量"),
        ({"product": "1", "cases": "x"}, "看不懂"),
        ({"product": "1", "cases": "1", "reason": "greed"}, "请选择退货原因"),
        ({"product": "999", "cases": "1"}, "请选择要退的酒"),
        ({"product": "9" * 40, "cases": "1"}, "看不懂"),
    ],
)
def test_request_that_makes_no_sense_is_refused_in_words(shop, fields, sentence):
    phone = known_owner(shop)
    phone.opens("/s/S001")

    assert sentence in phone.sends("/s/S001/requests", **fields)
    assert len(shop.all(Campaign)) == 1


def test_stranger_cannot_ask(shop):
    phone = known_owner(shop)
    phone.opens("/s/S001")

    response = phone.posts("/s/S002/requests", product="1", cases="1", reason="slow")

    assert response.status_code == 403
    assert len(shop.all(Campaign)) == 1


def paper(shop: Shop) -> str:
    at_gate(shop)
    return next(d.number for d in shop.all(Document) if d.kind == DocumentKind.HANDOVER)


def test_stranger_verifies_a_paper_and_sees_no_more(shop):
    number = paper(shop)
    phone = shop.phone()

    page = phone.opens(f"/d/{number}")

    assert "与系统记录一致" in page
    assert shop.look(Document, number).content_hash in page
    for secret in ("一烟酒店", "海之蓝", "刘老板", "PDF</a>"):
        assert secret not in page
    assert phone.client.get(f"/d/{number}.pdf").status_code == 403


def test_party_reads_the_paper_and_its_bytes_are_equal_each_time(shop):
    number = paper(shop)
    phone = shop.phone()
    phone.opens(shop.link("task", 1, "owner"))
    phone.sends(shop.link("task", 1, "owner") + "/reschedule", day="2025-11-30")

    page = phone.opens(f"/d/{number}")
    first, second = (phone.client.get(f"/d/{number}.pdf") for _ in range(2))

    assert "海之蓝" in page
    assert first.data.startswith(b"%PDF")
    assert first.data == second.data


def test_edited_paper_is_not_called_true(shop):
    number = paper(shop)

    def edit(session):
        found = session.get(Document, number)
        lines = [{**line, "bottles": 1} for line in found.content["lines"]]
        found.content = {**found.content, "lines": lines}

    shop.write(edit)

    assert "与系统记录一致" not in shop.phone().opens(f"/d/{number}")


@pytest.mark.parametrize("number", ["JJ20251124-9999", "x", "长" * 60])
def test_unknown_paper_is_not_found(shop, number):
    assert shop.phone().client.get(f"/d/{number}").status_code == 404
    assert shop.phone().client.get(f"/d/{number}.pdf").status_code == 404


def test_qr_code_of_a_paper_is_a_picture(shop):
    response = shop.phone().client.get(f"/d/{paper(shop)}/qr.png")

    assert response.mimetype == "image/png"
    assert response.data.startswith(b"\x89PNG")


def warned(shop: Shop) -> int:
    def work(session) -> int:
        found = StockWarning(
            rule="age_over_90",
            rule_version="abc123",
            store_id=shop.ids["S001"],
            product_id=shop.ids["product"],
            lot_id=shop.ids["lot"],
            bottles=18,
            value=176_000,
            threshold=90_000,
            figures={"metric": "age_in_store", "day": "2025-11-24", "received_on": "2025-06-01", "batch": "B2501"},
            fired_on=date(2025, 11, 24),
            seen_on=date(2025, 11, 24),
            changed_at=shop.clock(),
            version=1,
            visit=1,
        )
        session.add(found)
        session.flush()
        return found.id

    return int(shop.write(work))


def test_warning_shows_nothing_to_strangers(shop):
    page = shop.phone().opens(f"/w/{warned(shop)}")

    assert "176" not in page
    assert "一烟酒店" not in page
    assert "聊天" in page


def at_desk(shop: Shop, who: str):
    phone = shop.phone()
    path = shop.link("desk", 0, who)
    phone.opens(path)
    phone.sends(f"{path}/enter")
    return phone


def test_manager_starts_a_recall_from_a_warning(shop):
    warning = warned(shop)
    phone = at_desk(shop, "manager")
    page = phone.opens(f"/w/{warning}")
    assert "在店库龄 176 天" in page

    page = phone.sends(f"/w/{warning}/start_recall", seen=True)

    assert "已发起回收 R1" in page
    assert shop.look(StockWarning, warning).state == WarningState.IN_ACTION
    assert shop.look(Campaign, 1).state == CampaignState.AT_REP


def test_device_that_acted_for_a_rep_sees_the_warning(shop):
    _, task = shop.running(stores=("S001",), quantity=6)
    warning = warned(shop)
    phone = shop.phone()
    path = shop.link("task", task, "rep")
    phone.opens(path)
    phone.sends(f"{path}/answer_all", seen=True)

    assert "发起回收" in phone.opens(f"/w/{warning}")


def test_dismissing_needs_a_reason(shop):
    warning = warned(shop)
    phone = at_desk(shop, "rep")
    phone.opens(f"/w/{warning}")

    assert "忽略要写明原因" in phone.sends(f"/w/{warning}/dismiss", seen=True, reason="")
    assert shop.look(StockWarning, warning).state == WarningState.FIRING
    assert "已忽略" in phone.sends(f"/w/{warning}/dismiss", seen=True, reason="下周有宴席")


def test_people_cannot_act_as_the_scan(shop):
    warning = warned(shop)
    phone = at_desk(shop, "boss")
    phone.opens(f"/w/{warning}")

    assert phone.posts(f"/w/{warning}/resolve").status_code == 404


def test_manager_of_another_region_is_a_stranger_to_the_warning(shop):
    warning = warned(shop)
    phone = at_desk(shop, "west")

    assert "176" not in phone.opens(f"/w/{warning}")


def test_stranger_cannot_start_a_recall(shop):
    warning = warned(shop)
    phone = known_owner(shop)

    assert phone.posts(f"/w/{warning}/start_recall").status_code == 403
    assert shop.look(StockWarning, warning).state == WarningState.FIRING
