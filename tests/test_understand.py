"""What Chinese chat messages mean, phrase by phrase."""

import gzip
import json
import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.understand import Intent, Product, ProductIndex, Quantity, Said, understand

TODAY = date(2026, 11, 24)  # a Tuesday
PRODUCTS = [
    Product("HZL", "海之蓝42度480ml", 6, ("海之蓝", "海蓝")),
    Product("TZL", "天之蓝", 6),
    Product("GJ", "国窖1573", 6, ("1573",)),
    Product("JN52", "剑南春52度500ml", 6),
    Product("JN38", "剑南春38度500ml", 6),
    Product("WLY", "五粮液普五", 6, ("五粮液", "普五")),
    Product("FT", "飞天茅台53度", 6, ("飞天茅台", "茅台", "飞天")),
    Product("FJ", "青花汾酒20", 6, ("青花20", "汾20")),
    Product("XJ", "习酒1988", 6),
]
INDEX = ProductIndex(PRODUCTS)


def read(text: str) -> Said:
    return understand(text, INDEX, TODAY)


def b(n: int) -> Quantity:
    return Quantity(bottles=n)


def c(cases: int, loose: int = 0, halves: int = 0) -> Quantity:
    return Quantity(cases=cases, loose=loose, halves=halves)


def bare(n: int) -> Quantity:
    return Quantity(bare=n)


