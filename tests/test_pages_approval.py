"""The approver's page: facts and scope, decisions with the hash of what was seen, two people at once."""

import pytest

from models.recall import Campaign, CampaignState
from tests.webapp import Shop, open_shop


@pytest.fixture
def shop(tmp_path):
    return open_shop(tmp_path)


def opened(shop: Shop, who: str = "rep"):
    campaign = shop.draft()
    path = shop.link("approve", campaign, who)
    phone = shop.phone()
    phone.opens(path)
    return phone, path, campaign


def decides(phone, path, verb, **fields):
    return phone.sends(f"{path}/{verb}", seen=True, shown=phone.field("shown"), **fields)


def test_page_shows_scope_value_and_exposure(shop):
    phone, _, _ = opened(shop)

    for words in ("一烟酒店", "二烟酒店", "12 箱（72 瓶）", "9,216.00 元", "风险敞口", "李经理", "B2502"):
        assert words in phone.page


def test_rep_agrees(shop):
    phone, path, campaign = opened(shop)

    page = decides(phone, path, "approve")

    assert "已同意" in page
    assert shop.look(Campaign, campaign).state == CampaignState.RUNNING


def test_rejecting_needs_a_reason(shop):
    phone, path, campaign = opened(shop)

    assert "请写原因" in decides(phone, path, "reject", reason=" ")
    assert shop.look(Campaign, campaign).state == CampaignState.AT_REP
    decides(phone, path, "reject", reason="数量太大")

    assert shop.look(Campaign, campaign).state == CampaignState.DRAFT


def test_changing_the_quantity_shows_the_new_scope(shop):
    phone, path, campaign = opened(shop)

    page = decides(phone, path, "change_quantity", cases="2", bottles="1")

    assert "数量已改为 2 箱 1 瓶（13 瓶）" in page
    assert shop.look(Campaign, campaign).scope_bottles == 13


@pytest.mark.parametrize("fields", [{}, {"cases": "0"}, {"bottles": "-1"}, {"cases": "many"}])
def test_changing_the_quantity_refuses_nonsense(shop, fields):
    phone, path, campaign = opened(shop)

    page = decides(phone, path, "change_quantity", **fields)

    assert "notice bad" in page
    assert shop.look(Campaign, campaign).scope_bottles == 72


def test_two_people_at_once_the_second_sees_how_things_stand(shop):
    phone, path, campaign = opened(shop)
    shop.does("rep", Campaign, campaign, "approve")

    page = decides(phone, path, "approve")

    assert "notice bad" in page
    assert "执行中" in page


def test_scope_changed_meanwhile_is_not_approved_unseen(shop):
    phone, path, campaign = opened(shop)
    shown = phone.field("shown")
    shop.does("rep", Campaign, campaign, "change_quantity", bottles=6)
    phone.opens(path)

    page = phone.sends(f"{path}/approve", seen=True, shown=shown)

    assert "内容刚刚变了" in page
    assert shop.look(Campaign, campaign).state == CampaignState.AT_REP


def test_who_asked_cannot_approve(shop):
    phone, path, campaign = opened(shop, "manager")

    assert "/approve" not in phone.page
    page = decides(phone, path, "withdraw")

    assert shop.look(Campaign, campaign).state == CampaignState.DRAFT
    assert "已撤回" in page


def test_manager_of_another_region_sees_no_buttons(shop):
    campaign = shop.draft()
    phone = shop.phone()

    page = phone.opens(shop.link("approve", campaign, "west"))

    assert "现在没有需要你决定的事" in page


def test_json_answers_json(shop):
    phone, path, _ = opened(shop)

    response = phone.posts_json(f"{path}/reject", {"reason": "", "shown": phone.field("shown")})

    assert response.status_code == 409
    assert response.get_json() == {"ok": False, "sentence": "请写原因，例如：数量太大，先退一半。"}


def test_json_that_is_no_object_is_refused(shop):
    phone, path, _ = opened(shop)

    response = phone.posts_json(f"{path}/reject", [1, 2])

    assert response.status_code == 409
    assert "看不懂" in response.get_json()["sentence"]
