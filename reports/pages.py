"""A form's pages: margins, running heads, feet with page numbers, and the finished PDF bytes."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from reports.fonts import Fonts, drawable
from reports.layout import GREY, SIDE, WIDTH, Head, Typesetter
from reports.typeface import one_at_a_time, wrapped

TOP, BOTTOM = 17 * mm, 19 * mm


def build(head: Head, fonts: Fonts, compose: Callable[[Typesetter], list[Flowable]]) -> bytes:
    """Set `compose`'s flowables under the head and return the PDF's bytes, the same every time."""
    buffer = BytesIO()
    with one_at_a_time:
        setter = Typesetter(fonts)
        frame = Frame(SIDE, BOTTOM, WIDTH, A4[1] - TOP - BOTTOM, 0, 0, 0, 0)
        template = BaseDocTemplate(
            buffer,
            pagesize=A4,
            title=f"{head.title} {head.number}",
            author=head.issuer,
            subject=f"SHA-256 {head.digest}",
            creator="Jiuhui",
            lang="zh-CN",
            invariant=1,
            pageCompression=1,
        )
        template.addPageTemplates([PageTemplate("page", [frame])])
        story = [*setter.head(head), *compose(setter)]
        template.build(story, canvasmaker=_canvas_maker(head, setter))
    return buffer.getvalue()


def _canvas_maker(head: Head, setter: Typesetter) -> Callable[..., Canvas]:
    def make(*args: Any, **kwargs: Any) -> Canvas:
        return NumberedCanvas(head, setter, *args, **kwargs)

    return make


class NumberedCanvas(Canvas):
    """Keeps finished pages back until their number is known, then writes heads and feet."""

    def __init__(self, head: Head, setter: Typesetter, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head, self._setter = head, setter
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """Keep the page instead of writing it."""
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # the stubs leave it out

    def save(self) -> None:
        """Write all pages with their running heads and feet."""
        pages = self._pages
        for number, page in enumerate(pages, start=1):
            self.__dict__.update(page)
            if number > 1:
                self._running_head()
            self._foot(number, len(pages))
            super().showPage()
        super().save()

    def _running_head(self) -> None:
        y = A4[1] - 11 * mm
        head = self._head
        self._small(head.number, WIDTH * 0.35, y, right=True)
        self._small(f"{head.issuer}　{head.title}（续）", WIDTH * 0.62, y)
        self._rule(y - 2 * mm)

    def _foot(self, number: int, total: int) -> None:
        y = 11 * mm
        self._rule(y + 4 * mm)
        self._small(f"第 {number} 页 / 共 {total} 页", WIDTH * 0.2, y, right=True)
        self._small(f"内容校验码 SHA-256：{self._head.digest}", WIDTH * 0.8, y, size=6.5)

    def _small(self, text: str, width: float, y: float, *, right: bool = False, size: float = 8) -> None:
        """Write one grey line at the left or right edge, cut to `width`."""
        font = self._setter.font
        clean = drawable(text, self._setter.fonts).replace("\n", " ")
        lines = wrapped(clean, width, lambda part: stringWidth(part, font, size))
        cut = lines[0] if len(lines) == 1 else lines[0][:-1] + "…"
        self.setFont(font, size)
        self.setFillColor(GREY)
        if right:
            self.drawRightString(SIDE + WIDTH, y, cut)
        else:
            self.drawString(SIDE, y, cut)

    def _rule(self, y: float) -> None:
        self.setStrokeColor(GREY)
        self.setLineWidth(0.4)
        self.line(SIDE, y, SIDE + WIDTH, y)