SURE = [
    # everything goes back
    ("确认", Intent.CONFIRM_ALL, []),
    ("好的", Intent.CONFIRM_ALL, []),
    ("可以退", Intent.CONFIRM_ALL, []),
    ("全部退", Intent.CONFIRM_ALL, []),
    ("都退", Intent.CONFIRM_ALL, []),
    ("都拉走吧", Intent.CONFIRM_ALL, []),
    ("同意全部退货", Intent.CONFIRM_ALL, []),
    ("确认，辛苦了", Intent.CONFIRM_ALL, []),
    ("没有问题", Intent.CONFIRM_ALL, []),
    ("卖不动，全退", Intent.CONFIRM_ALL, []),
    ("OK", Intent.CONFIRM_ALL, []),
    # a part of it
    ("退12瓶", Intent.RETURN_PART, [b(12)]),
    ("退两箱", Intent.RETURN_PART, [c(2)]),
    ("两箱", Intent.RETURN_PART, [c(2)]),
    ("十二瓶", Intent.RETURN_PART, [b(12)]),
    ("只退3箱零2瓶", Intent.RETURN_PART, [c(3, 2)]),
    ("退 3 箱 2 瓶", Intent.RETURN_PART, [c(3, 2)]),
    ("两箱半", Intent.RETURN_PART, [c(2, 0, 1)]),
    ("半箱", Intent.RETURN_PART, [c(0, 0, 1)]),
    ("一提", Intent.RETURN_PART, [b(2)]),
    ("退１２瓶", Intent.RETURN_PART, [b(12)]),
    ("退1,200瓶", Intent.RETURN_PART, [b(1200)]),
    ("退两箱没问题", Intent.RETURN_PART, [c(2)]),
    ("好，先退两箱", Intent.RETURN_PART, [c(2)]),
    ("剩4瓶都退", Intent.RETURN_PART, [b(4)]),
    ("只有8瓶可以退", Intent.RETURN_PART, [b(8)]),
    ("退12瓶，不对，退10瓶", Intent.RETURN_PART, [b(10)]),
    ("10瓶错了，12瓶", Intent.RETURN_PART, [b(12)]),
    ("国窖1573退两箱", Intent.RETURN_PART, [c(2)]),
    ("500ml的退3瓶", Intent.RETURN_PART, [b(3)]),
    # nothing left
    ("卖完了", Intent.SOLD_OUT, []),
    ("没货了", Intent.SOLD_OUT, []),
    ("没有了", Intent.SOLD_OUT, []),
    ("没有库存了", Intent.SOLD_OUT, []),
    ("一瓶都没有", Intent.SOLD_OUT, []),
    ("已售罄", Intent.SOLD_OUT, []),
    ("都卖了", Intent.SOLD_OUT, []),
    ("老板，海之蓝都卖光了", Intent.SOLD_OUT, []),
    ("还有0瓶", Intent.SOLD_OUT, [b(0)]),
    # a part is sold
    ("卖了6瓶", Intent.SOLD_PART, [b(6)]),
    ("已经卖掉5瓶，剩下7瓶退", Intent.SOLD_PART, [b(5), b(7)]),
    ("剩7瓶，卖了5瓶", Intent.SOLD_PART, [b(5), b(7)]),
    ("卖了3箱还剩2箱", Intent.SOLD_PART, [c(3), c(2)]),
    # still there
    ("还有12瓶", Intent.STILL_HAVE, [b(12)]),
    ("店里还有两箱半", Intent.STILL_HAVE, [c(2, 0, 1)]),
    ("12瓶在店里", Intent.STILL_HAVE, [b(12)]),
    ("没卖完，还剩3瓶", Intent.STILL_HAVE, [b(3)]),
    ("不是没货，还有3箱", Intent.STILL_HAVE, [c(3)]),
    ("12瓶都没卖", Intent.STILL_HAVE, [b(12)]),
    # no
    ("不退，客户订了", Intent.REFUSE, []),
    ("不退", Intent.REFUSE, []),
    ("不同意", Intent.REFUSE, []),
    ("别退了，过年还要卖", Intent.REFUSE, []),
    ("没有不退", Intent.NEGATED, []),
    ("不是不退", Intent.NEGATED, []),
    # something is wrong
    ("有3瓶漏了", Intent.PROBLEM, [b(3)]),
    ("有问题", Intent.PROBLEM, []),
    ("破了两瓶", Intent.PROBLEM, [b(2)]),
    ("少了一瓶", Intent.PROBLEM, [b(1)]),
    # the store asks
    ("退3箱海之蓝 临期", Intent.REQUEST_RETURN, [c(3)]),
    ("申请退货 海之蓝 2箱 卖不动", Intent.REQUEST_RETURN, [c(2)]),
    ("您好，我想退海之蓝3箱，谢谢", Intent.REQUEST_RETURN, [c(3)]),
    # commands
    ("进度", Intent.PROGRESS, []),
    ("查 R12 进度", Intent.PROGRESS, []),
    ("R12到哪了", Intent.PROGRESS, []),
    ("帮助", Intent.HELP, []),
    ("怎么退货", Intent.HELP, []),
    ("同意 12", Intent.APPROVE, []),
    ("批准", Intent.APPROVE, []),
    ("驳回 12 库存不对", Intent.REJECT, []),
    ("不同意 12 数量太多", Intent.REJECT, []),
    ("改 12 20瓶", Intent.CHANGE_QUANTITY, [b(20)]),
    ("数量改成两箱半", Intent.CHANGE_QUANTITY, [c(2, 0, 1)]),
    ("取消", Intent.CANCEL, []),
    ("取消 R12", Intent.CANCEL, []),
    ("我的任务", Intent.MY_TASKS, []),
    ("看板", Intent.DESK, []),
    ("周五来拉", Intent.RESCHEDULE, []),
    ("11月28号", Intent.RESCHEDULE, []),
    ("明天", Intent.RESCHEDULE, []),
    ("改到26-27号", Intent.RESCHEDULE, []),
    ("发起回收 海之蓝 20240312 批次 滞销 11月30日前", Intent.START_RECALL, []),
    ("模拟回收 海之蓝 20240312 批次", Intent.SIMULATE, []),
]


@pytest.mark.parametrize(("text", "intent", "quantities"), SURE)
def test_understand_sure(text, intent, quantities):
    said = read(text)
    assert (said.intent, said.quantities, said.certain) == (intent, quantities, True)


