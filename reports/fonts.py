"""One Chinese typeface for PDFs, pictures and pages, made once from an installed font package.

The package carries Noto Sans SC (SIL Open Font License) with PostScript outlines, which
reportlab refuses, so its outlines are turned into TrueType ones and kept in a cache folder. No
system font is ever used: a document looks the same on every machine, and what the typeface
cannot draw is shown as 〓 and logged.
"""

import hashlib
import os
import tempfile
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

log = structlog.get_logger(__name__)

FAMILY = "Jiuhui Sans SC"  # own name: the outlines are modified, and no system font can be meant
DEFAULT_CACHE = Path(__file__).resolve().parent.parent / "var" / "fonts"
PACKAGE = "pylopdf_fonts_zh_cn"
SOURCE_FILE = "NotoSansSC-Regular.otf"
RECIPE = "2"  # raise when the made files should differ: old caches are then left alone
MISSING = "〓"
CURVE_ERROR = 1.0  # of 1,000 units per em: invisible in print
FIXED_TIME = 3_850_000_000  # seconds since 1904, so that the bytes do not depend on the clock
PROGRESS_STEP = 500  # glyphs between two calls of the progress callback
NAME_IDS = {0: "copyright", 13: "licenseDescription", 14: "licenseInfoURL"}

SIGNS = (
    "№℃℉㎡㎏㎎㎜㎝㎞㏄℡¥￥€£©®™°±×÷≈≠≤≥‰′″·•…—–‘’“”、。〈〉《》「」『』【】〓→←↑↓↔⇒"
    "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳■□▲△▼▽◆◇●○◎★☆✓✔✗✘☐☑"
)
STAND_INS = {"✔": "✓", "✗": "×", "✘": "×", "☐": "□", "☑": "✓"}  # the source lacks these signs

Progress = Callable[[int, int], None]


class FontError(RuntimeError):
    """The Chinese typeface could not be made; the sentence says what the operator can do."""


@dataclass(frozen=True)
class Fonts:
    """Where the made typeface lies: `ttf` for PDFs and pictures (GBK), `web` for pages (GB2312)."""

    ttf: Path
    web: Path
    directory: Path


def ensure_fonts(cache: Path = DEFAULT_CACHE, *, progress: Progress | None = None, package: str = PACKAGE) -> Fonts:
    """Return the typeface in `cache`, making it first (about ten seconds) when it is not there.

    Safe in two processes at once: each writes its own temporary file and renames it, and both
    make the same bytes. `progress` is called with (glyphs done, glyphs in all).
    Raises FontError when the font package is missing or the folder cannot be written.
    """
    source = _source(package)
    key = hashlib.sha256(RECIPE.encode() + source.read_bytes()).hexdigest()[:12]
    directory = cache / key
    fonts = Fonts(directory / "JiuhuiSansSC.ttf", directory / "JiuhuiSansSC.woff", directory)
    if fonts.ttf.is_file() and fonts.web.is_file():
        return fonts
    started = time.perf_counter()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        glyphs = _make(source, fonts, progress or _silent)
    except OSError as error:
        raise FontError(f"the font cache {directory} cannot be written: {error.strerror}") from error
    log.info("fonts_made", glyphs=glyphs, seconds=round(time.perf_counter() - started, 1))
    return fonts


def drawable(text: str, fonts: Fonts) -> str:
    """Return `text` as the typeface can draw it: invisible marks dropped, what is missing as 〓.

    Line breaks stay. Missing characters are logged by code point, once per call.
    """
    covered = _covered(fonts.ttf)
    if covered.issuperset(map(ord, text)):
        return text
    missing: list[str] = []
    drawn = "".join(_drawn(char, covered, missing) for char in text)
    if missing:
        code_points = sorted({f"U+{ord(char):04X}" for char in missing})
        log.warning("font_glyph_missing", code_points=code_points)
    return drawn


def _drawn(char: str, covered: frozenset[int], missing: list[str]) -> str:
    if ord(char) in covered or char == "\n":
        return char
    if char == "\t":
        return " "
    # Joiners, direction overrides and variation selectors have no picture of their own.
    if unicodedata.category(char) in {"Cc", "Cf", "Mn"}:
        return ""
    missing.append(char)
    return MISSING


