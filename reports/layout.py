"""How the parts of a business form look on A4: head with QR code, facts, line table, signatures.

It knows nothing of recalls; `documents.py` says what stands where. All sizes are points unless a
name says millimetres.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any, Literal

import structlog
from PIL import Image as Picture
from reportlab.lib.colors import Color, black
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    Paragraph,
    Spacer,
    Table,
)

from reports.fonts import Fonts, drawable
from reports.qr import draw_code
from reports.typeface import font_name

log = structlog.get_logger(__name__)

Align = Literal["left", "center", "right"]
ALIGNMENTS: dict[Align, Literal[0, 1, 2]] = {"left": 0, "center": 1, "right": 2}

SIDE = 16 * mm
WIDTH = A4[0] - 2 * SIDE
CODE_SIDE = 27 * mm
LABEL_WIDTH = 24 * mm
HEADING_ROOM = 16 * mm  # a heading starts a new page rather than stand alone under a page
LONGEST_NAME = 60  # characters
LONGEST_FACT = 160  # characters in a cell: a table row taller than a page cannot be set
SIGNATURE_BOX = (62 * mm, 22 * mm)
SIGNATURE_PIXELS = (900, 320)  # enough for print at that size
LARGEST_PICTURE = 16_000_000  # pixels; more is a decompression bomb, not a signature

GRID = Color(0.35, 0.35, 0.35)
SHADE = Color(0.94, 0.94, 0.94)
GREY = Color(0.4, 0.4, 0.4)


@dataclass(frozen=True)
class Head:
    """What stands above a form and in the foot of each of its pages."""

    issuer: str
    title: str
    number: str
    wording: str
    digest: str
    verify_url: str


@dataclass(frozen=True)
class LineColumn:
    """One column of the line table."""

    heading: str
    width_mm: float
    align: Align = "left"


@dataclass(frozen=True)
class SignBox:
    """One party's box: heading, (label, value) rows, and a picture (None leaves room for a pen)."""

    heading: str
    facts: Sequence[tuple[str, str]]
    png: bytes | None


