"""Every wording has a golden file: changing a sentence shows the sentence in the diff.

`python -m tests.test_texts` writes the golden files anew.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from texts.message import Message
from texts.render import FOLDER, TextMissing, Texts, goods, plain, tidy, yuan

GOLDEN = Path(__file__).parent / "golden"
FILES = ("recall", "food_safety", "common", "observe")
AT = datetime(2026, 9, 7, 10, 30, tzinfo=UTC)
PARTITION = SimpleNamespace(
    in_stores=36, reserved=0, in_transit=6, quarantine=0, warehouse=120, returned=12, sold=3, transferred=0,
    lost=0, destroyed=0, presumed_sold=9,
)  # fmt: skip
#: The longest realistic names, so that limits of cards are tried too.
SAMPLE = {
    "number": "R12", "task_id": 34, "gap_id": 5, "store": "临江路福顺烟酒店（二分店）", "product": "青岚坊柔和 42 度 500ml",
    "spec": "500ml×6", "case_size": 6, "batches": "20240312、20240901", "batch": "20240312", "scoped": 20, "left": 8,
    "declared": 12, "bottles": 20, "stores": 3, "value_fen": 1_234_567, "exposure_fen": 2_345_678, "deadline": date(2026, 9, 30),
    "promised_on": date(2026, 9, 11), "reason_label": "滞销", "why": "三个月没动销", "why_not": "数量不对", "who": "王芳",
    "creator": "李业务", "shown": "城东1号店 12 瓶，城东2号店 8 瓶", "reason": "客户已经订走", "words": "全部退回 12 瓶",
    "note": "客户订了", "taker": "王芳", "document": "JJ20260907-0001", "public_url": "https://jiuhui.example",
    "counted": 18, "grades": "A 级 12 瓶，B 级 6 瓶", "points": "3 瓶没有着落", "kind": "少货", "due_at": AT, "at": AT,
    "answer": "全部退回", "label": "已找回", "state": "等门店答复", "event": "同意", "sentence": "瓶数要大于 0。",
    "example": "退12瓶", "name": "陈福顺", "count": 2, "lines": "第一件\n第二件", "link": "https://jiuhui.example/t/x",
    "names": "青岚坊柔和、青岚坊经典", "p": PARTITION, "detail": "王芳已在 9 月 7 日 10:30 扫过", "error": "93000: 群里没有机器人",
    "url": "https://jiuhui.example/desk/", "handed_over": 12, "accepted": 6, "answered": 2, "done": 1, "in_transit": 6,
    "received": 6, "outstanding": 14, "legal_class": 2, "dead": 1,
    "trouble": "出货.xlsx：第 2 行“门店编码”（写的是 S99）：没有这家门店，请先导入门店。",
}  # fmt: skip
_ROW = {
    "product": "青岚坊柔和 42 度 500ml",
    "shown": 20,
    "case_size": 6,
    "age": "数据 12 天前，店主自报",
    "bottles": 13,
    "who": "陈福顺",
}
SAMPLE |= {
    "row": _ROW, "rows": [_ROW, {**_ROW, "shown": None}], "again": False, "days": 12, "source": "店主自报", "believed": 108,
    "products": 3, "confidence": 65, "flags": ["没有照片，按门店盘点的可信度记。"], "metres": 1112, "day": date(2026, 9, 7), "code": "C1-B1",
}  # fmt: skip
WECOM_TITLE = 36  # characters a WeCom card shows of its title


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts()


def names_in(file: str) -> list[str]:
    return [n for n in yaml.safe_load((FOLDER / f"{file}.yaml").read_text(encoding="utf-8")) if n != "labels"]


def shown(message: Message) -> str:
    rows = [f"{label}：{value}" for label, value in message.fields]
    buttons = " ".join(f"［{button.label}］" for button in message.buttons)
    return "\n".join(part for part in [message.title, message.body, *rows, message.how, buttons] if part)


def rendered(file: str, texts: Texts) -> str:
    parts = [f"== {name}\n{shown(texts.say(name, key_for='flow:1', version=1, **SAMPLE))}\n" for name in names_in(file)]
    return "\n".join(parts)


@pytest.mark.parametrize("file", FILES)
def test_wording_is_the_golden_one(file, texts):
    golden = (GOLDEN / f"texts_{file}.txt").read_text(encoding="utf-8")

    assert rendered(file, texts) == golden, "run: python -m tests.test_texts, then read the diff"


def test_take_back_never_speaks_of_recall(texts):
    assert "召回" not in rendered("recall", texts)


def test_food_safety_offers_no_reuse_and_no_waiver_to_stores(texts):
    said = rendered("food_safety", texts)

    assert "临期" not in said
    assert "放行-" not in said


@pytest.mark.parametrize("file", FILES)
def test_titles_fit_a_card(file, texts):
    long = [n for n in names_in(file) if len(texts.say(n, key_for="flow:1", **SAMPLE).title) > WECOM_TITLE + 24]

    assert long == []


def test_missing_variable_is_an_error_before_anything_is_written(texts):
    with pytest.raises(Exception, match="undefined"):
        texts.say("ask_store", key_for="recall_task:1")


def test_unknown_text_is_named(texts):
    with pytest.raises(TextMissing, match="no_such_text"):
        texts.say("no_such_text")


def test_words_from_outside_cannot_become_links():
    assert "[" not in plain("[点我](http://evil)").replace("\\[", "")


@pytest.mark.parametrize(
    ("bottles", "case_size", "said"),
    [
        (5, 6, "5 瓶"),
        (6, 6, "1 箱（6 瓶）"),
        (20, 6, "3 箱 2 瓶（20 瓶）"),
        (7, 1, "7 瓶"),
        (0, 6, "0 瓶"),
        (3, 0, "3 瓶"),
    ],
)
def test_goods_are_counted_as_people_count(bottles, case_size, said):
    assert goods(bottles, case_size) == said


@given(st.integers(-(10**12), 10**12))
def test_money_keeps_every_fen(fen):
    digits = yuan(fen).removesuffix(" 元").replace(",", "").replace(".", "")

    assert int(digits) == fen


def test_blanks_between_chinese_words_go_and_wanted_ones_stay():
    assert tidy("福顺店 的 青岚坊 42 度  滞销") == "福顺店的青岚坊 42 度 滞销"


@given(st.builds(Message, title=st.text(), body=st.text(), how=st.text(), status=st.text()))
def test_message_survives_the_outbox(message):
    assert Message.from_dict(message.as_dict()) == message


def write_golden() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for file in FILES:
        (GOLDEN / f"texts_{file}.txt").write_text(rendered(file, Texts()), encoding="utf-8")


if __name__ == "__main__":
    write_golden()
