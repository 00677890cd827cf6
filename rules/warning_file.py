"""The rule file: from YAML to drafts of rules that know their lines, and from a faultless draft to a rule.

A draft holds whatever could be read, so that one wrong word does not hide the faults behind it.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

import yaml

from models.people import Role
from rules.warning_nodes import (
    Entry,
    Problems,
    each,
    entries,
    items,
    line_of,
    milli,
    one_of,
    text,
    whole,
)
from rules.warning_rules import (
    DIMENSIONS,
    LEAST_LISTING_DAYS,
    MOST_LEVELS,
    SINGULAR,
    Action,
    Metric,
    Rule,
    Scope,
    Thresholds,
    most_specific_first,
)
from rules.warning_words import ACTION_WORDS, METRIC_WORDS, RECEIVERS

KEYS = ("name", "title", "metric", "where", "thresholds", "receivers", "action")
#: Whole numbers of a rule: smallest, largest, and what holds when nothing is written.
NUMBERS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "min_bottles": (1, 1_000_000, 1),
        "min_loss_yuan": (0, 2_000_000, 0),
        "pending_days": (0, 90, 0),
        "fresh_days": (1, 365, 45),
        "quiet_days": (0, 365, 14),
        "new_listing_days": (LEAST_LISTING_DAYS, 730, LEAST_LISTING_DAYS),
    }
)
RULE_KEYS = (*KEYS, *NUMBERS, "leave_out_months")
ROW_KEYS = ("where", "levels", "clears")
REQUIRED = ("name", "title", "metric", "thresholds", "receivers", "action")
MOST_RULES = 200
MOST_ROWS = 300
LONGEST_TITLE = 20
LONGEST_FILE = 500_000  # characters
VERSION_LENGTH = 12
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_METRICS: Mapping[str, Metric] = MappingProxyType({**METRIC_WORDS, **{m.value: m for m in Metric}})
_ROLES: Mapping[str, Role] = MappingProxyType({**RECEIVERS, **{role.value: role for role in RECEIVERS.values()}})
_ACTIONS: Mapping[str, Action] = MappingProxyType({**ACTION_WORDS, **{a.value: a for a in Action}})


@dataclass(frozen=True)
class DraftRow:
    """A row of thresholds and where it stands."""

    row: Thresholds
    line: int
    lines: Mapping[str, int]


@dataclass
class Draft:
    """What could be read of one rule. `lines` says where each key stands; `whole`: no row was unreadable."""

    line: int
    lines: Mapping[str, int]
    name: str = ""
    title: str = ""
    metric: Metric | None = None
    scope: Scope = field(default_factory=Scope)
    rows: tuple[DraftRow, ...] = ()
    whole: bool = False
    receivers: tuple[tuple[Role, ...], ...] = ()
    action: Action | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    leave_out_months: tuple[int, ...] = ()

    def at(self, *keys: str) -> int:
        """The line of the first of the keys that is written, else of the rule."""
        return next((self.lines[key] for key in keys if key in self.lines), self.line)

    def number(self, key: str) -> int:
        """A whole number of the rule, as written or as it holds without being written."""
        return self.numbers.get(key, NUMBERS[key][2])


def drafts_of(said: str, problems: Problems) -> list[Draft]:
    """Read the file's text; what is wrong with it is noted in `problems`."""
    node = _compose(said, problems)
    if node is None:
        return []
    top = entries(node, ("rules",), problems, "文件")
    if top is None or "rules" not in top:
        if top is not None:
            problems.note(line_of(node), "缺少“rules”")
        return []
    found = top["rules"]
    if not isinstance(found.node, yaml.SequenceNode):
        problems.note(found.line, "“rules”要写成列表，每条规则以“- name: 代号”开头")
        return []
    nodes = items(found, problems)
    if len(nodes) > MOST_RULES:
        problems.note(found.line, f"规则太多了，最多 {MOST_RULES} 条")
    drafts = [draft for node in nodes[:MOST_RULES] if (draft := _draft(node, problems)) is not None]
    problems.of = ""
    return drafts


