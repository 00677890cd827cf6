"""Files as they come: encodings, archives, formulas, garbage. A bad file changes nothing."""

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook

from models.catalog import Product, Store
from models.stock import Delivery
from tests.intake_kit import PRODUCTS, STORES, Kit, new_kit, xlsx
from tests.old_excel import xls
from workflows.imports import KINDS, describe_columns, reader, write_template
from workflows.imports.header import find_header


@pytest.fixture
def kit(tmp_path) -> Kit:
    return new_kit(tmp_path)


def refusal(kit: Kit, content: bytes | str, kind: str = "products") -> str:
    report = kit.take(kind, content)
    assert not report.written
    assert report.accepted == 0
    assert kit.count(Product) == kit.count(Store) == 0
    return report.errors[0].sentence


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_usual_encoding_is_read(kit, encoding):
    assert kit.take("products", PRODUCTS.encode(encoding)).accepted == 2
    assert {p.name for p in kit.all(Product)} == {"青岚 42 度", "鹤汀 52 度"}


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_every_usual_delimiter_is_read(kit, delimiter):
    assert kit.take("products", PRODUCTS.replace(",", delimiter)).accepted == 2


def test_gzip_is_read_by_content_not_by_name(kit):
    assert kit.take("products", gzip.compress(PRODUCTS.encode())).accepted == 2


def test_excel_numbers_become_codes_and_empty_rows_do_not_matter(kit):
    rows = [["编码", "名称", "箱规", "单价"], [195.0, "甲", 6, 12.1], [], [None, None], ["合计", None, 6, 12.1]]
    assert kit.take("products", xlsx(rows, before=[["商品清单"], ["日期：2026-03"]])).accepted == 1
    [product] = kit.all(Product)
    assert (product.code, product.price_fen) == ("195", 1210)


def test_error_rows_carry_the_row_number_excel_shows(kit):
    rows = [["编码", "名称", "箱规"], ["A", "甲", 6], ["B", "乙", -6]]
    sentence = refusal(kit, xlsx(rows, before=[["商品清单"], []]))
    assert sentence == "第 5 行“箱规”（写的是 -6）：不能是负数。"


def test_empty_file_is_refused(kit):
    assert refusal(kit, b"") == "文件是空的。"


def test_header_only_says_there_are_no_rows(kit):
    report = kit.take("products", "商品编码,商品名称,箱规\n")
    assert report.accepted == 0
    assert "文件里没有数据行。" in report.notes


def test_wrong_columns_are_named(kit):
    assert "缺少这些列：箱规" in refusal(kit, "商品编码,商品名称,别的\nA,甲,1\n")
    assert "没有找到表头" in refusal(kit, "x,y,z\n1,2,3\n")


def test_broken_utf8_is_refused_with_its_line(kit):
    broken = PRODUCTS.encode() + b"C3,\xe9\x9d,6,1,x\n"
    assert "第 4 行" in refusal(kit, broken)


def test_unknown_encoding_is_refused(kit):
    assert "编码" in refusal(kit, b"\xff\xff\xff,\xff\n" * 5)


@pytest.mark.parametrize(
    "garbage",
    [
        bytes(range(256)) * 40,
        b"PK\x03\x04" + b"rubbish" * 99,
        b"\x1f\x8b" + b"no gzip" * 9,
        b"\xd0\xcf\x11\xe0" + b"\x00" * 900,
    ],
)
def test_binary_garbage_is_refused(kit, garbage):
    assert refusal(kit, garbage).endswith("。")


def test_torn_gzip_is_refused(kit):
    assert "损坏" in refusal(kit, gzip.compress(PRODUCTS.encode() * 99)[:-20])


def zeros_in_zip(megabytes: int, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as entry,
    ):
        for _ in range(megabytes):
            entry.write(bytes(1024 * 1024))
    return stream.getvalue()


def test_hundred_megabytes_of_zeros_in_a_zip_are_not_unpacked(kit):
    assert "压缩炸弹" in refusal(kit, zeros_in_zip(100))


