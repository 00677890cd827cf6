"""Codes of brands' own making: what they look like and how far they tell things apart.

Most schemes are written in `code_schemes.yaml` by a business person; one whose digits must be computed
is a class like `rules/brand_codes.py:CheckedCode`. Both are a `CodeScheme`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Protocol

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from models.catalog import Pack, UniquePer
from rules.brand_codes import CheckedCode, Printed

FILE = Path(__file__).with_name("code_schemes.yaml")
LONGEST_CODE = 64
_FIELD = re.compile(r"\{(code|batch|date|any):(?:([9AX])\*(\d{1,2})(?:-(\d{1,2}))?|(yyyymmdd|yymmdd))\}")
_CLASSES = {"9": "[0-9]", "A": "[A-Z]", "X": "[0-9A-Z]"}
_DATES = {"yyyymmdd": "%Y%m%d", "yymmdd": "%y%m%d"}
_ZEROS = re.compile(r"0{6,}")


class SchemesWrong(ValueError):
    """The file of schemes cannot be used; `str()` says where and why, line by line."""


class CodeScheme(Protocol):
    """A brand's way to number its goods. `read` never raises: text from a camera is anything at all."""

    @property
    def name(self) -> str:
        """The short name that is kept with registered codes."""

    @property
    def title(self) -> str:
        """The name people read."""

    @property
    def pack(self) -> Pack:
        """What the code stands on."""

    @property
    def unique_per(self) -> UniquePer:
        """How far a code tells things apart."""

    @property
    def examples(self) -> Sequence[str]:
        """Codes that `read` must understand."""

    def covers(self, product: str, brand: str) -> bool:
        """Whether goods of this product code and brand carry such codes."""

    def read(self, text: str) -> Printed | None:
        """What a code of this scheme says, None for any other text."""


@dataclass(frozen=True)
class BrandReading:
    """A text understood by one scheme; `unique_per` is none for a replacement code."""

    scheme: CodeScheme
    printed: Printed

    @property
    def unique_per(self) -> UniquePer:
        """How far this very code tells things apart."""
        return UniquePer.NONE if self.printed.is_replacement else self.scheme.unique_per

    @property
    def key(self) -> str:
        """The spelling under which the code is registered."""
        return registered_code(self.printed.code, self.scheme.name)


def registered_code(code: str, scheme: str = "") -> str:
    """Return the one spelling of a code in the registry: with its scheme, as brands print the same digits."""
    return f"{scheme}:{code}" if scheme else code


def is_replacement(text: str) -> bool:
    """Say whether the text is a row of zeros, printed where a code was spoilt: it names nothing."""
    return _ZEROS.fullmatch(text) is not None


def _form(form: str) -> str:
    rest = _FIELD.sub("", form)
    if "{" in rest or "}" in rest:
        raise ValueError(f"“{form}”里花括号的写法不对，例如 {{code:9*10}}、{{date:yymmdd}}")
    fields = list(_FIELD.finditer(form))
    names = [found[1] for found in fields if found[1] != "any"]
    if not fields or len(names) != len(set(names)):
        raise ValueError(f"“{form}”里至少要有一个可变部分，code、batch、date 各最多一次")
    for found in fields:
        least, most = int(found[3] or 1), int(found[4] or found[3] or 1)
        if (found[1] == "date") is not (found[5] is not None) or not 1 <= least <= most <= LONGEST_CODE:
            raise ValueError(f"“{form}”里的 {found[0]} 写得不对")
    if sum(1 for found in fields if found[4]) > 1:
        raise ValueError(f"“{form}”里长短不定的部分最多一个，不然分不清界线")
    return form


def _not_blank(words: list[str]) -> list[str]:
    if any(not word.strip() for word in words):
        raise ValueError("有空着的一项")
    return words


Words = Annotated[list[str], AfterValidator(_not_blank)]


class PatternScheme(BaseModel):
    """A scheme written in the file; see there for what its keys mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    title: Annotated[str, Field(min_length=1, max_length=20)]
    sample: bool = False
    brands: Words = Field(default_factory=list)
    products: Words = Field(default_factory=list)
    forms: Annotated[list[Annotated[str, AfterValidator(_form)]], Field(min_length=1, max_length=20)]
    pack: Pack
    unique_per: UniquePer
    replacement_codes: Words = Field(default_factory=list)
    examples: Annotated[Words, Field(min_length=1)]

    def covers(self, product: str, brand: str) -> bool:
        """Whether goods of this product code and brand carry such codes."""
        return product in self.products or (bool(brand) and brand in self.brands)

    def read(self, text: str) -> Printed | None:
        """What a code of this scheme says, None for any other text."""
        if len(text) > LONGEST_CODE:
            return None
        if text in self.replacement_codes:
            return Printed(text, is_replacement=True)
        return next((printed for form in self._forms if (printed := _read(form, text))), None)

    @cached_property
    def _forms(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple(_compiled(form) for form in self.forms)


class _SchemeFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schemes: list[PatternScheme]


#: Schemes that need a function. All examples are invented.
WRITTEN: tuple[CodeScheme, ...] = (
    CheckedCode("sample_checked", "样例丁·带校验位", brands=frozenset({"样例丁"}), examples=("QD071OK12345601I",)),
)


def load_schemes(path: Path = FILE) -> tuple[CodeScheme, ...]:
    """Read the file and add the schemes with a function. Raises SchemesWrong, naming lines."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SchemesWrong(f"{path.name}：读不了，要用 UTF-8 保存。") from None
    return read_schemes(text, path.name)


