"""Reading YAML node by node, so that every fault has its line and all faults are told at once.

Scalars are taken as they are written: a store code 0012 stays "0012". A reader returns None after it
noted a fault, and reading goes on with the next one.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import yaml

from rules.warning_rules import MILLI
from rules.warning_words import nearest

T = TypeVar("T")
LONGEST_TEXT = 64
LONGEST_LIST = 2_000
SHOWN = 30  # characters of a wrong word that are repeated
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of a rule file; a grave one makes the file unusable."""

    line: int
    sentence: str
    grave: bool = True

    def said(self, file: str) -> str:
        """The sentence with its file and line."""
        return f"{file} 第 {self.line} 行：{'' if self.grave else '提醒，'}{self.sentence}"


@dataclass
class Problems:
    """Faults as they are found; `of` is put before each, for example the name of the rule being read."""

    found: list[Problem] = field(default_factory=list)
    of: str = ""

    def note(self, line: int, sentence: str, *, grave: bool = True) -> None:
        """Keep one fault."""
        self.found.append(Problem(line, f"{self.of}{sentence}", grave))


@dataclass(frozen=True)
class Entry:
    """The value of one key, and the line the key stands in."""

    key: str
    node: yaml.Node
    line: int


def line_of(node: yaml.Node) -> int:
    """The line a node begins in, counted from 1."""
    return int(node.start_mark.line) + 1


def entries(node: yaml.Node, known: Collection[str], problems: Problems, what: str) -> dict[str, Entry] | None:
    """The keys of a mapping; unknown and repeated ones are faults."""
    if not isinstance(node, yaml.MappingNode):
        problems.note(line_of(node), f"{what}要写成“键: 值”{_full_width(node)}")
        return None
    read: dict[str, Entry] = {}
    for key_node, value in node.value:
        key, line = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "", line_of(key_node)
        if key not in known:
            hint = nearest(key, known) or f"。这里可以写：{'、'.join(known)}"
            problems.note(line, f"不认识的键“{_short(key)}”{hint}{_full_width(key_node)}")
        elif key in read:
            problems.note(line, f"“{key}”写了两遍（上一遍在第 {read[key].line} 行）")
        else:
            read[key] = Entry(key, value, line)
    return read


def items(entry: Entry, problems: Problems) -> list[yaml.Node]:
    """The items of a list, at least one; a single word stands for a list of one."""
    if isinstance(entry.node, yaml.SequenceNode):
        found = list(entry.node.value)
        if not found:
            problems.note(entry.line, f"“{entry.key}”是空的：要么写上，要么删掉这一行")
        if len(found) > LONGEST_LIST:
            problems.note(entry.line, f"“{entry.key}”太长了，最多 {LONGEST_LIST} 项")
            return []
        return found
    if isinstance(entry.node, yaml.ScalarNode):
        return [entry.node]
    problems.note(entry.line, f"“{entry.key}”要写成列表，例如 [甲, 乙]{_full_width(entry.node)}")
    return []


def text(node: yaml.Node, key: str, problems: Problems) -> str | None:
    """A word of at most 64 characters."""
    said = node.value.strip() if isinstance(node, yaml.ScalarNode) else None
    if said is None:
        problems.note(line_of(node), f"“{key}”要写文字")
    elif not said or (said in {"~", "null"} and node.tag.endswith(":null")):
        problems.note(line_of(node), f"“{key}”空着：要么写上，要么删掉这一行")
    elif len(said) > LONGEST_TEXT or not said.isprintable():
        problems.note(line_of(node), f"“{key}”太长或含有看不见的字符，最多 {LONGEST_TEXT} 个字")
    else:
        return str(said)
    return None


def one_of(node: yaml.Node, key: str, words: Mapping[str, T], problems: Problems) -> T | None:
    """What a word stands for; an unknown word is a fault, with the one probably meant."""
    said = text(node, key, problems)
    if said is None:
        return None
    if said not in words:
        known = "、".join(word for word in words if not word.isascii())
        problems.note(line_of(node), f"“{key}”里的“{_short(said)}”不认识{nearest(said, words)}。可以写：{known}")
        return None
    return words[said]


def milli(node: yaml.Node, key: str, problems: Problems) -> int | None:
    """A plain number as thousandths, exactly."""
    said = node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
    if not _NUMBER.fullmatch(said):
        problems.note(line_of(node), f"“{key}”要写数字，半角、不带单位，例如 90 或 2.5")
        return None
    exact = Decimal(said) * MILLI
    if exact != int(exact):
        problems.note(line_of(node), f"“{key}”最多三位小数")
        return None
    return int(exact)


def whole(node: yaml.Node, key: str, problems: Problems, least: int, most: int) -> int | None:
    """A whole number between two, both allowed."""
    found = milli(node, key, problems)
    if found is None:
        return None
    if found % MILLI:
        problems.note(line_of(node), f"“{key}”要写整数")
        return None
    if not least <= found // MILLI <= most:
        problems.note(line_of(node), f"“{key}”要在 {least} 到 {most} 之间，写的是 {found // MILLI}")
        return None
    return found // MILLI


def each(entry: Entry, read: Callable[[yaml.Node], T | None], problems: Problems) -> tuple[T, ...]:
    """The items of a list that could be read, in order; an item written twice is a fault."""
    found: dict[T, None] = {}
    for node in items(entry, problems):
        value = read(node)
        if value is None:
            continue
        if value in found:
            problems.note(line_of(node), f"“{entry.key}”里有一项写了两遍")
        found[value] = None
    return tuple(found)


def _short(word: str) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in word[:SHOWN])
    return shown if len(word) <= SHOWN else f"{shown}…"


def _full_width(node: yaml.Node) -> str:
    wrong = isinstance(node, yaml.ScalarNode) and ("：" in node.value or "，" in node.value)
    return "（用了中文的冒号或逗号，要换成半角，冒号后面空一格）" if wrong else ""
