"""The warning rules a business person edits: read, linted with line numbers, and given a version."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from rules.warning_file import VERSION_LENGTH, Draft, drafts_of, rule_of
from rules.warning_lint import lint
from rules.warning_nodes import Problem, Problems
from rules.warning_rules import Action, Grain, Metric, Rule, Ruleset, Scope, Subject, Thresholds

__all__ = [
    "FILE",
    "Action",
    "Draft",
    "Grain",
    "Metric",
    "Problem",
    "Rule",
    "RulesWrong",
    "Ruleset",
    "Scope",
    "Subject",
    "Thresholds",
    "level_word",
    "load_rules",
    "look_at",
    "read_rules",
    "said",
    "text_of",
    "version_of",
]

FILE = Path(__file__).with_name("warnings.yaml")
LEVEL_WORDS = ("黄", "橙", "红")


class RulesWrong(ValueError):
    """The rule file cannot be used; `str()` says where and why, line by line."""


def load_rules(path: Path = FILE) -> Ruleset:
    """Read the rule file. Raises RulesWrong when it cannot be read or something in it is wrong."""
    return read_rules(text_of(path), path.name)


def read_rules(text: str, name: str = "warnings.yaml") -> Ruleset:
    """Read rules from text; `name` is said in errors. Raises RulesWrong."""
    drafts, problems = look_at(text)
    grave = [problem for problem in problems if problem.grave]
    if grave:
        raise RulesWrong("\n".join(said(grave, name)))
    return Ruleset(version=version_of(text), rules=tuple(rule_of(draft) for draft in drafts))


def look_at(text: str) -> tuple[list[Draft], list[Problem]]:
    """What could be read of the text, and all that is wrong with it, by line."""
    problems = Problems()
    drafts = drafts_of(text, problems)
    lint(drafts, problems)
    return drafts, sorted(problems.found)


def said(problems: Iterable[Problem], name: str) -> list[str]:
    """The sentences for a person, one a line."""
    return [problem.said(name) for problem in problems]


def version_of(text: str) -> str:
    """The hash of a whole file."""
    return sha256(text.encode()).hexdigest()[:VERSION_LENGTH]


def text_of(path: Path) -> str:
    """The text of a rule file. Raises RulesWrong when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise RulesWrong(f"{path.name}：读不了，要用 UTF-8 保存。") from None


def level_word(level: int) -> str:
    """The colour of a level: 黄, 橙, 红."""
    return LEVEL_WORDS[min(max(level, 1), len(LEVEL_WORDS)) - 1]
