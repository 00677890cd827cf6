"""The warehouse keeper's page: arrival, count, grades; never by the one who fetched the goods."""

import pytest

from models.recall import Discrepancy, Document, DocumentKind, Handover, HandoverState, RecallTask
from tests.test_pages_door import at_door, drawn, scan, send, signing
from tests.webapp import CASE, Shop, open_shop


@pytest.fixture
def shop(tmp_path):
    return open_shop(tmp_path)


def at_gate(shop: Shop, who: str = "keeper"):
    """A signed hand-over of six bottles, and somebody's phone on its warehouse page."""
    door, path, _ = at_door(shop)
    send(door, path, scan(CASE))
    assert door.posts_json(f"{path}/sign", signing()).status_code == 200
    handover = shop.last_handover().id
    phone = shop.phone()
    gate = shop.link("warehouse", handover, who)
    phone.opens(gate)
    return phone, gate, handover


def receives(phone, path, **counts):
    return phone.sends(f"{path}/receive", seen=True, signature_png=drawn(7), **counts)


def test_goods_arrive_are_counted_and_graded(shop):
    phone, path, handover = at_gate(shop)
    lot = shop.ids["lot"]

    phone.sends(f"{path}/arrive", seen=True)
    page = receives(phone, path, **{f"cases_{lot}": "1"})
    assert "数量与交接单一致" in page
    page = phone.sends(f"{path}/inspect", seen=True, signature_png=drawn(9), **{f"A_{lot}": "5", f"B_{lot}": "1"})

    assert "回收入库单已生成" in page
    assert shop.look(Handover, handover).state == HandoverState.INSPECTED
    receipt = next(d for d in shop.all(Document) if d.kind == DocumentKind.RECEIPT)
    assert f"/d/{receipt.number}.pdf" in page


def test_missing_bottles_become_a_difference_with_an_owner(shop):
    phone, path, _ = at_gate(shop)

    page = receives(phone, path, **{f"bottles_{shop.ids['lot']}": "5"})

    assert "少 1 瓶" in page
    assert "差异：少货 1 瓶" in page
    [gap] = shop.all(Discrepancy)
    assert gap.owner_id == shop.ids["rep"]


def test_count_left_empty_is_refused_and_zero_is_a_count(shop):
    phone, path, handover = at_gate(shop)

    assert "还没填清点数量" in receives(phone, path)
    receives(phone, path, **{f"bottles_{shop.ids['lot']}": "0"})

    assert shop.look(Handover, handover).state == HandoverState.RECEIVED


def test_receiving_needs_a_signature(shop):
    phone, path, handover = at_gate(shop)

    page = phone.sends(f"{path}/receive", seen=True, **{f"bottles_{shop.ids['lot']}": "6"})

    assert "仓管还没有签字" in page
    assert shop.look(Handover, handover).state == HandoverState.IN_TRANSIT


@pytest.mark.parametrize("grades", [{"A": "5"}, {"A": "4", "X": "3"}, {"A": "6.0"}, {}])
def test_grades_must_add_up(shop, grades):
    phone, path, handover = at_gate(shop)
    lot = shop.ids["lot"]
    receives(phone, path, **{f"cases_{lot}": "1"})

    fields = {f"{grade}_{lot}": bottles for grade, bottles in grades.items()}
    page = phone.sends(f"{path}/inspect", seen=True, signature_png=drawn(9), **fields)

    assert "notice bad" in page
    assert shop.look(Handover, handover).state == HandoverState.RECEIVED


def test_who_fetched_the_goods_cannot_receive_them(shop):
    _, own = shop.running(stores=("S002",))
    phone, path, handover = at_gate(shop, "rep")

    assert "要换一位仓管" in phone.page
    assert 'name="csrf"' not in phone.page
    phone.opens(shop.link("task", own, "rep"))  # another page of theirs has a token
    page = phone.sends(f"{path}/receive", signature_png=drawn(7), **{f"bottles_{shop.ids['lot']}": "6"})

    assert "要换一位仓管" in page
    assert shop.look(Handover, handover).state == HandoverState.IN_TRANSIT


def test_stranger_to_the_warehouse_gets_no_buttons(shop):
    phone, _, _ = at_gate(shop, "west")

    assert "确认到仓" not in phone.page
    assert "清点入库" not in phone.page


def test_whole_loop_closes_the_task(shop):
    phone, path, handover = at_gate(shop)
    lot = shop.ids["lot"]
    receives(phone, path, **{f"cases_{lot}": "1"})
    phone.sends(f"{path}/inspect", seen=True, signature_png=drawn(9), **{f"A_{lot}": "6"})
    task = shop.look(Handover, handover).task_id
    shop.does("owner", RecallTask, task, "report_sold", bottles=18)

    owner = shop.phone()

    assert "已经了结" in owner.opens(shop.link("task", task, "owner"))
