"""Days people name: 明天, 周五, 下周三, 11月28号, 26-27号, 11/28, 3天后, 月底."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from bots.understand.numbers import read_integer

_D = r"(?:\d{1,2}|[一二两三四五六七八九十廿卅]{1,3})"
_TO = r"(?:[-~到至]|至到)"
_BEFORE = r"(?:(?:之|以)?前|截止|止)?"
_RECENT = 60  # days; a day named without a year that lies further back means next year's

_RELATIVE = {
    "大后天": 3, "后天": 2, "明天": 1, "明日": 1, "明儿": 1, "明早": 1, "明晚": 1, "今天": 0,
    "今日": 0, "今儿": 0, "今早": 0, "今晚": 0, "昨天": -1, "昨日": -1, "昨晚": -1, "大前天": -3, "前天": -2,
}  # fmt: skip
_WEEKDAYS = {sign: n for n, signs in enumerate(["一1", "二2", "三3", "四4", "五5", "六6末", "日天7"]) for sign in signs}
_WEEKS = {"上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}


@dataclass(frozen=True)
class Days:
    """The days one mention names: `first` to `last`; both None for a day that does not exist."""

    first: date | None
    last: date | None


_NOWHERE = Days(None, None)


def _make(year: int, month: int, day: int) -> date | None:
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1 <= year <= 9998):
        return None
    return date(year, month, day) if day <= calendar.monthrange(year, month)[1] else None


def _number(text: str | None) -> int:
    return (read_integer(text) or 0) if text else 0


def _one(day: date | None) -> Days:
    return Days(day, day)


def _full(found: re.Match[str], _today: date) -> Days:
    year = _number(found["y"])
    return _one(_make(year + 2000 if year < 100 else year, _number(found["m"]), _number(found["d"])))


def _month_day(found: re.Match[str], today: date) -> Days:
    first = _without_year(today, _number(found["m"]), _number(found["d"]))
    if first is None or not found["e"]:
        return _one(first)
    last_month = _number(found["f"]) or first.month
    last = _without_year(first, last_month, _number(found["e"]))
    return Days(first, last) if last else _NOWHERE


def _without_year(today: date, month: int, day: int) -> date | None:
    """Return the day of this year, of next year when this year's is long over."""
    this_year = _make(today.year, month, day)
    if this_year and (today - this_year).days <= _RECENT:
        return this_year
    return _make(today.year + 1, month, day)


def _day_of_month(found: re.Match[str], today: date) -> Days:
    first = _next_day(today, _number(found["d"]))
    if first is None or not found["e"]:
        return _one(first)
    last = _next_day(first, _number(found["e"]))
    return Days(first, last) if last else _NOWHERE


def _next_day(today: date, day: int) -> date | None:
    """Return the first day from today on that has this number in its month."""
    months = (divmod(today.year * 12 + today.month - 1 + n, 12) for n in range(3))
    days = (_make(year, month + 1, day) for year, month in months)
    return next((found for found in days if found and found >= today), None)


def _named_month(found: re.Match[str], today: date) -> Days:
    ahead = 1 if found["which"].startswith("下") else 0
    year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
    return _one(_make(year, month + 1, _number(found["d"])))


def _relative(found: re.Match[str], today: date) -> Days:
    return _one(today + timedelta(days=_RELATIVE[found["word"]]))


def _weekday(found: re.Match[str], today: date) -> Days:
    """Read 周五 as the next Friday, today included; 这周五 and 下周五 by the calendar's week."""
    weekday = _WEEKDAYS[found["w"]]
    if not found["which"]:
        return _one(today + timedelta(days=(weekday - today.weekday()) % 7))
    monday = today - timedelta(days=today.weekday())
    return _one(monday + timedelta(days=7 * _WEEKS[found["which"]] + weekday))


def _after(found: re.Match[str], today: date) -> Days:
    days = _number(found["n"])
    return _one(today + timedelta(days=days)) if 0 < days <= 366 else _NOWHERE


def _month_end(_found: re.Match[str], today: date) -> Days:
    return _one(_make(today.year, today.month, calendar.monthrange(today.year, today.month)[1]))


_READERS: list[tuple[re.Pattern[str], Callable[[re.Match[str], date], Days]]] = [
    (re.compile(rf"(?<!\d)(?P<y>\d{{4}}|\d{{2}}|[零〇一二三四五六七八九]{{4}})年(?P<m>{_D})月份?(?P<d>{_D})[日号]?{_BEFORE}"), _full),
    (re.compile(rf"(?<!\d)(?P<y>20\d\d)(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}})(?!\d){_BEFORE}"), _full),
    (re.compile(rf"(?P<which>下个?|本|这个?)月(?P<d>{_D})[日号]?{_BEFORE}"), _named_month),
    (re.compile(rf"(?<!\d)(?P<m>{_D})月(?:份)?(?P<d>{_D})[日号]?(?:{_TO}(?:(?P<f>{_D})月)?(?P<e>{_D})[日号]?)?{_BEFORE}"), _month_day),
    (re.compile(rf"(?<![\d/.])(?P<m>1[0-2]|0?[1-9])(?:[/|]|\.(?=\d+[日号前来拉收取]))(?P<d>3[01]|[12]\d|0?[1-9])(?![\d/.])[日号]?(?:{_TO}(?:(?P<f>\d{{1,2}})[/|])?(?P<e>\d{{1,2}}))?{_BEFORE}"), _month_day),
    (re.compile(rf"(?<![\d第])(?P<d>{_D})[日号]?{_TO}(?P<e>{_D})[日号]{_BEFORE}"), _day_of_month),
    (re.compile(rf"(?<=[改到成为至]) ?(?P<d>\d{{1,2}}){_TO}(?P<e>\d{{1,2}})(?![\d瓶箱件支盒提个])"), _day_of_month),
    (re.compile(rf"(?<![\d第])(?P<d>{_D})(?P<e>)[日号](?!楼|线|店|门|馆|院|楼|库|仓|任务|单){_BEFORE}"), _day_of_month),
    (re.compile(rf"(?P<word>{'|'.join(_RELATIVE)}){_BEFORE}"), _relative),
    (re.compile(rf"(?P<which>下下|下|这|本|上)?个?(?:周|星期|礼拜)(?P<w>[{''.join(_WEEKDAYS)}]){_BEFORE}"), _weekday),
    (re.compile(rf"(?<!\d)(?P<n>{_D})天(?:[之以]?后|[之以]?内)"), _after),
    (re.compile(rf"(?:这个?月|本月)?月底{_BEFORE}"), _month_end),
]  # fmt: skip
_MAYBE = re.compile(r"[年月日号/|.天周期拜\-~到至]")


def cut_dates(text: str, today: date, sign: str) -> tuple[str, list[Days]]:
    """Replace every named day by `sign`; return the text and the days in order of their place.

    Named days without a year are today's or later, or at most 60 days back.
    """
    if not _MAYBE.search(text):
        return text, []
    found: list[tuple[int, Days]] = []
    for pattern, reader in _READERS:
        for match in list(pattern.finditer(text)):
            found.append((match.start(), reader(match, today)))
            text = text[: match.start()] + sign + "\x00" * (len(match[0]) - 1) + text[match.end() :]
    return text.replace("\x00", ""), [days for _, days in sorted(found, key=lambda pair: pair[0])]