class Typesetter:
    """Makes flowables in the Chinese typeface; to be used while `one_at_a_time` is held."""

    def __init__(self, fonts: Fonts) -> None:
        self.fonts = fonts
        self.font = font_name(fonts)

    def text(self, text: str, size: float = 9, align: Align = "left", color: Color = black) -> Paragraph:
        """Return a paragraph that wraps anywhere; line breaks in the text stay."""
        style = ParagraphStyle(
            f"text-{size}-{align}",
            fontName=self.font,
            fontSize=size,
            leading=size * 1.4,
            alignment=ALIGNMENTS[align],
            wordWrap="CJK",
            textColor=color,
        )
        marked = escape(drawable(text, self.fonts), quote=False).replace("\n", "<br/>")
        return Paragraph(marked, style)

    def facts(self, rows: Sequence[tuple[str, str]]) -> Table:
        """Return a grid of label and value, two pairs a line."""
        pairs = [[self.text(label, color=GREY), self.text(brief(value))] for label, value in rows]
        if len(pairs) % 2:
            pairs.append([self.text(""), self.text("")])
        cells = [left + right for left, right in zip(pairs[::2], pairs[1::2], strict=True)]
        value_width = WIDTH / 2 - LABEL_WIDTH
        return Table(
            cells,
            colWidths=[LABEL_WIDTH, value_width] * 2,
            style=[
                *_grid(),
                ("BACKGROUND", (0, 0), (0, -1), SHADE),
                ("BACKGROUND", (2, 0), (2, -1), SHADE),
            ],
        )

    def section(self, heading: str, body: Sequence[str]) -> list[Flowable]:
        """Return a heading and its paragraphs; nothing when there is no text."""
        said = [text for text in body if text.strip()]
        if not said:
            return []
        start = [Spacer(1, 3 * mm), CondPageBreak(HEADING_ROOM), self.heading(heading)]
        return [*start, *(self.text(text) for text in said)]

    def heading(self, text: str) -> Flowable:
        """Return a section heading."""
        return Emphasis(text, self.font, 10.5)

    def line_table(self, columns: Sequence[LineColumn], rows: Sequence[Sequence[str]], total: Sequence[str]) -> Table:
        """Return the table of lines: its head repeats on every page, the total ends it."""
        heads = [self.text(column.heading, 8.5, "center") for column in columns]
        cells = [
            [self.text(value, 8.5, column.align) for value, column in zip(row, columns, strict=True)]
            for row in [*rows, total]
        ]
        style = [
            *_grid(),
            ("BACKGROUND", (0, 0), (-1, 0), SHADE),
            ("BACKGROUND", (0, -1), (-1, -1), SHADE),
            ("NOSPLIT", (0, -2), (-1, -1)),  # a total alone on a page says nothing
        ]
        return Table(
            [heads, *cells],
            colWidths=[column.width_mm * mm for column in columns],
            repeatRows=1,
            style=style,
        )

    def signatures(self, boxes: Sequence[SignBox]) -> Flowable:
        """Return the parties' boxes side by side, never torn over two pages."""
        width = WIDTH / len(boxes)
        cells = [self._box(box, width) for box in boxes]
        style = [*_grid(), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        return KeepTogether([Table([cells], colWidths=[width] * len(boxes), style=style)])

    def _box(self, box: SignBox, width: float) -> list[Flowable]:
        facts = [
            [self.text(label, 8.5, color=GREY), self.text(brief(value, LONGEST_NAME), 8.5)]
            for label, value in box.facts
        ]
        label_width = 20 * mm
        table = Table(facts, colWidths=[label_width, width - label_width - 4 * mm], style=_tight())
        return [self.heading(box.heading), self._handwriting(box.png), table]

    def _handwriting(self, png: bytes | None) -> Flowable:
        if png is None:
            return Spacer(*SIGNATURE_BOX)
        picture = handwriting(png)
        if picture is None:
            content: Flowable = self.text("（签名图像无法读取）", 8.5, color=GREY)
        else:
            width, height, data = picture
            content = Image(BytesIO(data), width, height, hAlign="LEFT")
        room, height = SIGNATURE_BOX
        return Table([[content]], colWidths=[room], rowHeights=[height], style=_tight(), hAlign="LEFT")

    def head(self, head: Head) -> list[Flowable]:
        """Return issuer, title, number and QR code, and the legal wording under them."""
        middle = [
            self.text(brief(head.issuer), 11, "center"),
            Emphasis(head.title, self.font, 20, "center", spacing=5),
            self.text(f"单号：{brief(head.number)}", 9.5, "center"),
        ]
        code = [CodeBox(head.verify_url, CODE_SIDE), self.text("扫码核验", 7.5, "center", GREY)]
        side = CODE_SIDE
        top = Table([["", middle, code]], colWidths=[side, WIDTH - 2 * side, side], style=_tight())
        wording = Table([[self.text(head.wording, 8.5, "center")]], colWidths=[WIDTH], style=_grid())
        return [top, Spacer(1, 2 * mm), wording, Spacer(1, 3 * mm)]


def brief(text: str, limit: int = LONGEST_FACT) -> str:
    """Return `text` on one line, cut with an ellipsis when it has more than `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


class Emphasis(Flowable):
    """One line of text drawn with a thin outline, since the typeface has a single weight."""

    def __init__(self, text: str, font: str, size: float, align: Align = "left", spacing: float = 0) -> None:
        super().__init__()
        self.text, self.font, self.size = text, font, size
        self.align, self.spacing = align, spacing

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: ARG002, N803 - reportlab's
        """Take the whole width and one line."""
        self.width, self.height = aW, self.size * 1.7
        return self.width, self.height

    def draw(self) -> None:
        """Draw the line, centred if asked."""
        length = stringWidth(self.text, self.font, self.size)
        length += self.spacing * (len(self.text) - 1)
        left = (self.width - length) / 2 if self.align == "center" else 0
        canvas = self.canv
        canvas.saveState()
        canvas.setLineWidth(self.size / 40)
        line = canvas.beginText(left, self.size * 0.5)
        line.setFont(self.font, self.size)
        line.setCharSpace(self.spacing)
        line.setTextRenderMode(2)
        line.textOut(self.text)
        canvas.drawText(line)
        canvas.restoreState()


class CodeBox(Flowable):
    """A QR code as vectors."""

    def __init__(self, text: str, side: float) -> None:
        super().__init__()
        self.text = text
        self.width = self.height = side

    def draw(self) -> None:
        """Draw the code with its white border."""
        draw_code(self.canv, self.text, (0, 0, self.width))


def handwriting(png: bytes) -> tuple[float, float, bytes] | None:
    """Return a signature's width and height on paper and its picture on white, or None.

    None, and a log line, when the bytes are no readable PNG of a sensible size.
    """
    try:
        small = _opened(png)
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError, Warning) as error:
        log.warning("signature_unreadable", bytes=len(png), error=type(error).__name__)
        return None
    small.thumbnail(SIGNATURE_PIXELS)
    paper = Picture.new("RGBA", small.size, "white")
    paper.alpha_composite(small)
    buffer = BytesIO()
    paper.convert("L").save(buffer, "PNG")
    scale = min(SIGNATURE_BOX[0] / small.width, SIGNATURE_BOX[1] / small.height)
    return small.width * scale, small.height * scale, buffer.getvalue()


def _opened(png: bytes) -> Picture.Image:
    with Picture.open(BytesIO(png), formats=("PNG",)) as picture:
        if picture.width * picture.height > LARGEST_PICTURE:
            raise ValueError(f"a signature of {picture.width} x {picture.height} pixels")
        return picture.convert("RGBA")


def _grid() -> list[tuple[Any, ...]]:
    return [
        ("GRID", (0, 0), (-1, -1), 0.5, GRID),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
    ]


def _tight() -> list[tuple[Any, ...]]:
    return [
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
    ]
