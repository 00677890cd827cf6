"""Charts and QR codes, looked at pixel by pixel."""

import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader
from structlog.testing import capture_logs

from reports.charts import MOST_BARS, MOST_STORES, digest_spec, progress_spec
from reports.qr import (
    CELL_HEIGHT,
    CELL_WIDTH,
    CODE_SIDE,
    MODULE,
    QUIET,
    SHEET_MASK,
    label_sheet_pdf,
    matrix,
    qr_png,
)
from reports.vega import chart_html, chart_svg, digest_chart, progress_chart
from tests.report_samples import URL, made_fonts

LONG = "遵义市汇川区恒顺商贸有限责任公司城北批发部第二经营部（老城区人民医院斜对面）"
ROWS = [("喆堃烟酒便利店", 420.0), (LONG, 1310.0), ("A 店", 12.0), ("A 店", 11.5)]
STAGES = ["待交接", "在途", "已入库", "已验收", "已卖完"]


def picture(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGB")


def test_digest_picture_is_wide_sharp_and_on_white():
    drawn = picture(digest_chart("渠道预警", ROWS, "瓶", fonts=made_fonts()))
    assert drawn.width == 1600
    corners = [(0, 0), (1599, 0), (0, drawn.height - 1), (1599, drawn.height - 1)]
    assert {drawn.getpixel(corner) for corner in corners} == {(255, 255, 255)}


def test_digest_picture_is_opaque():
    png = digest_chart("渠道预警", ROWS, "瓶", fonts=made_fonts())
    alpha = Image.open(BytesIO(png)).convert("RGBA").getchannel("A")
    assert alpha.getextrema() == (255, 255)


def test_digest_picture_grows_with_its_bars_and_the_longest_is_first():
    few = picture(digest_chart("渠道预警", ROWS[:2], "瓶", fonts=made_fonts()))
    many = picture(digest_chart("渠道预警", ROWS, "瓶", fonts=made_fonts()))
    assert many.height > few.height
    red = [sum(many.getpixel((x, y)) == (179, 54, 27) for x in range(many.width)) for y in range(many.height)]
    bars = [width for width, before in zip(red[1:], red, strict=False) if width and not before]
    assert len(bars) == 4
    assert bars == sorted(bars, reverse=True)


def test_two_stores_of_one_name_keep_their_bars():
    labels = [row["label"] for row in digest_spec("t", ROWS, "瓶")["data"]["values"]]
    assert len(set(labels)) == 4


def test_digest_shows_twelve_and_says_how_many_more():
    spec = digest_spec("t", [(f"门店 {n}", n) for n in range(20)], "瓶")
    values = [row["value"] for row in spec["data"]["values"]]
    assert values == list(range(19, 7, -1))
    assert len(values) == MOST_BARS
    assert spec["title"]["subtitle"] == "另有 8 项未列出"


def test_digest_without_rows_says_so_and_still_draws():
    assert digest_spec("t", [], "瓶")["title"]["subtitle"] == "暂无数据"
    assert picture(digest_chart("t", [], "瓶", fonts=made_fonts())).width == 1600


def test_progress_stacks_the_stages_of_every_store():
    rows = [("甲店", [10, 0, 5, 3, 2]), ("乙店", [0, 20, 0, 0, 0])]
    drawn = picture(progress_chart("回收进度", STAGES, rows, fonts=made_fonts()))
    assert drawn.width == 1600
    colors = {color for _, color in drawn.getcolors(1_000_000) or []}
    assert {(201, 201, 201), (224, 160, 48), (74, 127, 181)} <= colors


def test_progress_row_must_have_a_number_for_each_stage():
    with pytest.raises(ValueError, match="shorter"):
        progress_spec("t", STAGES, [("甲店", [1, 2])])


def test_progress_says_how_many_stores_it_left_out():
    spec = progress_spec("t", ["在途"], [(f"店 {n}", [n]) for n in range(MOST_STORES + 5)])
    assert spec["title"]["subtitle"] == "另有 5 家门店未列出"


def test_missing_glyph_is_logged_not_taken_from_the_system():
    with capture_logs() as logs:
        digest_chart("𠮷", [], "瓶", fonts=made_fonts())
    assert [line["event"] for line in logs] == ["font_glyph_missing"]


def test_svg_and_html_carry_the_labels_and_need_no_network():
    spec = progress_spec("回收进度", ["在途"], [("甲店", [3])])
    assert "甲店" in chart_svg(spec, made_fonts())
    page = chart_html(spec)
    assert "回收进度" in page
    assert 'src="http' not in page


def test_descriptions_do_not_load_the_drawing_engine():
    code = "import sys, reports.charts; sys.exit('vl_convert' in sys.modules)"
    root = Path(__file__).resolve().parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_qr_picture_has_the_modules_of_the_code():
    drawn = picture(qr_png(URL)).convert("L")
    modules = matrix(URL)
    assert drawn.width == (len(modules) + 2 * QUIET) * MODULE
    for y, line in enumerate(modules):
        for x, black in enumerate(line):
            middle = [(QUIET + place) * MODULE + MODULE // 2 for place in (x, y)]
            assert drawn.getpixel((middle[0], middle[1])) == (0 if black else 255)


def test_qr_caption_stands_under_the_code_and_wraps():
    plain = picture(qr_png(URL))
    one = picture(qr_png(URL, "甲店", fonts=made_fonts()))
    more = picture(qr_png(URL, LONG, fonts=made_fonts()))
    assert plain.height < one.height < more.height
    assert one.width == more.width == plain.width
    under = one.crop((0, plain.height, one.width, one.height)).convert("L")
    assert min(under.tobytes()) < 100


@pytest.mark.parametrize("text", ["", "x" * 5000])
def test_text_no_code_can_hold_is_refused(text: str):
    with pytest.raises(ValueError, match="QR code"):
        qr_png(text)


def test_label_sheet_holds_twelve_a_page_and_repeats_its_bytes():
    labels = [(f"{URL}/{n}", f"喆堃烟酒店 {n:02}") for n in range(13)]
    first = label_sheet_pdf(labels, fonts=made_fonts())
    assert first == label_sheet_pdf(labels, fonts=made_fonts())
    found = [page.extract_text() for page in PdfReader(BytesIO(first)).pages]
    assert len(found) == 2
    assert "喆堃烟酒店 11" in found[0]
    assert "喆堃烟酒店 12" in found[1]


def test_empty_label_sheet_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        label_sheet_pdf([], fonts=made_fonts())


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="needs poppler's pdftoppm")
def test_printed_label_has_the_modules_of_the_code(tmp_path: Path):
    sheet = tmp_path / "sheet.pdf"
    sheet.write_bytes(label_sheet_pdf([(URL, "甲店")], fonts=made_fonts()))
    command = ["pdftoppm", "-r", "216", "-gray", "-singlefile", str(sheet), str(tmp_path / "page")]
    subprocess.run(command, check=True)
    page = Image.open(tmp_path / "page.pgm")
    dots = 216 / 72  # per point
    left = (page.width / dots - 3 * CELL_WIDTH) / 2 + (CELL_WIDTH - CODE_SIDE) / 2
    top = (page.height / dots - 4 * CELL_HEIGHT) / 2 + 2 * 72 / 25.4
    modules = matrix(URL, mask=SHEET_MASK)
    size = CODE_SIDE / (len(modules) + 2 * QUIET)
    for y, line in enumerate(modules):
        for x, black in enumerate(line):
            place = (left + (QUIET + x + 0.5) * size, top + (QUIET + y + 0.5) * size)
            pixel = page.getpixel((round(place[0] * dots), round(place[1] * dots)))
            assert pixel == (0 if black else 255)
