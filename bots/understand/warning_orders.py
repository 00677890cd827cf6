"""What somebody wants done about warnings: 知晓 W12, W12 稍后三天 店主周五来拉, 把 w12 转给李业务.

Pure: no database, no clock. A message without a warning's number is an order only when it is nothing but the word.
The words people give as a reason stay as they typed them.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from bots.understand.numbers import read_integer

LONGEST = 400  # signs; nobody orders with more
MOST_NUMBERS = 20  # warnings in one message


class Verb(StrEnum):
    """What is to happen: an event of the warning's flow, or something to be told."""

    LIST = "list"
    SHOW = "show"
    WHY = "why"
    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    DISMISS = "dismiss"
    ASSIGN = "assign"
    START_RECALL = "start_recall"
    FIND_TRANSFER = "find_transfer"
    ASK_COUNT = "ask_count"
    REOPEN = "reopen"


@dataclass(frozen=True)
class WarningOrder:
    """An order: the warnings by number, a span in days when one was named, and the rest of the words."""

    verb: Verb
    numbers: tuple[int, ...] = ()
    days: int | None = None
    words: str = ""


#: The first verb that fits wins, so what undoes a verb stands before it.
_VERBS = [
    (Verb.REOPEN, "重新打开|重新提醒|恢复提醒|重开|恢复|(?:取消|撤销|撤回|不再?)(?:忽略|稍后|知晓|静默)了?"),
    (Verb.WHY, "为什么|为啥|为何|怎么算的?|怎么来的|怎么回事|咋回事|凭什么|依据|说明|解释一?下?|什么原因|原因"),
    (Verb.FIND_TRANSFER, "找?一?下?(?:能|可以)?调剂|找?调货|找调拨|调给别人|调走"),
    (Verb.ASK_COUNT, "(?:请|去|要)?(?:门店|店主)?盘点一?下?|(?:去|请)?点一?下?数|核实一?下?库存|核库存"),
    (Verb.START_RECALL, "(?:发起|启动|开始|申请)?(?:回收|退货)"),
    (Verb.DISMISS, "忽略掉?|不用管|不用处理|不处理了?|无视"),
    (Verb.SNOOZE, "稍后(?:再说|再看|提醒|处理)?|过[一几]?会儿?|晚点(?:再说)?|静默|缓一?缓|先放放|先放一放|推迟|延后"),
    (Verb.ASSIGN, "转派给?|转交给?|转给|交给|指派给?|分给|派给|转"),
    (Verb.ACKNOWLEDGE, "已?知晓了?|知道了?|已阅|收到了?|了解了?|明白了?|我来处?理?"),
    (Verb.SHOW, "查看?一?下?|看一?下?|看看|详情|打开"),
]
_NUMBER = r"(?:预警\s*)?[WwＷｗ]\s*[-#＃]?\s*[0-9０-９]{1,9}(?![0-9０-９])"
#: After one W number further ones may come without their W, unless a unit makes them an amount: W12、13.
_MORE = (
    rf"(?:\s*[、,，和及与/\s]\s*{_NUMBER}|\s*[、/]\s*[0-9０-９]{{1,9}}"
    r"(?![0-9０-９]|\s*(?:天|日|周|个|月|瓶|箱|件|号|点|元)))"
)
_NUMBERS = rf"(?P<numbers>{_NUMBER}{_MORE}{{0,{MOST_NUMBERS * 2}}})(?:号|这条|那条|这个|预警)*"
_POLITE = r"(?:请|麻烦|帮我|帮忙|把|将|对|关于|那个|这个)*\s*"
_GAP = r"[\s:：,，。.；;—-]*"
_VERB_FIRST = [
    (verb, re.compile(rf"^{_POLITE}(?:{words})(?:预警|这条|一下)?{_GAP}{_NUMBERS}(?P<rest>.*)$", re.DOTALL))
    for verb, words in _VERBS
]
_NUMBER_FIRST = [
    (
        verb,
        re.compile(
            rf"^{_POLITE}{_NUMBERS}{_GAP}(?:我|就|先|可以|是|的|这是|被|要)?(?:{words})(?P<rest>.*)$", re.DOTALL
        ),
    )
    for verb, words in _VERBS
]
_ONLY_NUMBER = re.compile(rf"^{_POLITE}{_NUMBERS}(?:怎么样了?|的?详情|的?情况)?[?？。.!！\s]*$")
_AFTER_NAME = re.compile(rf"^\s*预警{_GAP}{_NUMBERS}\s*$")
#: Words nobody uses for anything else may leave out the W: 知晓 12.
_BARE = re.compile(
    r"^\s*(?P<verb>预警|知晓|忽略|稍后)\s*[#＃]?(?P<number>[0-9０-９]{1,9})"
    r"(?![0-9０-９]|\s*(?:天|日|周|个|月|瓶|箱|件|点|小时|分))号?(?P<rest>(?:[\s:：,，].*)?)$",
    re.DOTALL,
)
_BARE_VERBS = {"预警": Verb.SHOW, "知晓": Verb.ACKNOWLEDGE, "忽略": Verb.DISMISS, "稍后": Verb.SNOOZE}
_LIST = re.compile(
    r"^\s*(?:请|帮我|看一?下?|看看|查一?下?|查看|我的|今天的?|今日|最新|库存|有什么|有哪些|都有哪些)*\s*"
    r"预警(?:列表|清单|单|信息|情况)?(?:有哪些|有几条|呢|吗)?[?？。!！\s]*$"
)
_ALONE = re.compile(r"^\s*(?P<verb>知晓|忽略|稍后|找调剂|转给|转派)(?P<rest>(?:[\s:：,，].*)?)$", re.DOTALL)
_ALONE_VERBS = {
    "知晓": Verb.ACKNOWLEDGE,
    "忽略": Verb.DISMISS,
    "稍后": Verb.SNOOZE,
    "找调剂": Verb.FIND_TRANSFER,
    "转给": Verb.ASSIGN,
    "转派": Verb.ASSIGN,
}
_NUMERAL = r"(?:[0-9０-９]{1,3}|[一二两三四五六七八九十廿卅]{1,3}|半)"
_SPAN = re.compile(
    rf"^{_GAP}(?:等|先等|再?过|静默|推迟|延后|到)?\s*(?:(?P<count>{_NUMERAL})\s*个?(?P<unit>天|日|周|星期|礼拜|月)|(?P<word>明天|后天|大后天|下周))"
    r"(?:之?后|以后|内)?(?:再说|再看|再?提醒我?)?(?=$|[\s,，:：;；。.!！])"
)
_UNIT_DAYS = {"天": 1, "日": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30}
_WORD_DAYS = {"明天": 1, "后天": 2, "大后天": 3, "下周": 7}
#: W12 过三天再说: a span that is told to be waited for is a silence without the word.
_LATER = re.compile(
    rf"^{_POLITE}{_NUMBERS}(?P<rest>{_GAP}(?:等|过|先等)?\s*\S{{1,6}}?(?:再说|再看|再提醒|提醒我?).*)$", re.DOTALL
)
#: What makes an order a question or a report, so that nothing is done: W12 回收了, W12 忽略吗.
_ASKING = re.compile(r"^\s*(?:吗|么|呢|没|不|[?？])|[吗么呢?？]\s*$")
_REPORTING = re.compile(r"^\s*(?:了|过|完|好了|的)")
_DONE_BY_HAND = frozenset({Verb.START_RECALL, Verb.FIND_TRANSFER, Verb.ASK_COUNT})
_TELLING = frozenset({Verb.LIST, Verb.SHOW, Verb.WHY})
#: Nearly every message is about something else and is let through at once.
_PERHAPS = re.compile(r"[WwＷｗ]\s*[-#＃]?\s*[0-9０-９]|预警|知晓|忽略|稍后|找调剂|转给|转派")
_EDGES = " \t\r\n,，。.;；:：、—-"
_DIGITS = re.compile(r"[0-9０-９]{1,9}")