def test_hundred_megabytes_of_zeros_in_a_gzip_are_not_read_to_the_end(kit):
    assert "压缩炸弹" in refusal(kit, gzip.compress(b"0" * 100 * 1024 * 1024))


def test_zip_with_a_lying_header_is_refused(kit):
    content = bytearray(zeros_in_zip(8, "xl/sharedStrings.xml"))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (1000).to_bytes(4, "little")
    assert "损坏" in refusal(kit, bytes(content))


def test_two_cells_in_opposite_corners_are_refused(kit):
    stream = io.BytesIO(xlsx([["编码", "名称", "箱规"], ["A", "甲", 6]]))
    book = load_workbook(stream)
    assert book.active is not None
    book.active["XFD1000000"] = "远"
    out = io.BytesIO()
    book.save(out)
    assert "表格太大" in refusal(kit, out.getvalue())


def reshaped(content: bytes, change: Callable[[str], str]) -> bytes:
    """The Excel file with the XML of its sheet written otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            part = source.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml":
                part = change(part.decode()).encode()
            target.writestr(entry.filename, part)
    return out.getvalue()


SMALL = [["编码", "名称", "箱规"], ["A", "甲", 6]]


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="3"><c r="xfd1000000" t="n"><v>1</v></c></row>',  # small letters are read as well
        '<row r="3"><c t="n" r = "XFD1000000"><v>1</v></c></row>',
        '<y:row r="3"><y:c r="XFD1000000"><y:v>1</y:v></y:c></y:row>',
        "<row r='99999'>" + "<c/>" * 16_000 + "<c><v>1</v></c></row>",  # cells without names stand side by side
        '<row r="1048576"><c r="ZZZ1"><v>1</v></c></row><row r="9"><c r="A1048576"><v>1</v></c></row>',
    ],
)
def test_far_cells_are_found_however_they_are_spelt(kit, cells):
    content = reshaped(xlsx(SMALL), lambda xml: xml.replace("</sheetData>", f"{cells}</sheetData>"))
    assert "表格太大" in refusal(kit, content)


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: re.sub(r"<(/?)(worksheet|sheetData|row|c|v|is|t)\b", r"<\1x:\2", xml).replace("xmlns=", "xmlns:x="),
        lambda xml: xml.replace('<c r="A2"', "<c r='A2'"),
        lambda xml: re.sub(r'<c r="(\w+)"( t="\w+")', r'<c\2 r="\1"', xml),
        lambda xml: re.sub(r'<row r="\d+"', "<row", xml),
    ],
)
def test_sheets_of_other_makers_are_read(kit, change):
    assert kit.take("products", reshaped(xlsx(SMALL), change)).accepted == 1


def test_formulas_are_found_however_the_cell_is_spelt(kit):
    kit.masters()
    rows: list[list[Any]] = [
        ["门店编码", "商品编码", "日期", "瓶数", "金额"],
        ["S1", "A1", date(2026, 3, 1), 6, "=D2*2"],
    ]
    fine = kit.take("deliveries", xlsx(rows))
    assert (fine.accepted, fine.errors) == (1, [])  # nobody asks for that column
    rows[1][3] = "=2*3"
    odd = reshaped(xlsx(rows), lambda xml: re.sub(r'<c r="D2"', '<c t="n" r="D2"', xml))
    assert "是公式" in kit.take("deliveries", odd).errors[0].sentence


def test_an_old_excel_file_is_read(kit):
    cells = [(0, column, title) for column, title in enumerate(["编码", "名称", "箱规"])]
    content = xls([*cells, (1, 0, "A1"), (1, 1, "青岚"), (1, 2, 6.0)])
    assert kit.take("products", content).accepted == 1


def test_an_old_excel_file_with_cells_in_opposite_corners_takes_no_memory_of_ours(kit):
    assert "不是能读的" in refusal(kit, xls([(0, 0, "编码"), (65_535, 65_535, "远")]))


def test_a_locked_excel_file_says_so(kit):
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    assert "密码" in refusal(kit, locked)


def test_endlessly_merged_cells_are_refused(kit):
    rows = [["门店编码", "商品编码", "瓶数"], *[["S1", "A1", 1] for _ in range(1_200)]]
    merges = '<mergeCells count="1">' + '<mergeCell ref="A2:A1200"/>' * 500 + "</mergeCells>"
    content = reshaped(xlsx(rows), lambda xml: xml.replace("</sheetData>", f"</sheetData>{merges}"))
    assert "取消合并" in refusal(kit, content, "counts")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_its_mark_is_read(kit, encoding):
    assert kit.take("products", PRODUCTS.encode(encoding)).accepted == 2


@pytest.mark.parametrize("row", ['A,"甲,6', 'A,"甲"乙,6', '"A,甲,6\nB,乙,6'])
def test_lone_quotes_are_refused_and_swallow_nothing(kit, row):
    assert "引号" in refusal(kit, f"商品编码,商品名称,箱规\n{row}\nC,丙,6\n")


def test_bytes_of_nothing_in_a_text_file_are_refused(kit):
    assert "二进制" in refusal(kit, PRODUCTS.encode() + b"A\x00B,x,6,1,x\n")


def test_formulas_in_csv_and_in_error_files_stay_text(kit):
    report = kit.take("products", "商品编码,商品名称,箱规\nA1,=1+1,-6\n")
    assert report.error_file is not None
    sheet = load_workbook(report.error_file).active
    assert sheet is not None
    assert sheet["B2"].data_type == "s"
    assert str(sheet["B2"].value).startswith("'")


def test_formulas_in_codes_and_quantities_are_refused(kit):
    kit.take("products", PRODUCTS)
    kit.take("stores", STORES)
    rows = [
        ["门店编码", "商品编码", "日期", "瓶数"],
        ["S1", "A1", date(2026, 3, 1), "=2*6"],
        ["S1", '="A1"', date(2026, 3, 1), 6],
    ]
    report = kit.take("deliveries", xlsx(rows))
    assert [error.sentence for error in report.errors] == [
        "第 2 行“瓶数”：是公式；请复制后“选择性粘贴”成数值。",
        "第 3 行“商品编码”：是公式；请复制后“选择性粘贴”成数值。",
    ]
    assert kit.count(Delivery) == 0


def test_formula_text_in_csv_is_refused(kit):
    assert "公式" in refusal(kit, "商品编码,商品名称,箱规\n=cmd|' /C calc'!A0,甲,6\n")


def test_row_longer_than_the_header_is_refused(kit):
    assert "多出几格" in refusal(kit, "商品编码,商品名称,箱规\nA,甲,乙,6\n")


def test_unclosed_quote_swallowing_the_file_is_refused(kit):
    assert refusal(kit, '商品编码,商品名称,箱规\nA,"甲,6\n' + "B,乙,6\n" * 40_000)


def test_too_many_rows_are_refused(kit):
    source = reader.open_source(kit.write("x\n" * (reader.MOST_ROWS + 1)))
    with pytest.raises(reader.FileRefused, match="行数太多"):
        for _ in source.rows():
            pass


def test_bad_rows_are_marked_in_a_workbook(kit):
    report = kit.take("products", "商品编码,商品名称,箱规\nA,甲,6\nB,乙,-1\n")
    assert report.error_file is not None
    book = load_workbook(report.error_file)
    sheet = book.active
    assert sheet is not None
    assert [[cell.value for cell in row][:3] for row in sheet.iter_rows()][1:] == [["A", "甲", "6"], ["B", "乙", "'-1"]]
    assert sheet["C3"].fill.fgColor.rgb != sheet["C2"].fill.fgColor.rgb


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_templates_are_read_by_their_own_importer(kit, kind, suffix):
    path = kit.folder / f"template{suffix}"
    write_template(kind, path)
    report = kit.take(kind, path)
    assert report.errors == []
    assert report.notes == ["文件里没有数据行。"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_column_is_explained_and_found_by_every_name(kind):
    for title, _, explanation, _ in describe_columns(kind):
        assert title
        assert explanation
    columns = KINDS[kind].columns
    for names in ([spec.title for spec in columns], [spec.name for spec in columns]):
        assert len(find_header([names], columns).places) == len(columns)
