"""Rule files for tests: written from plain data, and random ones for property tests."""

import json
from typing import Any

from hypothesis import strategies as st

from rules.warning_rules import METRICS, Metric, Scope, Subject

WORDS = {
    "store": ["S1", "S2", "0012"],
    "product": ["A1", "B2"],
    "brand": ["青岚坊", "鹤汀春"],
    "price_band": ["低档", "中档", "高档"],
    "tier": ["A", "B"],
    "channel": ["烟酒店", "餐饮", "no"],
    "region": ["东区", "西区", "临江区"],
}


def rule(name: str = "aged", **changes: Any) -> dict[str, Any]:
    """A rule without faults; keys set to None are left out."""
    whole = {
        "name": name,
        "title": f"规则 {name}",
        "metric": "在店库龄",
        "thresholds": [{"levels": [90, 180]}],
        "receivers": ["业务员"],
        "action": "发起回收",
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def file_of(*rules: dict[str, Any]) -> str:
    """A rule file, one line for each key and each row of thresholds."""
    lines = ["rules:"]
    for one in rules:
        mark = "  - "
        for key, value in one.items():
            if key == "thresholds":
                lines.append(f"{mark}thresholds:")
                lines += [f"      - {json.dumps(row, ensure_ascii=False)}" for row in value]
            else:
                lines.append(f"{mark}{key}: {json.dumps(value, ensure_ascii=False)}")
            mark = "    "
    return "\n".join(lines) + "\n"


def line_with(text: str, word: str) -> int:
    """The first line that holds the word, counted from 1."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if word in line)


def wheres(dimensions: list[str]) -> st.SearchStrategy[dict[str, list[str]]]:
    """Random conditions on some of these dimensions."""
    each = {name: st.lists(st.sampled_from(WORDS[name]), min_size=1, max_size=2, unique=True) for name in dimensions}
    return st.fixed_dictionaries({}, optional=each)


def scopes() -> st.SearchStrategy[Scope]:
    """Random scopes over a small world."""
    return wheres(list(WORDS)).map(lambda where: Scope(**{f"{name}s": tuple(sorted(v)) for name, v in where.items()}))


def subjects() -> st.SearchStrategy[Subject]:
    """Random stores and products of the small world, and some that no file names."""
    return st.builds(Subject, **{name: st.sampled_from([*words, "别的"]) for name, words in WORDS.items()})


@st.composite
def good_rules(draw: st.DrawFn) -> dict[str, Any]:
    """A random rule of a metric of goods, with a default row and others that never overlap."""
    metric = draw(st.sampled_from([m for m in Metric if m is not Metric.TURNOVER]))
    rows, seen = [], set()
    for where in draw(st.lists(wheres(list(WORDS)), max_size=5)):
        if where and frozenset(where) not in seen:
            seen.add(frozenset(where))
            rows.append({"where": where, "levels": draw(levels(metric))})
    rows.insert(draw(st.integers(0, len(rows))), {"levels": draw(levels(metric))})
    action = "补货" if metric is Metric.SAFETY_STOCK else "去盘点"
    fresh = {"fresh_days": 1} if metric is Metric.DAYS_WITHOUT_SALE else {}
    return rule(metric=str(metric), thresholds=rows, action=action, **fresh)


@st.composite
def levels(draw: st.DrawFn, metric: Metric) -> list[float]:
    """Levels in the metric's order, within its reach."""
    facts = METRICS[metric]
    least, most = max(facts.least, 2_000), min(facts.most, 300_000)
    step = max(facts.step, 500)
    grid = st.integers(-(-least // step), most // step).map(lambda n: n * step / 1_000)
    found = sorted(draw(st.lists(grid, min_size=1, max_size=6, unique=True)), reverse=not facts.rising)
    return [int(level) if level == int(level) else level for level in found]
