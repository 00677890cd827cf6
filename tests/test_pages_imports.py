"""Files brought in at the desk: who may, what the preview says, and that the second button writes once."""

import io
import re
from datetime import date

import pytest
from openpyxl import load_workbook
from sqlalchemy import delete

from models.catalog import Store
from models.engine import StoredFile
from models.importing import ImportRun
from models.people import Assignment, Role
from models.stock import Observation
from tests.intake_kit import xlsx
from tests.test_pages_store import at_desk
from tests.webapp import Phone, Shop, open_shop

COUNTS = "门店编码,商品编码,瓶数,盘点日期\nS001,HZL,2箱3瓶,2025-11-20\nS002,海之蓝,4,2025-11-20\n"
PATH = "/desk/imports/"


@pytest.fixture
def shop(tmp_path) -> Shop:
    return open_shop(tmp_path)


def uploads(phone: Phone, kind: str, content: str | bytes, name: str = "数据.csv", **more: str) -> Phone:
    phone.opens(PATH)
    data = content.encode() if isinstance(content, str) else content
    fields = {"csrf": phone.field("csrf"), "kind": kind, "file": (io.BytesIO(data), name), **more}
    response = phone.client.post(f"{PATH}upload", data=fields, content_type="multipart/form-data")
    phone.page = response.text if response.status_code == 200 else phone.opens(response.location)
    return phone


def commits(phone: Phone) -> str:
    response = phone.posts(f"{PATH}commit", ticket=phone.field("ticket"))
    phone.page = response.text if response.status_code == 200 else phone.opens(response.location)
    return phone.page


def test_preview_writes_nothing_and_the_button_writes_once(shop):
    phone = uploads(at_desk(shop, "boss"), "counts", COUNTS)

    assert "这是预览，还没有写入" in phone.page
    assert "15 瓶" in phone.page
    assert "S002 二烟酒店" in phone.page
    assert shop.all(Observation) == shop.all(ImportRun) == []

    ticket = phone.field("ticket")
    assert "已写入" in commits(phone)
    assert sorted(one.bottles for one in shop.all(Observation)) == [4, 15]
    [run] = shop.all(ImportRun)
    assert (run.kind, run.actor, run.accepted, run.file_name) == ("counts", "周总", 2, "数据.csv")
    assert shop.all(StoredFile) == []

    phone.opens(PATH)
    assert "已经导入过" in phone.sends(f"{PATH}commit", ticket=ticket)
    assert len(shop.all(Observation)) == 2
    assert "周总" in phone.opens(PATH)


def test_wrong_rows_are_shown_and_their_marked_table_can_be_fetched(shop):
    phone = uploads(at_desk(shop, "boss"), "counts", COUNTS + "S009,HZL,1,2025-11-20\nS001,茅台,1,2025-11-20\n")

    assert "什么都没有写入" in phone.page
    assert "没有这家门店" in phone.page
    assert 'name="ticket"' not in phone.page
    marked = re.search(r'href="(/desk/imports/errors/[^"]+)"', phone.page)
    assert marked
    response = phone.client.get(marked[1])
    sheet = load_workbook(io.BytesIO(response.data)).active
    assert sheet is not None
    assert sheet.cell(1, 5).value == "错误说明"
    assert shop.all(StoredFile) == []

    assert at_desk(shop, "manager").client.get(marked[1]).status_code == 404


def test_bad_rows_are_left_out_when_asked_for(shop):
    phone = uploads(at_desk(shop, "boss"), "counts", COUNTS + "S009,HZL,1,2025-11-20\n", skip_bad="1")

    assert "已写入" in commits(phone)
    assert len(shop.all(Observation)) == 2


def test_regional_manager_counts_their_own_stores_only(shop):
    own = uploads(at_desk(shop, "manager"), "counts", COUNTS)
    assert "已写入" in commits(own)

    foreign = uploads(at_desk(shop, "west"), "counts", COUNTS.replace("2025-11-20", "2025-11-21"))
    assert "这家门店不归您负责" in foreign.page
    assert len(shop.all(Observation)) == 2


@pytest.mark.parametrize("kind", ["people", "products", "stores", "deliveries", "nonsense"])
def test_regional_manager_may_not_bring_in_what_concerns_everybody(shop, kind):
    before = len(shop.all(Assignment))
    phone = uploads(at_desk(shop, "manager"), kind, "人员编码,姓名,角色\nmanager,李经理,老板\n")

    assert "请选择要导入什么" in phone.page
    assert len(shop.all(Assignment)) == before


