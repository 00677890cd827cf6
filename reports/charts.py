"""Charts as Vega-Lite descriptions: plain dictionaries, drawn by `vega.py`.

One description gives the picture in a chat, the vector in a page and the interactive chart of the
desk. Nothing here draws, so importing this module costs nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from reports.fonts import FAMILY

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
# Pages fall back on the phone's own Chinese typeface; pictures are always drawn in ours.
FONT = f"{FAMILY}, Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
WIDTH = 800  # pixels, axis labels included
BAR_ROW = 40  # pixels per bar
ROOM = 110  # pixels for title and axis
MOST_BARS = 12
MOST_STORES = 30
LABEL_LINE = 16  # characters of a label per line
LABEL_LINES = 2
INK, SOFT, BAR = "#222222", "#5f6368", "#b3361b"
STAGE_COLORS = ("#c9c9c9", "#e0a030", "#4a7fb5", "#2f5d50", "#7a5aa6", "#8c8c52", "#b3361b")


def digest_spec(title: str, rows: Sequence[tuple[str, float]], unit: str) -> Spec:
    """Describe horizontal bars, largest first, for the daily warning digest.

    Shows at most twelve rows and says how many it left out; no rows gives 暂无数据.
    """
    ranked = sorted(rows, key=lambda row: -row[1])
    shown = ranked[:MOST_BARS]
    hidden = len(ranked) - len(shown)
    data = [{"label": _keyed(rank, label), "value": value} for rank, (label, value) in enumerate(shown)]
    # Room for the number behind the longest bar.
    scale = {"domain": [0, max([value for _, value in shown], default=1) * 1.12 or 1]}
    bars = {
        "mark": {"type": "bar", "color": BAR, "height": {"band": 0.62}},
        "encoding": {"tooltip": [{"field": "value", "type": "quantitative", "title": unit}]},
    }
    numbers = {
        "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 13, "color": INK},
        "encoding": {"text": {"field": "value", "type": "quantitative", "format": ",.1~f"}},
    }
    note = f"另有 {hidden} 项未列出" if hidden else ""
    spec = _base(title, note if shown else "暂无数据", len(shown))
    spec["data"] = {"values": data}
    spec["encoding"] = {
        "y": _labels(),
        "x": _numbers(unit, shown=bool(shown)) | {"scale": scale},
    }
    spec["layer"] = [bars, numbers]
    return spec


def progress_spec(title: str, stages: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Spec:
    """Describe stacked bars, one per store: bottles in each stage, stages in the order given.

    Shows at most thirty stores in the order given and says how many it left out.
    Raises ValueError when a row has not one number for every stage.
    """
    shown = rows[:MOST_STORES]
    hidden = len(rows) - len(shown)
    colors = [STAGE_COLORS[index % len(STAGE_COLORS)] for index in range(len(stages))]
    note = f"另有 {hidden} 家门店未列出" if hidden else ""
    spec = _base(title, note if shown else "暂无数据", len(shown))
    spec["data"] = {"values": list(_stacked(stages, shown))}
    spec["mark"] = {"type": "bar", "height": {"band": 0.62}}
    spec["encoding"] = {
        "y": _labels(),
        "x": _numbers("瓶", shown=bool(shown)) | {"stack": "zero"},
        "order": {"field": "stage_rank", "type": "quantitative"},
        "color": {
            "field": "stage",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(stages), "range": colors},
            "legend": {"orient": "top", "direction": "horizontal"},
        },
        "tooltip": [
            {"field": "store", "type": "nominal", "title": "门店"},
            {"field": "stage", "type": "nominal", "title": "阶段"},
            {"field": "value", "type": "quantitative", "title": "瓶"},
        ],
    }
    return spec


def _stacked(stages: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Iterable[dict[str, Any]]:
    for rank, (store, numbers) in enumerate(rows):
        for stage_rank, (stage, value) in enumerate(zip(stages, numbers, strict=True)):
            yield {
                "label": _keyed(rank, store),
                "store": store,
                "stage": stage,
                "stage_rank": stage_rank,
                "value": value,
            }


def _keyed(rank: int, label: str) -> str:
    """Put a three-digit rank before a label: two stores of one name must not share a bar."""
    line = " ".join(label.split())
    limit = LABEL_LINE * LABEL_LINES
    short = line if len(line) <= limit else line[: limit - 1] + "…"
    parts = [short[start : start + LABEL_LINE] for start in range(0, len(short), LABEL_LINE)]
    return f"{rank:03d}" + "\n".join(parts)


def _labels() -> Spec:
    return {
        "field": "label",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {
            "labelExpr": "split(slice(datum.value, 3), '\\n')",
            "labelLimit": 320,
            "labelFontSize": 13,
            "labelLineHeight": 16,
            "ticks": False,
            "domain": False,
            "labelPadding": 8,
        },
    }


def _numbers(unit: str, *, shown: bool) -> Spec:
    axis = {"tickCount": 6, "tickMinStep": 1, "format": ",d"} if shown else None
    return {"field": "value", "type": "quantitative", "title": unit, "axis": axis}


def _base(title: str, note: str, bars: int) -> Spec:
    heading: Spec = {"text": title, "anchor": "start", "fontSize": 18, "offset": 14}
    heading |= {"color": INK, "limit": WIDTH - 40}
    if note:
        heading |= {
            "subtitle": note,
            "subtitleFontSize": 13,
            "subtitleColor": SOFT,
            "subtitlePadding": 6,
        }
    return {
        "$schema": SCHEMA,
        "background": "white",  # a transparent picture is black in a chat
        "width": WIDTH,
        "height": ROOM + BAR_ROW * max(bars, 1),
        "padding": 16,
        "autosize": {"type": "fit", "contains": "padding"},
        "title": heading,
        "config": {
            "font": FONT,
            "title": {"fontWeight": "normal", "subtitleFontWeight": "normal"},
            "axis": {
                "labelFontWeight": "normal",
                "titleFontWeight": "normal",
                "labelColor": INK,
                "titleColor": SOFT,
                "labelFontSize": 12,
                "titleFontSize": 12,
                "gridColor": "#ececec",
            },
            "legend": {"labelFontSize": 13, "symbolType": "square", "labelColor": INK},
            "view": {"stroke": None},
        },
    }
