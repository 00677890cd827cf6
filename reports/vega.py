"""Draws chart descriptions with Vega-Lite: PNG for chats, SVG and HTML for pages.

The engine runs in a process of its own (about half a second for the first picture), so that the server
stays small and a picture that goes wrong takes nothing down with it.
"""

import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from reports.charts import Spec, digest_spec, progress_spec
from reports.fonts import Fonts, drawable

ROOT = Path(__file__).parent.parent
PATIENCE = 60  # seconds one picture may take
PATIENCE_EACH = 2  # more seconds for each further one


class ChartError(RuntimeError):
    """The engine could not draw; the message is its own last line."""


def chart_png(spec: Spec, fonts: Fonts) -> bytes:
    """Draw a description as a PNG on white, twice its size in pixels. Raises ChartError."""
    return chart_pngs([spec], fonts)[0]


def chart_pngs(specs: Sequence[Spec], fonts: Fonts) -> list[bytes]:
    """Draw many descriptions in one go, in their order. Raises ChartError when one of them cannot be drawn."""
    return _drawn("png", [_drawable(spec, fonts) for spec in specs], str(fonts.directory.resolve()))


def chart_svg(spec: Spec, fonts: Fonts) -> str:
    """Draw a description as an SVG for a page that carries the web font. Raises ChartError."""
    return _drawn("svg", [_drawable(spec, fonts)], str(fonts.directory.resolve()))[0].decode()


def chart_html(spec: Spec) -> str:
    """Return a self-contained interactive page (about 900 KB: it carries its own script). Raises ChartError."""
    return _drawn("html", [spec], "")[0].decode()


def digest_chart(title: str, rows: Sequence[tuple[str, float]], unit: str, *, fonts: Fonts) -> bytes:
    """Draw the daily digest's bars (see `charts.digest_spec`) as a PNG."""
    return chart_png(digest_spec(title, rows, unit), fonts)


def progress_chart(
    title: str, stages: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], *, fonts: Fonts
) -> bytes:
    """Draw a recall's progress per store (see `charts.progress_spec`) as a PNG."""
    return chart_png(progress_spec(title, stages, rows), fonts)


def _drawn(shape: Literal["png", "svg", "html"], specs: Sequence[Any], fonts: str) -> list[bytes]:
    order = json.dumps({"shape": shape, "specs": specs, "fonts": fonts}).encode()
    command = [sys.executable, "-m", "reports.drawing"]
    patience = PATIENCE + PATIENCE_EACH * len(specs)
    try:
        done = subprocess.run(command, input=order, cwd=ROOT, capture_output=True, timeout=patience, check=False)  # noqa: S603 - our own module
    except subprocess.TimeoutExpired:
        raise ChartError("the picture took too long") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ChartError(lines[-1] if lines else f"exit {done.returncode}")
    return [b64decode(line) for line in done.stdout.splitlines()]


def _drawable(value: Any, fonts: Fonts) -> Any:
    """Replace what the typeface lacks in every text, so that no tofu and no system font appears."""
    if isinstance(value, str):
        return drawable(value, fonts)
    if isinstance(value, dict):
        return {key: _drawable(item, fonts) for key, item in value.items()}
    if isinstance(value, list):
        return [_drawable(item, fonts) for item in value]
    return value