def test_who_has_no_such_duty_is_not_let_in(shop):
    phone = at_desk(shop, "rep")
    assert "仓库库存" in phone.opens(PATH)  # the rep keeps the warehouse on some days
    keeper = Assignment.role == Role.WAREHOUSE_KEEPER
    shop.write(lambda session: session.execute(delete(Assignment).where(keeper)))

    assert phone.client.get(PATH).status_code == 403
    assert phone.client.get(f"{PATH}template/stock.xlsx").status_code == 403
    assert shop.phone().client.get(PATH).status_code == 401


def test_ticket_of_somebody_else_is_refused(shop):
    boss = uploads(at_desk(shop, "boss"), "counts", COUNTS)
    manager = at_desk(shop, "manager")
    manager.opens(PATH)

    assert manager.posts(f"{PATH}commit", ticket=boss.field("ticket")).status_code == 403
    assert shop.all(Observation) == []


@pytest.mark.parametrize("ticket", ["", "x", "eyJ.x", "W10.AAAA"])
def test_forged_ticket_writes_nothing(shop, ticket):
    phone = uploads(at_desk(shop, "boss"), "counts", COUNTS)

    assert "请重新上传" in phone.sends(f"{PATH}commit", ticket=ticket)
    assert shop.all(Observation) == []


def test_upload_waits_two_hours(shop):
    phone = uploads(at_desk(shop, "boss"), "counts", COUNTS)
    shop.clock.pass_by(hours=2, minutes=1)

    assert "放得太久了" in commits(phone)
    assert shop.all(Observation) == []
    uploads(phone, "counts", COUNTS + "S003,HZL,1,2025-11-20\n")
    assert len(shop.all(StoredFile)) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "文件是空的"),
        (b"PK\x03\x04nonsense", "已损坏"),
        (b"\x00\x01\x02\x00", "二进制"),
        (b"a,b\n1,2\n", "没有找到表头"),
    ],
)
def test_nonsense_gets_a_sentence(shop, content, why):
    assert why in uploads(at_desk(shop, "boss"), "counts", content).page
    assert shop.all(StoredFile) == []


def test_too_large_and_too_long_files_are_refused(shop):
    phone = at_desk(shop, "boss")
    phone.opens(PATH)
    big = {"csrf": phone.field("csrf"), "kind": "counts", "file": (io.BytesIO(bytes(21 * 1024 * 1024)), "x.csv")}
    assert phone.client.post(f"{PATH}upload", data=big, content_type="multipart/form-data").status_code == 413

    long = "门店编码,门店名称\n" + "".join(f"L{number},店{number}\n" for number in range(20_001))
    assert "网页上一次最多导入" in uploads(phone, "stores", long).page
    assert len(shop.all(Store)) == 3


def test_names_in_files_are_text_and_not_markup(shop):
    text = "门店编码,门店名称\n<b>X</b>,<script>alert(1)</script>\n"
    phone = uploads(at_desk(shop, "boss"), "stores", text, "<img src=x>../../etc/passwd.csv")

    assert "<script>alert" not in phone.page
    assert "<img src=x>" not in phone.page
    assert "已写入" in commits(phone)


def test_upload_without_the_form_token_is_refused(shop):
    phone = at_desk(shop, "boss")
    fields = {"kind": "counts", "file": (io.BytesIO(COUNTS.encode()), "x.csv")}
    response = phone.client.post(f"{PATH}upload", data=fields, content_type="multipart/form-data")

    assert response.status_code == 303
    assert shop.all(StoredFile) == []


def test_template_comes_filled_with_headings_and_goes_in_again(shop):
    phone = at_desk(shop, "boss")
    response = phone.client.get(f"{PATH}template/counts.xlsx")
    sheet = load_workbook(io.BytesIO(response.data)).active
    assert sheet is not None
    heads = [cell.value for cell in sheet[1]]
    row = {"门店编码": "S001", "商品编码": "HZL", "瓶数": 5, "盘点日期": date(2025, 11, 20)}
    filled = xlsx([heads, [row.get(str(head).rstrip("*")) for head in heads]])

    assert "5 瓶" in uploads(phone, "counts", filled, "模板.xlsx").page
    assert phone.client.get(f"{PATH}template/nonsense.xlsx").status_code == 404
