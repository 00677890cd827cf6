"""One spelling for what phones type: widths, letter case, traditional signs, blanks."""

import re

# Full-width signs become ASCII, except those that part sentences: "12，200 瓶" is not 12,200.
_PARTING = "，；！"
_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in _PARTING} | str.maketrans(
    "\u3000～〜—–−°｜﹣•", " ~~---度|-·"
)
_TRADITIONAL = str.maketrans(
    "兩賣沒萬億個貳陸還餘問題發貨單買壞開關後週禮數報間處應門說請點時進給對過損萊蘭藍糧劍馬",
    "两卖没万亿个贰陆还余问题发货单买坏开关后周礼数报间处应门说请点时进给对过损莱兰蓝粮剑马",
)
_WIDE_GROUPING = re.compile(r"(?<=[０-９])，(?=[０-９]{3}(?![０-９]))")
_CIRCLED = re.compile(r"[①-⑳]")
_BLANKS = re.compile(r"\s+")
_PRIVATE = re.compile("[\ue000-\uf8ff\x00]")  # the reader puts such signs in place of what it cut
# A blank between two Chinese signs parts nothing, but between two numerals it does: "改 十二 二十瓶".
_IDLE_BLANK = re.compile(
    r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])"
    r"(?<![零一二三四五六七八九十百千万两] (?=[零一二三四五六七八九十百千万两]))"
)


def normalise(text: str) -> str:
    """Return the text in half width, lower case, simplified signs and with single blanks."""
    text = _WIDE_GROUPING.sub(",", _PRIVATE.sub("", text))
    text = text.translate(_WIDTH).translate(_TRADITIONAL).lower()
    text = _CIRCLED.sub(lambda found: str(ord(found[0]) - 0x245F), text)
    return _IDLE_BLANK.sub("", _BLANKS.sub(" ", text).strip())
