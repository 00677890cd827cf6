"""The Chinese typeface inside reportlab: registering it, measuring with it, one user at a time."""

from collections.abc import Callable
from threading import Lock

from reportlab.pdfbase.pdfmetrics import getRegisteredFontNames, registerFont
from reportlab.pdfbase.ttfonts import TTFont

from reports.fonts import Fonts

# A registered font is one shared object in which each document notes the glyphs it used, and
# reportlab promises nothing about threads. A page takes some 20 ms of pure Python, so waiting
# costs nothing.
one_at_a_time = Lock()


def font_name(fonts: Fonts) -> str:
    """Return the name reportlab knows the typeface by, registering it the first time.

    To be called while `one_at_a_time` is held.
    """
    name = f"Jiuhui-{fonts.directory.name}"
    if name not in getRegisteredFontNames():
        registerFont(TTFont(name, str(fonts.ttf)))
    return name


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Break `text` into lines no wider than `width`, anywhere, as Chinese is set."""
    lines: list[str] = []
    for part in text.split("\n"):
        line = ""
        for char in part:
            if line and measure(line + char) > width:
                lines.append(line)
                line = char.lstrip()
            else:
                line += char
        lines.append(line)
    return lines