UNSURE = [
    ("12", Intent.RETURN_PART, [bare(12)]),  # bottles or cases?
    ("退3", Intent.RETURN_PART, [bare(3)]),
    ("改20", Intent.CHANGE_QUANTITY, [bare(20)]),
    ("大概12瓶", Intent.RETURN_PART, [b(12)]),
    ("退十几瓶", Intent.RETURN_PART, []),
    ("两三箱", Intent.RETURN_PART, []),
    ("退3-5瓶", Intent.RETURN_PART, []),
    ("退一半", Intent.RETURN_PART, []),
    ("2.3箱", Intent.RETURN_PART, []),
    ("退8瓶留4瓶", Intent.RETURN_PART, [b(8), b(4)]),
    ("退10瓶，有2瓶破损", Intent.RETURN_PART, [b(10), b(2)]),
    ("退", Intent.CONFIRM_ALL, []),
    ("嗯", Intent.CONFIRM_ALL, []),
    ("好的，谢谢", Intent.CONFIRM_ALL, []),  # may only close the talk
    ("还没卖完", Intent.NEGATED, []),
    ("快卖完了", Intent.NEGATED, []),
    ("一瓶没卖", Intent.NEGATED, []),
    ("明天卖完", Intent.SOLD_OUT, []),
    ("没有", Intent.NEGATED, []),
    ("不行", Intent.REFUSE, []),
    ("客户订了，不退", Intent.REFUSE, []),
    ("海之蓝3箱能退吗", Intent.REQUEST_RETURN, [c(3)]),
    ("我要退货", Intent.REQUEST_RETURN, []),
    ("退12瓶，不对", Intent.RETURN_PART, [b(12)]),
    ("退12瓶不行", Intent.RETURN_PART, [b(12)]),
    ("明天卖了5瓶", Intent.SOLD_PART, [b(5)]),
    ("王府井退3箱", Intent.RETURN_PART, [c(3)]),  # no product of ours
]


@pytest.mark.parametrize(("text", "intent", "quantities"), UNSURE)
def test_understand_unsure_is_asked_back(text, intent, quantities):
    said = read(text)
    assert (said.intent, said.quantities, said.certain) == (intent, quantities, False)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "你好", "谢谢", "收到", "在吗", "什么时候来拉", "都退吗", "退不退", "价格多少", "卖完了吗",
        "13800138000", "老板说考虑一下", "可以，但要补差价", "不是10瓶", "-3瓶", "1000000000瓶", "还要卖5瓶", "\ue010\ue011", "没有问题吧？",
        "附近有什么好吃的餐馆", "帮我订一间 200-300 元的酒店", "退" * 300,
    ],
)  # fmt: skip
def test_understand_no_order_is_unknown(text):
    said = read(text)
    assert (said.intent, said.certain) == (Intent.UNKNOWN, False)


def codes(said: Said) -> list[str | None]:
    return [product.code if product else None for product, _ in said.items]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("国窖1573退两箱", ["GJ"]),
        ("国窖 1573 退 2 箱", ["GJ"]),
        ("1573 两箱", ["GJ"]),
        ("国窖两箱", ["GJ"]),
        ("剑南春52度退3箱", ["JN52"]),
        ("38度的剑南春退3箱", ["JN38"]),
        ("青花20 6瓶", ["FJ"]),
        ("习酒1988退6瓶", ["XJ"]),
        ("海之蓝42度480ml*6 退3箱", ["HZL"]),
        ("海之蓝(42度)退3箱", ["HZL"]),
        ("海之蓝3箱，五粮液两瓶", ["HZL", "WLY"]),
        ("海之蓝、五粮液各3箱", ["HZL", "WLY"]),
        ("海之蓝三箱 天之蓝两箱 五粮液1箱", ["HZL", "TZL", "WLY"]),
    ],
)
def test_understand_products(text, items):
    said = read(text)
    assert (codes(said), said.certain, said.candidates) == (items, True, [])


def test_understand_correction_keeps_the_product():
    said = read("海之蓝退12瓶，不对，退10瓶")
    assert (codes(said), said.quantities, said.certain) == (["HZL"], [b(10)], True)


def test_understand_a_complaint_is_no_correction():
    said = read("驳回 R12 数量不对，20瓶")
    assert (said.intent, said.number, said.reason) == (Intent.REJECT, "R12", "数量不对，20瓶")


def test_understand_pairs_amounts_with_products():
    said = read("海之蓝3箱零1瓶，国窖1573两瓶")
    assert codes(said) == ["HZL", "GJ"]
    assert [quantity for _, quantity in said.items] == [c(3, 1), b(2)]


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("海之兰退5件", ["HZL"]),
        ("五粮夜两箱", ["WLY"]),
        ("剑南村3箱", ["JN52", "JN38"]),
        ("非天毛台退2瓶", ["FT"]),
        ("剑南春退3箱", ["JN52", "JN38"]),
        ("剑南春45度退3箱", ["JN52", "JN38"]),
        ("青花30退1箱", ["FJ"]),
    ],
)
def test_understand_misspelt_or_shared_names_are_only_candidates(text, candidates):
    said = read(text)
    assert ([p.code for p in said.candidates], said.certain) == (candidates, False)
    assert codes(said) == [None]
    assert said.intent is Intent.RETURN_PART


