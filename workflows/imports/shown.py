"""Values as they were understood, in words for a preview."""

from datetime import date
from enum import StrEnum
from typing import Any

from workflows.imports.people import ROLES
from workflows.imports.products import BASES
from workflows.imports.quantities import UNITS, Amount
from workflows.imports.spans import Span

_NAMES: dict[Any, str] = {
    value: word for words in (ROLES, BASES, UNITS) for word, value in reversed(list(words.items()))
}


def as_words(value: Any) -> str:
    """A value of a row as a person would write it."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, StrEnum):
        return _NAMES.get(value, value.value)
    if isinstance(value, Amount):
        parts = [f"{value.cases.normalize():f}箱" if value.cases else "", f"{value.bottles}瓶" if value.bottles else ""]
        return ("-" if value.sign < 0 else "") + ("".join(parts) or "0瓶")
    if isinstance(value, Span):
        return f"{value.first} 至 {value.last}"
    if isinstance(value, list):
        return "、".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)