@lru_cache(maxsize=4)
def _covered(ttf: Path) -> frozenset[int]:
    with TTFont(ttf, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _source(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FontError(f"the Chinese font package {package} is not installed: run pip install -r requirements.txt")
    path = Path(spec.origin).parent / SOURCE_FILE
    if not path.is_file():
        raise FontError(f"the Chinese font package {package} carries no {SOURCE_FILE}")
    return path


def _silent(_done: int, _total: int) -> None:
    return None


def _make(source: Path, fonts: Fonts, progress: Progress) -> int:
    with TTFont(source, lazy=True) as font:
        cmap = _wanted(font.getBestCmap())
        glyphs = _outlines(font, cmap, progress)
        _save(_build(font, glyphs, cmap), fonts.ttf)
        web_cmap = {code: name for code, name in cmap.items() if _for_pages(code)}
        web = _build(font, glyphs, web_cmap)
        web.flavor = "woff"
        _save(web, fonts.web)
    return len(glyphs)


def _wanted(cmap: dict[int, str]) -> dict[int, str]:
    """Choose the characters: GBK covers the rare ones in people's names and village addresses."""
    extra = {ord(char) for char in SIGNS}
    chosen = {c: name for c, name in cmap.items() if c in extra or _encodable(c, "gbk")}
    for sign, stand_in in STAND_INS.items():
        chosen.setdefault(ord(sign), cmap[ord(stand_in)])
    return dict(sorted(chosen.items()))


def _for_pages(code: int) -> bool:
    """Say whether a page needs it: phones have fonts of their own for the rest."""
    return _encodable(code, "gb2312") or chr(code) in SIGNS


def _encodable(code: int, encoding: str) -> bool:
    try:
        chr(code).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _outlines(font: TTFont, cmap: dict[int, str], progress: Progress) -> dict[str, Any]:
    source = font.getGlyphSet()
    names = [".notdef", *dict.fromkeys(cmap.values())]
    glyphs = {}
    for done, name in enumerate(names, start=1):
        pen = TTGlyphPen(None)
        source[name].draw(Cu2QuPen(pen, CURVE_ERROR, reverse_direction=True))
        glyphs[name] = pen.glyph()
        if done % PROGRESS_STEP == 0 or done == len(names):
            progress(done, len(names))
    return glyphs


def _build(font: TTFont, glyphs: dict[str, Any], cmap: dict[int, str]) -> TTFont:
    names = [".notdef", *dict.fromkeys(cmap.values())]
    header = font["hhea"]
    widths = font["hmtx"].metrics
    builder = FontBuilder(font["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(cmap)
    builder.setupGlyf({name: glyphs[name] for name in names})
    table = builder.font["glyf"]
    builder.setupHorizontalMetrics({name: (widths[name][0], getattr(table[name], "xMin", 0)) for name in names})
    builder.setupHorizontalHeader(ascent=header.ascent, descent=header.descent)
    builder.setupNameTable(_names(font))
    builder.setupOS2(
        sTypoAscender=header.ascent,
        sTypoDescender=header.descent,
        usWinAscent=header.ascent,
        usWinDescent=-header.descent,
    )
    builder.setupPost(keepGlyphNames=False)
    builder.updateHead(created=FIXED_TIME, modified=FIXED_TIME)
    return builder.font


def _names(font: TTFont) -> dict[str, str]:
    """Keep the author's copyright and licence, as the licence asks, under our own family name."""
    kept = {key: font["name"].getDebugName(number) or "" for number, key in NAME_IDS.items()}
    return kept | {
        "familyName": FAMILY,
        "styleName": "Regular",
        "uniqueFontIdentifier": f"{FAMILY} {RECIPE}",
        "fullName": FAMILY,
        "version": f"Version 2.{RECIPE}",
        "psName": FAMILY.replace(" ", "") + "-Regular",
    }


def _save(font: TTFont, path: Path) -> None:
    """Write beside the target, then rename: a reader sees the whole file or none."""
    font.recalcTimestamp = False
    handle, name = tempfile.mkstemp(prefix=".making-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            font.save(file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
