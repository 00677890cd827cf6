"""QR codes: for a store's counter, for a sheet of counter labels and inside documents."""

from collections.abc import Sequence
from io import BytesIO

import qrcode
from PIL import Image, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_M
from qrcode.exceptions import DataOverflowError
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from reports.fonts import Fonts, drawable, ensure_fonts
from reports.typeface import font_name, one_at_a_time, wrapped

QUIET = 4  # modules of white around a code, by the standard
MODULE = 10  # pixels per module in a PNG
CAPTION_SIZE = 30  # pixels
CAPTION_GAP = 12  # pixels between lines
SHEET_MASK = 2  # choosing the best mask costs four fifths of the time, and any mask scans

COLUMNS, ROWS = 3, 4
CELL_WIDTH, CELL_HEIGHT = 60 * mm, 66 * mm
CODE_SIDE = 46 * mm
LABEL_SIZE, LABEL_LEADING, LABEL_LINES = 9.5, 12.5, 3  # points, points, lines


def matrix(text: str, *, mask: int | None = None) -> list[list[bool]]:
    """Return the code's modules without the white border, row by row, True for black.

    Raises ValueError when the text is empty or longer than a QR code can hold.
    """
    if not text:
        raise ValueError("an empty text has no QR code")
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=mask)
    code.add_data(text, optimize=0)
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise ValueError(f"{len(text)} characters are too many for a QR code") from error
    return [[bool(module) for module in row] for row in code.get_matrix()]


def draw_code(canvas: Canvas, text: str, box: tuple[float, float, float], *, mask: int | None = None) -> None:
    """Draw a QR code as vectors into the square `box` (left, bottom, side; points)."""
    modules = matrix(text, mask=mask)
    left, bottom, side = box
    size = side / (len(modules) + 2 * QUIET)
    path = canvas.beginPath()
    for row, line in enumerate(modules):
        y = bottom + side - (QUIET + row + 1) * size
        for start, length in _runs(line):
            path.rect(left + (QUIET + start) * size, y, length * size, size)
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)


def _runs(line: Sequence[bool]) -> list[tuple[int, int]]:
    """Join neighbouring black modules, so that no hairline shows between them."""
    runs: list[tuple[int, int]] = []
    for column, black in enumerate(line):
        if not black:
            continue
        if runs and sum(runs[-1]) == column:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((column, 1))
    return runs


def qr_png(text: str, caption: str = "", *, fonts: Fonts | None = None) -> bytes:
    """Return a PNG of the code with the caption (a store's name) under it, wrapped at its width.

    Raises ValueError as `matrix` does and FontError when there is no typeface for the caption.
    """
    code = _code_picture(text)
    if not caption:
        return _png(code)
    found = fonts or ensure_fonts()
    font = ImageFont.truetype(str(found.ttf), CAPTION_SIZE)
    lines = _caption_lines(drawable(caption, found), font, code.width - 2 * MODULE)
    step = CAPTION_SIZE + CAPTION_GAP
    picture = Image.new("L", (code.width, code.height + len(lines) * step + CAPTION_GAP), 255)
    picture.paste(code, (0, 0))
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        pen.text((code.width / 2, code.height + number * step), line, 0, font=font, anchor="ma")
    return _png(picture)


def _code_picture(text: str) -> Image.Image:
    modules = matrix(text)
    side = len(modules)
    small = Image.new("L", (side + 2 * QUIET,) * 2, 255)
    for y, line in enumerate(modules):
        for x, black in enumerate(line):
            if black:
                small.putpixel((x + QUIET, y + QUIET), 0)
    return small.resize((small.width * MODULE,) * 2, Image.Resampling.NEAREST)


def _caption_lines(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    return wrapped(text, width, font.getlength)


def _png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def label_sheet_pdf(labels: Sequence[tuple[str, str]], *, fonts: Fonts | None = None) -> bytes:
    """Return A4 sheets of twelve (text, caption) codes each with cutting lines, as PDF bytes.

    Raises ValueError when there is no label, or for a text no QR code can hold.
    """
    if not labels:
        raise ValueError("a label sheet needs at least one label")
    found = fonts or ensure_fonts()
    buffer = BytesIO()
    with one_at_a_time:
        font = font_name(found)
        canvas = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=1)
        canvas.setTitle("门店二维码")
        for number, (text, caption) in enumerate(labels):
            place = number % (COLUMNS * ROWS)
            if number and not place:
                canvas.showPage()
            canvas.setFont(font, LABEL_SIZE)
            _draw_label(canvas, _corner(place), text, _label_lines(drawable(caption, found), font))
        canvas.save()
    return buffer.getvalue()


def _corner(place: int) -> tuple[float, float]:
    row, column = divmod(place, COLUMNS)
    left = (A4[0] - COLUMNS * CELL_WIDTH) / 2 + column * CELL_WIDTH
    top = (A4[1] + ROWS * CELL_HEIGHT) / 2 - row * CELL_HEIGHT
    return left, top - CELL_HEIGHT


def _label_lines(caption: str, font: str) -> list[str]:
    """Wrap a caption to the label; what is left after the last line becomes an ellipsis."""
    width = CELL_WIDTH - 6 * mm
    lines = wrapped(caption, width, lambda part: stringWidth(part, font, LABEL_SIZE))
    if len(lines) > LABEL_LINES:
        lines = [*lines[: LABEL_LINES - 1], lines[LABEL_LINES - 1][:-1] + "…"]
    return lines


def _draw_label(canvas: Canvas, corner: tuple[float, float], text: str, lines: list[str]) -> None:
    left, bottom = corner
    canvas.setStrokeGray(0.75)
    canvas.setLineWidth(0.4)
    canvas.setDash(2, 2)
    canvas.rect(left, bottom, CELL_WIDTH, CELL_HEIGHT)
    side = CODE_SIDE
    code_bottom = bottom + CELL_HEIGHT - side - 2 * mm
    draw_code(canvas, text, (left + (CELL_WIDTH - side) / 2, code_bottom, side), mask=SHEET_MASK)
    for number, line in enumerate(lines):
        y = code_bottom - LABEL_SIZE - number * LABEL_LEADING
        canvas.drawCentredString(left + CELL_WIDTH / 2, y, line)
