"""The warning rules a business person edits: read, checked with line numbers, and given a version."""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rules.deadlines import add_months, expiry_date

FILE = Path(__file__).with_name("warnings.yaml")
LARGEST_FACTOR = 4.0  # so that one very old bottle does not outrank a shelf full of slow ones
LEVEL_WORDS = ("黄", "橙", "红")


class RulesWrong(ValueError):
    """The rule file cannot be used; `str()` says where and why, line by line."""


def _rising(values: list[int]) -> list[int]:
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise ValueError("门槛要从小到大写")
    return values


def _falling(values: list[int]) -> list[int]:
    if any(later >= earlier for earlier, later in pairwise(values)):
        raise ValueError("门槛要从大到小写")
    return values


Threshold = Annotated[int, Field(ge=1, le=3650)]
Rising = Annotated[list[Threshold], Field(min_length=1, max_length=6), AfterValidator(_rising)]
Falling = Annotated[list[Threshold], Field(min_length=1, max_length=6), AfterValidator(_falling)]


class Rule(BaseModel):
    """What all rules have. Empty `price_bands` and `regions` mean all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    title: Annotated[str, Field(min_length=1, max_length=20)]
    price_bands: list[str] = Field(default_factory=list)
    regions: list[str] = Field(default_factory=list)
    min_bottles: Annotated[int, Field(ge=1)] = 1


class AgeRule(Rule):
    """库龄: days in the store above a threshold. Products that gain with age are exempt."""

    kind: Literal["age"]
    days: Rising

    def received_before(self, today: date) -> list[date]:
        """For each level the day before which a lot must have come into the store."""
        return [today - timedelta(days=days) for days in self.days]


class CoverRule(Rule):
    """可销月数: stock above so many times the average monthly sales."""

    kind: Literal["cover"]
    months: Rising
    history_months: Annotated[int, Field(ge=0, le=12)] = 3


class ExpiryRule(Rule):
    """临近到期: at most so many months left; only for products with an expiry basis."""

    kind: Literal["expiry"]
    months_left: Falling

    def produced_until(self, today: date, life: int) -> list[date]:
        """For each level the last production day that is near its end, for a life in months."""
        return [latest_production(add_months(today, left), life) for left in self.months_left]


AnyRule = Annotated[AgeRule | CoverRule | ExpiryRule, Field(discriminator="kind")]


class _RuleFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Annotated[list[AnyRule], Field(min_length=1)]


class Ruleset(BaseModel):
    """The rules of a day; `version` is the hash of the file they came from."""

    model_config = ConfigDict(frozen=True)

    version: str
    rules: tuple[AnyRule, ...]

    def title(self, name: str) -> str:
        """The rule's title, or its name when the rule is gone."""
        return next((rule.title for rule in self.rules if rule.name == name), name)


def load_rules(path: Path = FILE) -> Ruleset:
    """Read the rule file. Raises RulesWrong when it cannot be read or something in it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise RulesWrong(f"{path.name}：读不了，要用 UTF-8 保存。") from None
    return read_rules(text, path.name)


def read_rules(text: str, name: str = "warnings.yaml") -> Ruleset:
    """Read rules from text; `name` is said in errors. Raises RulesWrong."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        parsed = _RuleFile.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f"第 {mark.line + 1} 行：" if mark else ""
        raise RulesWrong(f"{name} {line}格式不对，请检查缩进和冒号。") from None
    except ValidationError as problem:
        raise RulesWrong("\n".join(_sentences(problem, node, name))) from None
    _refuse_twins(parsed.rules, node, name)
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Ruleset(version=version, rules=tuple(parsed.rules))


def latest_production(expires_by: date, life: int) -> date:
    """Return the last production day whose shelf life of `life` months ends by that day."""
    day = add_months(expires_by, -life)
    # 31 January and 28 February may end on the same day, so look a little further.
    while expiry_date(day + timedelta(days=1), life) <= expires_by:
        day += timedelta(days=1)
    while expiry_date(day, life) > expires_by:
        day -= timedelta(days=1)
    return day


def level_word(level: int) -> str:
    """The colour of a level: 黄, 橙, 红."""
    return LEVEL_WORDS[min(max(level, 1), len(LEVEL_WORDS)) - 1]


def over_factor(value: float, threshold: float) -> float:
    """How far a figure is over its threshold: 1 at the threshold, at most 4."""
    return min(max(value / threshold, 1.0), LARGEST_FACTOR)


def _refuse_twins(rules: Sequence[Rule], node: yaml.Node | None, name: str) -> None:
    seen: set[str] = set()
    for place, rule in enumerate(rules):
        if rule.name in seen:
            line = _line(node, ("rules", place, "name"))
            raise RulesWrong(f"{name} 第 {line} 行 rules.{place}.name：代号 {rule.name} 重复了。")
        seen.add(rule.name)


def _sentences(problem: ValidationError, node: yaml.Node | None, name: str) -> list[str]:
    return [
        f"{name} 第 {_line(node, error['loc'])} 行 {_path(error['loc'])}：{_why(error['type'], error['msg'])}。"
        for error in problem.errors()
    ]


def _path(loc: tuple[int | str, ...]) -> str:
    # The validator puts the kind of the rule into the path; the file has no such key.
    kinds = {"age", "cover", "expiry"}
    parts = [str(part) for place, part in enumerate(loc) if not (place == 2 and part in kinds)]
    return ".".join(parts) or "文件"


def _why(kind: str, said: str) -> str:
    known = {
        "extra_forbidden": "不认识的键",
        "missing": "缺少这个键",
        "union_tag_not_found": "缺少 kind",
        "union_tag_invalid": "kind 只能是 age、cover 或 expiry",
        "int_parsing": "要写整数",
        "int_type": "要写整数",
        "int_from_float": "要写整数",
        "string_type": "要写文字",
        "list_type": "要写成列表，例如 [90, 180]",
        "model_type": "格式不对",
        "too_short": "至少要写一项",
        "too_long": "写得太多了",
        "greater_than_equal": "数字太小",
        "less_than_equal": "数字太大",
        "string_pattern_mismatch": "只能用小写英文字母、数字和下划线",
    }
    return known.get(kind, said.removeprefix("Value error, "))


def _line(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int:
    """The line of the deepest part of the path that is in the file."""
    line = node.start_mark.line if node else 0
    for part in loc:
        child = _child(node, part)
        if child is not None:
            node, line = child
    return line + 1


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child, child.start_mark.line
    return None