@pytest.mark.parametrize(
    ("text", "reason", "code"),
    [
        ("退3箱海之蓝 临期", "临期", "near_expiry"),
        ("申请退货 海之蓝 2箱 卖不动", "卖不动", "slow"),
        ("退两箱海之蓝 破损", "破损", "damaged"),
        ("客户投诉海之蓝口感不好退2瓶", "客户投诉", "complaint"),
        ("海之蓝换代了，退两箱", "换代", "upgrade"),
        ("不退，客户订了", "客户订了", "other"),
        ("驳回 12 库存不对", "库存不对", "other"),
        ("驳回R12 数量不对", "数量不对", "other"),
        ("退12瓶", "", ""),
    ],
)
def test_understand_reason(text, reason, code):
    said = read(text)
    assert (said.reason, said.reason_code) == (reason, code)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("查 R12 进度", "R12"),
        ("同意 12", "12"),
        ("批准12号", "12"),
        ("驳回 12 库存不对", "12"),
        ("改 12 20瓶", "12"),
        ("12号进度", "12"),
        ("取消 r12", "R12"),
        ("退12瓶", ""),
        ("改20瓶", ""),
    ],
)
def test_understand_number(text, number):
    assert read(text).number == number


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("周五来拉", date(2026, 11, 27), date(2026, 11, 27)),
        ("11月28号", date(2026, 11, 28), date(2026, 11, 28)),
        ("明天", date(2026, 11, 25), date(2026, 11, 25)),
        ("改到26-27号", date(2026, 11, 26), date(2026, 11, 27)),
        ("26-27号错误，改25-26", date(2026, 11, 25), date(2026, 11, 26)),
        ("下周三上午来取", date(2026, 12, 2), date(2026, 12, 2)),
        ("全部退，明天下午3点来拉", date(2026, 11, 25), date(2026, 11, 25)),
        ("发起回收 海之蓝 20240312 批次 滞销 11月30日前", date(2026, 11, 30), date(2026, 11, 30)),
        ("退12瓶", None, None),
    ],
)
def test_understand_date(text, first, last):
    said = read(text)
    assert (said.date, said.date_to) == (first, last)


def test_understand_batch():
    said = read("发起回收 海之蓝 20240312 批次 滞销 11月30日前")
    assert (said.batch, codes(said), said.reason_code) == ("20240312", ["HZL"], "slow")


def test_understand_a_day_that_does_not_exist_is_asked_back():
    said = read("2月30号来拉")
    assert (said.date, said.certain) == (None, False)


def test_understand_takes_a_plain_list_of_products():
    assert codes(understand("海之蓝3箱", PRODUCTS, TODAY)) == ["HZL"]


ALPHABET = "退箱瓶件半两三十百12 0,，。.-/年月日号周一卖没不海之蓝1573R改到同意驳查进度批次吗零又~多几度:#@"


@given(st.text() | st.text(ALPHABET, max_size=60))
def test_understand_never_raises(text):
    said = read(text)
    assert said.intent in Intent
    assert len(said.text) <= 400


@given(st.integers(1, 9999), st.integers(1, 11))
def test_understand_reads_back_any_amount(cases, loose):
    assert read(f"退{cases}箱零{loose}瓶").quantities == [c(cases, loose)]


NEGATIVES = (
    Path(os.environ.get("JIUHUI_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    / "cn_chat_negatives"
    / "crosswoz_user_dev.jsonl.gz"
)


@pytest.mark.skipif(
    not NEGATIVES.is_file(),
    reason=f"CHAT NEGATIVES NOT TESTED: {NEGATIVES} is absent, set JIUHUI_SHARED_DATA",
)
def test_understand_small_talk_is_no_order():
    """Other people's talk about hotels and taxis: under 1 % may act, and that only by 好的."""
    with gzip.open(NEGATIVES, "rt", encoding="utf-8") as lines:
        said = [read(json.loads(line)["text"]) for line in lines]
    assert len(said) > 5000
    acting = [s for s in said if s.certain]
    assert len(acting) / len(said) < 0.01
    harmless = {Intent.UNKNOWN, Intent.NEGATED, Intent.CONFIRM_ALL}
    assert sum(s.intent not in harmless for s in said) / len(said) < 0.002