def rule_of(draft: Draft) -> Rule:
    """The rule of a draft without faults. Raises ValueError when something it needs could not be read."""
    if draft.metric is None or draft.action is None or not draft.rows:
        raise ValueError(f"the rule {draft.name!r} is not complete")
    thresholds = most_specific_first(row.row for row in draft.rows)
    deepest = max(len(row.levels) for row in thresholds)
    receivers = tuple(draft.receivers[min(level, len(draft.receivers) - 1)] for level in range(deepest))
    low_stock = draft.metric is Metric.SAFETY_STOCK
    rule = Rule(
        name=draft.name,
        title=draft.title,
        metric=draft.metric,
        thresholds=thresholds,
        receivers=receivers,
        action=draft.action,
        version="",
        scope=draft.scope,
        min_bottles=0 if low_stock else draft.number("min_bottles"),
        min_loss_fen=draft.number("min_loss_yuan") * 100,
        pending_days=draft.number("pending_days"),
        fresh_days=draft.number("fresh_days"),
        quiet_days=draft.number("quiet_days"),
        new_listing_days=draft.number("new_listing_days") if draft.metric.facts.by_sales else 0,
        leave_out_months=draft.leave_out_months,
    )
    return _with_version(rule)


def _with_version(rule: Rule) -> Rule:
    """The same rule with the hash of everything that decides; its title is only a word for it."""
    decides = {key: value for key, value in vars(rule).items() if key not in {"version", "title"}}
    canonical = json.dumps(decides, default=vars, sort_keys=True, ensure_ascii=False)
    return replace(rule, version=sha256(canonical.encode()).hexdigest()[:VERSION_LENGTH])


