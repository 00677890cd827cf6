"""Draws chart descriptions with vl_convert: PNG for chats, SVG and HTML for pages.

Only the worker imports this module: the engine inside costs memory when it first draws.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import vl_convert

from reports.charts import Spec, digest_spec, progress_spec
from reports.fonts import Fonts, drawable

SCALE = 2  # sharp on phones
NO_NETWORK: list[str] = []  # a description carries its data; nothing may be fetched


def chart_png(spec: Spec, fonts: Fonts) -> bytes:
    """Draw a description as a PNG on white, twice its size in pixels."""
    _register(fonts.directory)
    clean = _drawable(spec, fonts)
    return vl_convert.vegalite_to_png(clean, scale=SCALE, allowed_base_urls=NO_NETWORK)


def chart_svg(spec: Spec, fonts: Fonts) -> str:
    """Draw a description as an SVG for a page that carries the web font."""
    _register(fonts.directory)
    clean = _drawable(spec, fonts)
    return vl_convert.vegalite_to_svg(clean, allowed_base_urls=NO_NETWORK)


def chart_html(spec: Spec) -> str:
    """Return a self-contained interactive page (about 900 KB: it carries its own script)."""
    return vl_convert.vegalite_to_html(spec, bundle=True)


def digest_chart(title: str, rows: Sequence[tuple[str, float]], unit: str, *, fonts: Fonts) -> bytes:
    """Draw the daily digest's bars (see `charts.digest_spec`) as a PNG."""
    return chart_png(digest_spec(title, rows, unit), fonts)


def progress_chart(
    title: str, stages: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], *, fonts: Fonts
) -> bytes:
    """Draw a recall's progress per store (see `charts.progress_spec`) as a PNG."""
    return chart_png(progress_spec(title, stages, rows), fonts)


@lru_cache(maxsize=4)
def _register(directory: Path) -> None:
    vl_convert.register_font_directory(str(directory.resolve()))


def _drawable(value: Any, fonts: Fonts) -> Any:
    """Replace what the typeface lacks in every text, so that no tofu and no system font appears."""
    if isinstance(value, str):
        return drawable(value, fonts)
    if isinstance(value, dict):
        return {key: _drawable(item, fonts) for key, item in value.items()}
    if isinstance(value, list):
        return [_drawable(item, fonts) for item in value]
    return value
