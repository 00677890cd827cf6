"""Files as they come: encodings, archives, formulas, garbage. A bad file changes nothing."""

import gzip
import io
import zipfile
from datetime import date

import pytest
from openpyxl import load_workbook

from models.catalog import Product, Store
from models.stock import Delivery
from tests.intake_kit import PRODUCTS, STORES, Kit, new_kit, xlsx
from workflows.imports import KINDS, describe_columns, reader, write_template
from workflows.imports.columns import find_header


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


def zeros_in_zip(megabytes: int) -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as entry,
    ):
        for _ in range(megabytes):
            entry.write(bytes(1024 * 1024))
    return stream.getvalue()


def test_hundred_megabytes_of_zeros_in_a_zip_are_not_unpacked(kit):
    assert "压缩炸弹" in refusal(kit, zeros_in_zip(100))


def test_hundred_megabytes_of_zeros_in_a_gzip_are_not_read_to_the_end(kit):
    assert "压缩炸弹" in refusal(kit, gzip.compress(b"0" * 100 * 1024 * 1024))


def test_zip_with_a_lying_header_is_refused(kit):
    content = bytearray(zeros_in_zip(8))
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
