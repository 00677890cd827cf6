"""Files as ERP systems write them: titles, filters, two rows of header, sums, doubles, books below nothing."""

import io
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from models.catalog import Product, Store
from models.importing import ImportRun
from models.people import Assignment, Person
from models.stock import Delivery, Observation
from tests.intake_kit import PRODUCTS, STORES, Kit, csv_text, new_kit, xlsx
from workflows.imports import KINDS, write_template
from workflows.imports.header import find_header
from workflows.imports.reader import open_source


@pytest.fixture
def kit(tmp_path) -> Kit:
    return new_kit(tmp_path)


def grasp(rows: list[list[object]]) -> bytes:
    """The layout of a 管家婆 export: rows 1-4 title and filters, two header rows with merged cells, data from 7."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["A2"], sheet["A3"], sheet["A4"] = (
        "库存状况表",
        "仓库：全部",
        "截止日期：2026-03-09",
        "经手人：全部",
    )
    above = ["一级分类", "二级分类", "三级分类", None, "商品名称", "商品编号", "规格", "型号", "品牌", "价格", None,
             None, None, "库存", None, "成本均价"]  # fmt: skip
    below = [None, None, None, None, None, None, None, None, None, "零售价", "成本价", None, None, "数量", "单位", None]
    for column, (upper, lower) in enumerate(zip(above, below, strict=True), start=1):
        sheet.cell(5, column, upper)
        sheet.cell(6, column, lower)
    for column in (1, 2, 3, 5, 6, 7, 8, 9, 16):
        sheet.merge_cells(start_row=5, end_row=6, start_column=column, end_column=column)
    sheet.merge_cells("J5:K5")
    sheet.merge_cells("N5:O5")
    for row in rows:
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def line(name: str, code: str, spec: str, bottles: object, unit: str = "瓶") -> list[object]:
    return ["白酒", None, None, None, name, code, spec, "", "青岚", 128, 90, None, None, bottles, unit, 90.5]


def test_a_grasp_export_of_stock_is_read_as_it_is(kit):
    kit.take("products", PRODUCTS)
    rows = [
        line("青岚 42 度", "A1", "", 30),
        ["白酒 小计", *[None] * 12, 30],
        line("鹤汀 52 度", "B2", "", 2, "箱"),
        [],
    ]
    report = kit.take("stock", grasp([*rows, ["合 计", *[None] * 12, 54, None, 90.5]]))
    assert report.errors == []
    assert report.accepted == 2
    assert [row.said["合计"] for row in report.first_rows] == ["30 瓶", "24 瓶"]
    assert kit.books_are_right()


def test_negative_stock_of_a_grasp_export_is_refused_by_row_and_the_rest_taken_when_asked_for(kit):
    kit.take("products", PRODUCTS)
    content = grasp([line("青岚 42 度", "A1", "", -4), line("鹤汀 52 度", "B2", "", 3)])
    report = kit.take("stock", content)
    assert not report.written
    assert report.errors[0].sentence == "第 7 行“瓶数”（写的是 -4）：账面是负数，先在原来的系统里查清再导入。"
    assert kit.take("stock", content, skip_bad=True).accepted == 1


def test_products_of_a_grasp_export_tell_their_case_by_spec_and_their_doubles(kit):
    rows = [line("青岚", "A1", "500ml*6", 1), line("青岚", "A9", "500ml*6", 1), line("鹤汀", "B2", "52度 500ml", 1)]
    report = kit.take("products", grasp(rows))
    assert [error.row for error in report.errors] == [9]
    assert "没有箱的写 1" in report.errors[0].sentence
    report = kit.take("products", grasp(rows[:2]))
    assert (report.accepted, [product.case_size for product in kit.all(Product)]) == (2, [6, 6])
    assert any("A1、A9" in note for note in report.notes)


def test_a_yonyou_stock_query_with_one_name_under_several_codes(kit):
    names = "".join(f"0{number},53度云峰,6\n" for number in range(1, 8))
    kit.take("products", "存货编码,存货名称,箱规\n" + names)
    head = ["仓库编码", "仓库名称", "存货编码", "存货名称", "规格型号", "主计量单位", "批号", "生产日期", "现存数量"]
    title = [["现存量查询"], ["查询条件：2026-03-09"]]
    good = [head, ["01", "主仓", "03", "53度云峰", None, "瓶", "20250301", "2025-03-01", 12], ["总计", *[None] * 7, 12]]
    assert kit.take("stock", xlsx(good, before=title)).accepted == 1
    no_code = [head, ["01", "主仓", None, "53度云峰", None, "瓶", None, None, 12]]
    sentence = kit.take("stock", xlsx(no_code, before=title)).errors[0].sentence
    assert "有 7 个商品叫这个名字，请写商品编码：01 53度云峰、" in sentence
    assert sentence.endswith("……。")


def test_a_kingdee_sales_list_becomes_deliveries(kit):
    kit.take("products", PRODUCTS)
    kit.take("stores", STORES)
    head = ["日期", "单据编号", "购货单位", "客户编码", "物料编码", "物料名称", "批号", "单位", "数量", "件数"]
    rows = [
        head,
        ["2026-03-01", "XOUT001", "福顺烟酒", "S1", "A1", "青岚 42 度", "2025/03/01", "箱", 2, None],
        [date(2026, 3, 2), "XOUT002", "聚缘烟酒", "S2", "A1", "青岚 42 度", "20250301", "瓶", "1箱2瓶", None],
        ["合计", *[None] * 7, 4, None],
    ]
    report = kit.take("deliveries", xlsx(rows))
    assert report.errors == []
    assert [delivery.bottles for delivery in kit.all(Delivery)] == [12, 8]
    assert len({delivery.lot_id for delivery in kit.all(Delivery)}) == 1
    assert report.notes == ["没有用到的列：购货单位。"]


def test_a_hidden_first_sheet_is_passed_over(kit):
    book = Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.sheet_state = "hidden"
    hidden.append(["商品编码", "商品名称", "箱规"])
    hidden.append(["X", "旧的", 6])
    shown = book.create_sheet("商品")
    shown.append(["商品\n编码", "商品 名称", "箱规（瓶/箱）"])
    shown.append(["A1", "青岚\n42 度", 6])
    stream = io.BytesIO()
    book.save(stream)
    assert kit.take("products", stream.getvalue()).accepted == 1
    assert [(product.code, product.name) for product in kit.all(Product)] == [("A1", "青岚 42 度")]


def test_web_page_with_the_name_of_an_excel_file_is_explained(kit):
    page = kit.write("<html><body><table><tr><td>商品编码</td></tr></table></body></html>", "导出.xls")
    assert "另存为 .xlsx" in kit.take("products", page).errors[0].sentence


def test_preview_tells_everything_and_writes_nothing(kit):
    kit.take("stores", STORES)
    text = STORES.replace("福顺", "福运") + "S3,新店,东区\n"
    report = kit.take("stores", text, preview=True)
    assert (report.written, report.would_write) == (False, True)
    assert (report.accepted, report.changed, report.unchanged) == (2, 1, 1)
    assert report.first_rows[0].said == {"门店编码": "S1", "门店名称": "福运烟酒", "区域": "东区"}
    assert {store.name for store in kit.all(Store)} == {"福顺烟酒", "聚缘烟酒"}
    assert kit.count(ImportRun) == 1
    assert kit.take("stores", text).changed == 1


def test_preview_tells_what_would_be_made(kit):
    kit.masters()
    head = "门店编码,门店名称,商品编码,日期,瓶数\n"
    report = kit.take("deliveries", head + "S9,新店,A1,2026-03-01,2箱\n", preview=True)
    assert report.created == {"门店": 1, "批次": 1}
    assert report.first_rows[0].said["合计"] == "12 瓶"
    assert (kit.count(Store), kit.count(Delivery)) == (2, 0)


def test_a_new_owner_ends_the_duty_of_the_former_and_both_stay_on_record(kit):
    kit.take("stores", STORES)
    head = "人员编码,姓名,角色,门店编码,生效日期\n"
    kit.take("people", head + "P1,甲,店主,S1,2025-01-01\nP2,乙,店员,S1,2025-01-01\n")
    report = kit.take("people", head + "P3,丙,店主,S1,2026-03-01\n")
    assert "换了店主" in report.notes[0]
    duties = {duty.person_id: (duty.valid_from, duty.valid_to) for duty in kit.all(Assignment)}
    assert duties == {
        1: (date(2025, 1, 1), date(2026, 2, 28)),
        2: (date(2025, 1, 1), None),
        3: (date(2026, 3, 1), None),
    }
    assert kit.take("people", head + "P3,丙,店主,S1,2026-03-01\n").unchanged == 1
    assert kit.count(Person) == 3


def test_two_owners_named_together_both_stay(kit):
    kit.take("stores", STORES)
    head = "人员编码,姓名,角色,门店编码,生效日期\n"
    kit.take("people", head + "P1,甲,店主,S1,2025-01-01\n")
    kit.take("people", head + "P1,甲,店主,S1,2025-01-01\nP4,丁,店主,S1,2026-03-01\n")
    assert [duty.valid_to for duty in kit.all(Assignment)] == [None, None]


NAMES = st.text("青岚鹤汀云峰0123456789AaZz ,，'\"（）-_", min_size=1, max_size=12).filter(
    lambda name: name.strip("'\" ,，-_()（）")
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAMES, min_size=1, max_size=4),
    bottles=st.integers(0, 99),
    cases=st.integers(0, 9),
    day=st.dates(date(2025, 1, 1), date(2026, 3, 9)),
    suffix=st.sampled_from([".xlsx", ".csv"]),
)
def test_a_filled_template_comes_in_as_it_was_filled(tmp_path_factory, names, bottles, cases, day, suffix):
    kit = new_kit(tmp_path_factory.mktemp("kit"))
    kit.masters()
    products = [[f"N{number}", name, 6] for number, name in enumerate(names)]
    kit.take("products", filled(kit, "products", suffix, products))
    assert {p.name for p in kit.all(Product) if p.code.startswith("N")} == {
        " ".join(name.split("\n")).strip() for name in names
    }
    rows = [["S1", f"N{number}", f"{cases}箱{bottles}瓶", day] for number in range(len(names))]
    report = kit.take("counts", filled(kit, "counts", suffix, rows, "门店编码", "商品编码", "瓶数", "盘点日期"))
    assert report.errors == []
    assert {(seen.bottles, seen.as_of) for seen in kit.all(Observation)} == {(cases * 6 + bottles, day)}
    kit.database.close()


def filled(kit: Kit, kind: str, suffix: str, rows: list[list[object]], *titles: str) -> bytes:
    """A template with rows filled in below its own header."""
    path = kit.folder / f"{kind}{suffix}"
    write_template(kind, path)
    source = open_source(path)
    head = find_header(source.rows(), KINDS[kind].columns)
    places = {spec.title: place for place, spec in head.places}
    wanted = titles or ("商品编码", "商品名称", "箱规")
    lines: list[list[object]] = [list(head.cells)]
    for row in rows:
        cells: list[object] = [None] * len(head.cells)
        for title, value in zip(wanted, row, strict=True):
            cells[places[title]] = value
        lines.append(cells)
    if suffix == ".xlsx":
        return xlsx(lines)
    return csv_text(["" if cell is None else cell for cell in cells] for cells in lines).encode()
