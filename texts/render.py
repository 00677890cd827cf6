"""Every sentence people read: YAML entries rendered with strict Jinja at the moment of decision."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from jinja2 import Environment, StrictUndefined, Template

from texts.message import Button, Message, Style

FOLDER = Path(__file__).parent
_CHINESE = "\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”‘’…"
_BLANK = re.compile(f"(?<=[{_CHINESE}]) (?=[{_CHINESE}])")
_ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "[]()*#<>`_"})


class TextMissing(KeyError):
    """A text was asked for that no YAML file has."""


@dataclass(frozen=True)
class _ButtonText:
    event: str
    label: str
    style: Style


@dataclass(frozen=True)
class _Entry:
    title: Template
    body: Template
    how: Template
    fields: tuple[tuple[str, Template], ...]
    buttons: tuple[_ButtonText, ...]


class Texts:
    """All texts of a folder of YAML files, each compiled when first said. `zone` is the business time zone."""

    def __init__(self, zone: str = "Asia/Shanghai", folder: Path = FOLDER) -> None:
        self._zone = ZoneInfo(zone)
        self._jinja = Environment(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters.update(clock=self.clock, day=self.day, goods=goods, yuan=yuan, plain=plain)
        self._raw: dict[str, Mapping[str, Any]] = {}
        self._entries: dict[str, _Entry] = {}
        self.labels: dict[str, dict[str, str]] = {}
        for path in sorted(folder.glob("*.yaml")):
            self._take(yaml.safe_load(path.read_text(encoding="utf-8")), path)

    def say(self, name: str, /, *, key_for: str = "", version: int = 0, **data: Any) -> Message:
        """Render one text. `key_for` is `flow:id`; buttons get keys `flow:id:event:version`.

        Raises TextMissing, or Jinja's UndefinedError for a variable nobody gave.
        """
        entry = self._entry(name)
        return Message(
            title=tidy(entry.title.render(data)),
            body=tidy(entry.body.render(data)),
            how=tidy(entry.how.render(data)),
            fields=[(label, tidy(value.render(data))) for label, value in entry.fields],
            buttons=[Button(label=b.label, key=f"{key_for}:{b.event}:{version}", style=b.style) for b in entry.buttons],
        )

    def sentence(self, name: str, /, **data: Any) -> str:
        """Render only the body: for passive replies and page notices."""
        return tidy(self._entry(name).body.render(data))

    def label(self, group: str, value: str) -> str:
        """The Chinese word for a state, a reason or another listed value."""
        return self.labels.get(group, {}).get(value, value)

    def names(self) -> list[str]:
        """All names, for the tests that hold texts and code together."""
        return sorted(self._raw)

    def events_of(self, name: str) -> list[str]:
        """The events behind a text's buttons."""
        return [button.event for button in self._entry(name).buttons]

    def clock(self, moment: datetime) -> str:
        """A moment as people say it: 11 月 24 日 18:00."""
        local = moment.astimezone(self._zone)
        return f"{local.month} 月 {local.day} 日 {local:%H:%M}"

    def day(self, day: date) -> str:
        """A day as people say it: 11 月 24 日."""
        return f"{day.month} 月 {day.day} 日"

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            if name not in self._raw:
                raise TextMissing(name)
            self._entries[name] = self._compiled(self._raw[name])
        return self._entries[name]

    def _take(self, data: Mapping[str, Any], path: Path) -> None:
        for name, raw in data.items():
            if name == "labels":
                self.labels.update(raw)
                continue
            if name in self._raw:
                raise ValueError(f"{path.name}: text {name} is written twice")
            self._raw[name] = raw

    def _compiled(self, raw: Mapping[str, Any]) -> _Entry:
        compile_ = self._jinja.from_string
        return _Entry(
            title=compile_(raw.get("title", "")),
            body=compile_(raw.get("body", "")),
            how=compile_(raw.get("how", "")),
            fields=tuple((label, compile_(str(v))) for label, v in raw.get("fields", {}).items()),
            buttons=tuple(_button(event, said) for event, said in raw.get("buttons", {}).items()),
        )


def _button(event: str, said: str) -> _ButtonText:
    # "全部退回!" is the main button, "驳回-" the dangerous one.
    styles: dict[str, Literal["plain", "primary", "danger"]] = {"!": "primary", "-": "danger"}
    style = styles.get(said[-1], "plain")
    return _ButtonText(event, said.rstrip("!-"), style)


def tidy(text: str) -> str:
    """Take out single blanks between Chinese signs, which names put in leave; two blanks mean one."""
    return _BLANK.sub("", text.strip()).replace("  ", " ")


def goods(bottles: int, case_size: int = 0) -> str:
    """Bottles as people count them: 3 箱 2 瓶（20 瓶）; without a case size just bottles."""
    if case_size <= 1 or bottles < case_size:
        return f"{bottles} 瓶"
    cases, loose = divmod(bottles, case_size)
    rest = f" {loose} 瓶" if loose else ""
    return f"{cases} 箱{rest}（{bottles} 瓶）"


def yuan(fen: int) -> str:
    """分 as yuan with two decimals."""
    sign = "-" if fen < 0 else ""
    whole, cents = divmod(abs(fen), 100)
    return f"{sign}{whole:,}.{cents:02d} 元"


def plain(value: object) -> str:
    """Words from outside, with Markdown signs disarmed so that a name cannot become a link."""
    return str(value).translate(_ESCAPED)
