"""What a Chinese chat message means: normalise, cut out names, days and amounts, then the verb.

Pure: no database, no clock. Whether 好的 means anything, whose task it is and whether the amount
can be right is for the caller to decide; an uncertain reading must be asked back, never acted on.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from bots.understand import intents
from bots.understand.dates import Days, cut_dates
from bots.understand.intents import Intent, Words, decide, read_words
from bots.understand.normal import normalise
from bots.understand.products import Named, Product, ProductIndex
from bots.understand.quantities import Amount, Quantity, cut_amounts

_LONGEST = 200  # signs; orders are short, and a pasted article is none
_ABOUT_GOODS = re.compile(r"[qRWSOLnXEIB]")  # letters that make a misspelt product likely
_CORRECTION = re.compile(r"(?:(?<![量存货口])不对|错了|打错了?|说错了?|发错了?|错误|搞错了?)[了啊，,。 !]*")
_NO_CORRECTION = re.compile("驳回|打回|拒绝|不同意|不批|投诉|漏|破|碎")
_HAS_NUMBER = re.compile(r"[\d一二两三四五六七八九十半俩仨]")
_NOISE = re.compile(
    rf"(?<={intents.PRODUCT}) ?- ?|@[^\s]{{1,20}}(?=\s)|"
    r"(?<!\d)1[3-9]\d{9}(?!\d)"  # phone
    r"|\d+(?:\.\d+)?(?:%vol|ml|毫升|vol|度|升|%|斤装?|l(?![a-z]))"
    r"|[*x×] ?\d+[瓶支]?装?|\d+[瓶支]装|[每一]箱[装是]?\d+[瓶支]装?(?=[，,。]|$)|每[箱件] ?\d+[瓶支]|\d+[瓶支][/每一][箱件]"
    r"|\d+(?:\.\d+)?(?:元|块钱|块|毛)"
    r"|\d{1,2}:\d{2}|(?:上午|下午|中午|早上|晚上|傍晚)[\d一二三四五六七八九十两]{1,3}点(?:半|钟|\d+分?)?"
    r"|[\d一二三四五六七八九十两]{1,3}点(?:半|钟|左右)?(?=来|过来|去|前|之前|$)"
)
_NOTHING_LEFT = re.compile(r"[一1半]个?[瓶支盒箱件滴坛](?:酒|货)?(?:都|也)?(?:没有?(?:剩下?|货|存)?|不剩|无)(?:了|啦)?")
_NOTHING_SOLD = re.compile(r"[一1]个?[瓶支盒箱件](?:酒|货)?(?:都|也)?(?:还)?没有?(?:卖|动|售出|出)(?:掉|出|出去)?")
_BATCH = re.compile(
    r"(?:批次号?|批号)[:是为]? ?(?P<a>[a-z0-9][a-z0-9-]{3,19})"
    r"|(?<![a-z0-9])(?P<b>[a-z0-9-]{5,20}) ?(?:这|那|的)?(?:批次|批号|批)"
)
_DOCUMENT = re.compile(r"#?(?<![a-z0-9])(?P<no>[a-z]{1,4}-?\d{1,12}(?:-\d{1,8})*)(?![a-z0-9])号?")
_NUMBERED = re.compile(
    r"(?P<verb>不同意|同意|批准|通过|驳回|拒绝|打回|进度|查询|查一下|查看|查|取消|撤销|撤回|作废) ?"
    r"(?:任务|单号|单子|单|编号|第)? ?#?(?P<no>\d{1,8}) ?(?:号|单)?(?![\d月.:/]|[-~到至]\d| ?[瓶箱件支盒提坛个])"
)
_CHANGED = re.compile(
    r"(?P<verb>修改|更改|调整|改)(?:任务|单)? ?#?(?P<no>\d{1,8})(?:号|单)?(?:[:,，]| |改?[成为到]) ?(?=[\d一二两三四五六七八九十半俩仨])"
)
_HASH = re.compile(r"(?P<verb>)#(?P<no>\d{1,8})(?!\d)号?|(?P<no2>\d{1,8})号?(?:任务|单)?的?(?=进度|到哪)")


@dataclass(frozen=True)
class Said:
    """What was said.

    `quantities` are in the order said, except SOLD_PART: first what was sold, then what is left.
    `items` pairs products with amounts; a product without an amount has an empty one, an amount
    without a product None. `candidates` are products that may have been meant (names several share,
    and guesses from misspelt names). `number` is a task or campaign as written ("12", "R12").
    `date` to `date_to` are the days named. Only act without asking when `certain`.
    """

    intent: Intent
    text: str
    certain: bool = False
    quantities: list[Quantity] = field(default_factory=list)
    items: list[tuple[Product | None, Quantity]] = field(default_factory=list)
    candidates: list[Product] = field(default_factory=list)
    reason: str = ""
    reason_code: str = ""
    number: str = ""
    batch: str = ""
    date: dt.date | None = None
    date_to: dt.date | None = None


@dataclass
class _Cut:
    """A text with placeholders, and what the placeholders stand for."""

    text: str
    names: list[Named]
    amounts: list[Amount] = field(default_factory=list)
    days: list[Days] = field(default_factory=list)
    number: str = ""
    batch: str = ""


def understand(text: str, products: Sequence[Product] | ProductIndex, today: dt.date) -> Said:
    """Read one message; never raises. Pass a `ProductIndex` when more than a few products exist."""
    index = products if isinstance(products, ProductIndex) else ProductIndex(products)
    normal = normalise(text[: _LONGEST + 1])
    if len(normal) > _LONGEST:
        return Said(Intent.UNKNOWN, normal)
    cut = _cut(*_corrected(normal), index, today)
    words = read_words(cut.text)
    unclear = words.unknown > 1 and not cut.names and _ABOUT_GOODS.search(words.letters)
    guessed = index.guess(cut.text) if unclear else None
    if guessed:
        cut.names.append(Named(guessed.products, exact=False))
        cut.text = cut.text.replace(guessed.words, intents.PRODUCT, 1)
        words = read_words(cut.text)
    return _said(normal, cut, words, today)


def _corrected(text: str) -> tuple[str, str]:
    """Split off what a person took back: ("退12瓶", "退10瓶") for "退12瓶，不对，退10瓶"."""
    if _NO_CORRECTION.search(text):
        return "", text
    tail = _CORRECTION.split(text)[-1]
    return (text[: -len(tail)], tail) if _HAS_NUMBER.search(tail) else ("", text)


def _cut(taken_back: str, text: str, index: ProductIndex, today: dt.date) -> _Cut:
    """Cut in the order that keeps digits apart: names, batches, numbers, days, then amounts."""
    text, names = index.cut(text, intents.PRODUCT)
    if taken_back and not names:
        names = index.cut(taken_back, intents.PRODUCT)[1]  # the goods were not what was wrong
        text = intents.PRODUCT * len(names) + text
    cut = _Cut(text, names)
    _cut_batch(cut)
    _cut_number(cut)
    cut.text = _NOTHING_SOLD.sub(intents.NONE_SOLD, cut.text)
    cut.text = _NOTHING_LEFT.sub(intents.NONE_LEFT, cut.text)
    cut.text = _NOISE.sub(intents.NOISE, cut.text)
    cut.text, cut.days = cut_dates(cut.text, today, intents.DAY)
    cut.text, cut.amounts = cut_amounts(cut.text, intents.AMOUNT)
    return cut


def _cut_batch(cut: _Cut) -> None:
    found = _BATCH.search(cut.text)
    if found and any(sign.isdigit() for sign in found[0]):
        cut.batch = (found["a"] or found["b"]).upper()
        cut.text = cut.text[: found.start()] + intents.BATCH + cut.text[found.end() :]


def _cut_number(cut: _Cut) -> None:
    for pattern in (_DOCUMENT, _NUMBERED, _CHANGED, _HASH):
        found = pattern.search(cut.text)
        if found:
            groups = found.groupdict()
            cut.number = (groups["no"] or groups["no2"]).upper()
            verb = groups.get("verb") or ""
            cut.text = cut.text[: found.start()] + verb + intents.NUMBER + cut.text[found.end() :]
            return


def _said(normal: str, cut: _Cut, words: Words, today: dt.date) -> Said:
    intent, sure = decide(words)
    items, paired = _pair(cut, words.letters)
    days = cut.days[-1] if cut.days else None
    reason, code = _reason(normal, words, intent)
    doubtful = intent not in _FREE and (not paired or _doubtful(intent, cut, words, today))
    return Said(
        intent=_zero_is_none(intent, cut.amounts),
        text=normal,
        certain=sure and not doubtful,
        quantities=_in_order(intent, cut.amounts, words.letters),
        items=items,
        candidates=_candidates(cut.names),
        reason=reason,
        reason_code=code,
        number=cut.number,
        batch=cut.batch,
        date=days.first if days else None,
        date_to=days.last if days else None,
    )


# Intents whose meaning does not hang on an exact product or amount.
_FREE = {
    Intent.HELP, Intent.MY_TASKS, Intent.DESK, Intent.PROGRESS, Intent.APPROVE, Intent.REJECT,
    Intent.CANCEL, Intent.REFUSE,
}  # fmt: skip
_ORDERS = {Intent.RETURN_PART, Intent.CONFIRM_ALL, Intent.REQUEST_RETURN, Intent.SOLD_PART}
_SOLD = {Intent.SOLD_OUT, Intent.SOLD_PART}
_LEFT_FIRST = re.compile(r"L[^qS]*q.*S[^q]*q")


def _doubtful(intent: Intent, cut: _Cut, words: Words, today: dt.date) -> bool:
    """Say whether an amount, a name, a day or a stray "no" makes the reading one to ask about."""
    last = cut.days[-1] if cut.days else None
    return (
        (intent is not Intent.SOLD_PART and len(cut.amounts) > max(1, len(cut.names)))
        or any(amount.vague or amount.quantity.bare is not None for amount in cut.amounts)
        or any(len(name.products) != 1 or not name.exact for name in cut.names)
        or (last is not None and last.first is None)
        or (intent in _SOLD and last is not None and last.first != today)
        or (intent in _ORDERS and any(letter in "NzX" for letter in words.letters))
    )


def _zero_is_none(intent: Intent, amounts: list[Amount]) -> Intent:
    """Read "还有0瓶", "库存0" and "0箱" as sold out."""
    if intent not in {Intent.STILL_HAVE, Intent.RETURN_PART} or len(amounts) != 1:
        return intent
    q = amounts[0].quantity
    nothing = q.said and not (q.bottles or q.cases or q.loose or q.bare or q.halves)
    return Intent.SOLD_OUT if nothing else intent


def _in_order(intent: Intent, amounts: list[Amount], letters: str) -> list[Quantity]:
    said = [amount.quantity for amount in amounts if amount.quantity.said]
    swap = intent is Intent.SOLD_PART and _LEFT_FIRST.search(letters)
    return said[::-1] if swap else said


def _pair(cut: _Cut, letters: str) -> tuple[list[tuple[Product | None, Quantity]], bool]:
    """Give each product its amount; False when it is not clear which belongs to which."""
    products = [n.products[0] if n.exact and len(n.products) == 1 else None for n in cut.names]
    said = [amount.quantity for amount in cut.amounts]
    if len(products) == 1 and said:
        return [(products[0], quantity) for quantity in said], True
    if len(said) == 1 and products and "a" in letters:
        return [(product, said[0]) for product in products], True
    clear = not products or not said or len(products) == len(said)
    pairs = zip_longest(products, said)
    return [(product, quantity or Quantity()) for product, quantity in pairs], clear


def _candidates(names: list[Named]) -> list[Product]:
    """Return the products to choose from, for names that do not name exactly one."""
    open_names = [name for name in names if len(name.products) != 1 or not name.exact]
    return list({p.code: p for name in open_names for p in name.products}.values())


_WITH_TAIL = {Intent.REFUSE: "Xz", Intent.REJECT: "JzX"}
_SHORTAGE = {"短少", "少了", "对不上", "数量不对", "货不对", "少发", "少发了", "货少", "缺少", "少货"}
_PARTING = " ，。；、！!,.:：因为由于"


def _reason(normal: str, words: Words, intent: Intent) -> tuple[str, str]:
    """Return the reason in the person's words and its code, both empty if none was given."""
    word = words.first("".join(intents.REASON_CODES))
    code = next((intents.REASON_CODES[k] for k, w in words.tokens if w == word), "") if word else ""
    code = "other" if word in _SHORTAGE else code
    if intent is Intent.PROBLEM:
        return normal, code or "other"
    marker = words.first("v") or words.first(_WITH_TAIL.get(intent, ""))
    if not marker:
        return word, code
    before, _, after = normal.partition(marker)
    if intent is Intent.REJECT:
        after = re.sub(r"^ ?#?[a-z]{0,4}-?\d+号?", "", after)
    reason = (after.strip(_PARTING) or before.strip(_PARTING)) if intent in _WITH_TAIL else after
    reason = reason.strip(_PARTING) or word
    return reason, code or ("other" if reason else "")