def _compose(said: str, problems: Problems) -> yaml.Node | None:
    if len(said) > LONGEST_FILE:
        problems.note(1, f"文件太大，最多 {LONGEST_FILE} 个字符")
        return None
    try:
        node = yaml.compose(said, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as problem:
        line = _line_of_error(said, problem)
        problems.note(line, f"格式不对，请检查缩进、冒号和引号{_hint(said, line)}")
        return None
    if node is None:
        problems.note(1, "文件是空的，至少要有一条规则")
    return node


def _line_of_error(said: str, problem: Exception) -> int:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    position = getattr(problem, "position", 0)
    return said.count("\n", 0, position if isinstance(position, int) else 0) + 1


def _hint(said: str, line: int) -> str:
    here = "".join(said.splitlines()[max(line - 2, 0) : line])
    if "\t" in here:
        return "（用了制表符，缩进只能用空格）"
    if any(mark in here for mark in "：，【】“”"):
        return "（用了中文标点，冒号、逗号、方括号和引号要换成半角）"
    return ""


def _draft(node: yaml.Node, problems: Problems) -> Draft | None:
    problems.of = ""
    found = entries(node, RULE_KEYS, problems, "规则")
    if found is None:
        return None
    draft = Draft(line_of(node), {key: entry.line for key, entry in found.items()})
    draft.name = _name(found, problems)
    problems.of = f"{draft.name}：" if draft.name else ""
    for key in REQUIRED:
        if key not in found:
            problems.note(draft.line, f"缺少“{key}”")
    draft.title = _title(found, problems)
    if entry := found.get("metric"):
        draft.metric = one_of(entry.node, "metric", _METRICS, problems)
    if entry := found.get("where"):
        draft.scope = _scope(entry, problems)
    if entry := found.get("thresholds"):
        _read_rows(draft, entry, problems)
    _read_answers(draft, found, problems)
    return draft


def _read_answers(draft: Draft, found: Mapping[str, Entry], problems: Problems) -> None:
    if entry := found.get("receivers"):
        draft.receivers = _receivers(entry, problems)
    if entry := found.get("action"):
        draft.action = one_of(entry.node, "action", _ACTIONS, problems)
    numbers = {
        key: whole(found[key].node, key, problems, least, most)
        for key, (least, most, _) in NUMBERS.items()
        if key in found
    }
    draft.numbers = {key: number for key, number in numbers.items() if number is not None}
    if entry := found.get("leave_out_months"):
        months = each(entry, lambda node: whole(node, "leave_out_months", problems, 1, 12), problems)
        draft.leave_out_months = tuple(sorted(months))


def _name(found: Mapping[str, Entry], problems: Problems) -> str:
    if "name" not in found:
        return ""
    said = text(found["name"].node, "name", problems) or ""
    if said and not _NAME.fullmatch(said):
        problems.note(found["name"].line, "“name”只能用小写英文字母、数字和下划线，以字母开头")
        return ""
    return said


def _title(found: Mapping[str, Entry], problems: Problems) -> str:
    said = (text(found["title"].node, "title", problems) or "") if "title" in found else ""
    if len(said) > LONGEST_TITLE:
        problems.note(found["title"].line, f"“title”最多 {LONGEST_TITLE} 个字")
    return said


def _scope(entry: Entry, problems: Problems) -> Scope:
    read = entries(entry.node, tuple(SINGULAR.values()), problems, f"“{entry.key}”") or {}
    return Scope(**{name: _words(read, SINGULAR[name], problems) for name in DIMENSIONS})


def _words(read: Mapping[str, Entry], key: str, problems: Problems) -> tuple[str, ...]:
    if key not in read:
        return ()
    return tuple(sorted(each(read[key], lambda node: text(node, key, problems), problems)))


def _read_rows(draft: Draft, entry: Entry, problems: Problems) -> None:
    if not isinstance(entry.node, yaml.SequenceNode):
        problems.note(entry.line, "“thresholds”要写成列表，每行以“- levels: [...]”或“- where: {...}”开头")
        return
    nodes = items(entry, problems)
    if len(nodes) > MOST_ROWS:
        problems.note(entry.line, f"“thresholds”太长了，最多 {MOST_ROWS} 行")
        return
    rows = [_row(node, problems) for node in nodes]
    draft.rows = tuple(row for row in rows if row is not None)
    draft.whole = bool(nodes) and len(draft.rows) == len(nodes)


def _row(node: yaml.Node, problems: Problems) -> DraftRow | None:
    """A row, or None when anything in it is wrong: half a row would be taken for another one."""
    before = len(problems.found)
    found = entries(node, ROW_KEYS, problems, "门槛")
    if found is None:
        return None
    if "levels" not in found:
        problems.note(line_of(node), "这一行门槛缺少“levels”")
        return None
    scope = _scope(found["where"], problems) if "where" in found else Scope()
    levels = _levels(found["levels"], problems)
    clears = levels[0] if levels else 0
    if "clears" in found:
        clears = milli(found["clears"].node, "clears", problems) or 0
    if len(problems.found) > before:
        return None
    return DraftRow(Thresholds(scope, levels, clears), line_of(node), {key: entry.line for key, entry in found.items()})


def _levels(entry: Entry, problems: Problems) -> tuple[int, ...]:
    read = [milli(node, "levels", problems) for node in items(entry, problems)]
    if len(read) > MOST_LEVELS:
        problems.note(entry.line, f"“levels”最多 {MOST_LEVELS} 级")
    return tuple(level for level in read if level is not None)


def _receivers(entry: Entry, problems: Problems) -> tuple[tuple[Role, ...], ...]:
    """One list of roles for each level, or one list for all of them."""
    nodes = items(entry, problems)
    nested = [isinstance(node, yaml.SequenceNode) for node in nodes]
    if any(nested) and not all(nested):
        problems.note(entry.line, "“receivers”每级写一个列表：[[业务员], [业务员, 区域经理]]")
        return ()
    if len(nodes) > MOST_LEVELS:
        problems.note(entry.line, f"“receivers”最多 {MOST_LEVELS} 项")
        return ()
    read: Callable[[yaml.Node], Role | None] = lambda node: one_of(node, "receivers", _ROLES, problems)  # noqa: E731
    levels = [Entry("receivers", node, line_of(node)) for node in nodes] if any(nested) else [entry]
    return tuple(tuple(sorted(each(level, read, problems))) for level in levels)


def known_keys() -> Collection[str]:
    """Every key the file may have, for its documentation."""
    return (*RULE_KEYS, *ROW_KEYS, *SINGULAR.values())