def read_warning_order(text: str) -> WarningOrder | None:
    """The order in a message, None when it is about something else; never raises."""
    if len(text) > LONGEST or not _PERHAPS.search(text):
        return None
    return _numbered(text) or _unnumbered(text)


def _numbered(text: str) -> WarningOrder | None:
    for verb, pattern in (*_VERB_FIRST, *_NUMBER_FIRST):
        if found := pattern.match(text):
            return _order(verb, found["numbers"], found["rest"])
    if (found := _LATER.match(text)) and _SPAN.match(found["rest"]):
        return _order(Verb.SNOOZE, found["numbers"], found["rest"])
    found = _ONLY_NUMBER.match(text) or _AFTER_NAME.match(text)
    return _order(Verb.SHOW, found["numbers"], "") if found else None


def _unnumbered(text: str) -> WarningOrder | None:
    if found := _BARE.match(text):
        return _order(_BARE_VERBS[found["verb"]], found["number"], found["rest"])
    if _LIST.match(text):
        return WarningOrder(Verb.LIST)
    found = _ALONE.match(text)
    return _order(_ALONE_VERBS[found["verb"]], "", found["rest"]) if found else None


def _order(verb: Verb, numbers: str, rest: str) -> WarningOrder:
    found = tuple(dict.fromkeys(int(digits) for digits in _DIGITS.findall(numbers)))[:MOST_NUMBERS]
    if found and verb not in _TELLING and (_ASKING.search(rest) or (verb in _DONE_BY_HAND and _REPORTING.match(rest))):
        return WarningOrder(Verb.SHOW, found)
    days = None
    if verb in {Verb.SNOOZE, Verb.DISMISS} and (span := _SPAN.match(rest)):
        days, rest = _days(span), rest[span.end() :]
    return WarningOrder(verb, found, days, rest.replace("\x00", "").strip(_EDGES))


def _days(span: re.Match[str]) -> int:
    if span["word"]:
        return _WORD_DAYS[span["word"]]
    unit = span["unit"]
    if span["count"] == "半":
        return {"月": 15}.get(unit, 1)
    number = int(span["count"]) if span["count"].isdecimal() else read_integer(span["count"]) or 0
    return number * _UNIT_DAYS[unit]