def read_schemes(text: str, name: str = FILE.name) -> tuple[CodeScheme, ...]:
    """Read schemes from text; `name` is said in errors. Raises SchemesWrong."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        parsed = _SchemeFile.model_validate(yaml.safe_load(text)).schemes
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f"第 {mark.line + 1} 行：" if mark else ""
        raise SchemesWrong(f"{name} {line}格式不对，请检查缩进和冒号。") from None
    except ValidationError as problem:
        faults = [(error["loc"], _why(error["type"], error["msg"])) for error in problem.errors()]
        raise SchemesWrong(_said(faults, node, name)) from None
    faults = [(("schemes", at), why) for at, scheme in enumerate(parsed) for why in _faults(scheme, parsed)]
    if faults:
        raise SchemesWrong(_said(faults, node, name))
    return (*parsed, *WRITTEN)


def understood(text: str, schemes: Iterable[CodeScheme]) -> list[BrandReading]:
    """Return what each scheme makes of a text."""
    return [BrandReading(scheme, printed) for scheme in schemes if (printed := scheme.read(text))]


def _compiled(form: str) -> tuple[re.Pattern[str], str]:
    """Return the expression of a form and the format of its date, "" when it has none."""
    pattern, at, day = "", 0, ""
    for found in _FIELD.finditer(form):
        name, letter, least, most, day_form = found.groups()
        body = f"{_CLASSES[letter]}{{{least},{most or least}}}" if letter else f"[0-9]{{{len(day_form)}}}"
        day = _DATES[day_form] if day_form else day
        pattern += re.escape(form[at : found.start()]) + (body if name == "any" else f"(?P<{name}>{body})")
        at = found.end()
    return re.compile(pattern + re.escape(form[at:])), day


def _read(form: tuple[re.Pattern[str], str], text: str) -> Printed | None:
    pattern, day_form = form
    found = pattern.fullmatch(text)
    if found is None:
        return None
    parts = found.groupdict()
    made = _day(parts["date"], day_form) if day_form else None
    if day_form and made is None:
        return None
    return Printed(parts.get("code") or text, parts.get("batch"), made)


def _day(digits: str, day_form: str) -> date | None:
    try:
        return datetime.strptime(digits, day_form).date()  # noqa: DTZ007 - a printed day has no zone
    except ValueError:
        return None


def _faults(scheme: PatternScheme, others: Sequence[PatternScheme]) -> list[str]:
    """Say what is wrong with a scheme beyond its form."""
    found = []
    if [other.name for other in others].count(scheme.name) > 1 or any(w.name == scheme.name for w in WRITTEN):
        found.append(f"代号 {scheme.name} 重复了")
    if not scheme.brands and not scheme.products:
        found.append("brands 和 products 至少写一样，不然任何一串数字都会被当成这个品牌的码")
    if scheme.pack is Pack.CAP and scheme.unique_per is not UniquePer.UNIT:
        found.append("盖内码只能一件一码")
    for example in scheme.examples:
        if scheme.read(example) is None:
            found.append(f"例子 {example} 认不出来，和 forms 对不上")
        found += [
            f"例子 {example} 也像方案 {other.name} 的码，同一品牌分不清"
            for other in others
            if other.name != scheme.name and _meet(scheme, other) and other.read(example)
        ]
    return found


def _meet(one: PatternScheme, other: PatternScheme) -> bool:
    return bool(set(one.brands) & set(other.brands) or set(one.products) & set(other.products))


Place = tuple[int | str, ...]


def _said(faults: Iterable[tuple[Place, str]], node: yaml.Node | None, name: str) -> str:
    lines = [f"{name} 第 {_line(node, loc)} 行 {'.'.join(map(str, loc)) or '文件'}：{why}。" for loc, why in faults]
    return "\n".join(lines)


def _why(kind: str, said: str) -> str:
    known = {
        "extra_forbidden": "不认识的键",
        "missing": "缺少这个键",
        "enum": "写了不认识的词，可以写的见文件开头",
        "string_type": "要写文字；纯数字的码要加引号",
        "list_type": "要写成列表，例如 [甲, 乙]",
        "model_type": "格式不对",
        "model_attributes_type": "格式不对",
        "bool_parsing": "只能写 true 或 false",
        "too_short": "至少要写一项",
        "too_long": "写得太多了",
        "string_too_short": "不能空着",
        "string_too_long": "太长，最多 20 个字",
        "string_pattern_mismatch": "只能用小写英文字母、数字和下划线，最多 32 个",
    }
    return known.get(kind, said.removeprefix("Value error, "))


def _line(node: yaml.Node | None, loc: Place) -> int:
    """The line of the deepest part of the path that is in the file."""
    line = node.start_mark.line if node else 0
    for part in loc:
        pairs: list[tuple[object, yaml.Node, int]] = []
        if isinstance(node, yaml.MappingNode):
            pairs = [(key.value, value, key.start_mark.line) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            pairs = [(at, value, value.start_mark.line) for at, value in enumerate(node.value)]
        node, line = next(((value, at) for key, value, at in pairs if key == part), (None, line))
    return line + 1
