"""The verb: words become one letter each, and short patterns over the letters decide the intent.

What is not in the word list counts as unknown. A message with more unknown signs than its pattern
bears is no order, so talk about anything else stays UNKNOWN.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Intent(StrEnum):
    """What somebody wants. CONFIRM_ALL, RETURN_PART and the like only mean something to a task."""

    CONFIRM_ALL = "confirm_all"
    RETURN_PART = "return_part"
    SOLD_OUT = "sold_out"
    SOLD_PART = "sold_part"
    REFUSE = "refuse"
    PROBLEM = "problem"
    STILL_HAVE = "still_have"
    REQUEST_RETURN = "request_return"
    PROGRESS = "progress"
    HELP = "help"
    APPROVE = "approve"
    REJECT = "reject"
    CHANGE_QUANTITY = "change_quantity"
    CANCEL = "cancel"
    MY_TASKS = "my_tasks"
    DESK = "desk"
    RESCHEDULE = "reschedule"
    START_RECALL = "start_recall"
    SIMULATE = "simulate"
    NEGATED = "negated"
    UNKNOWN = "unknown"


# Signs that stand in the text for what was cut out of it, and the letter each is read as.
PRODUCT, AMOUNT, DAY, NUMBER, BATCH, NOISE, NONE_LEFT, NONE_SOLD = (chr(code) for code in range(0xE010, 0xE018))

_WORDS = {
    "p": PRODUCT,
    "q": AMOUNT,
    "d": DAY,
    "#": NUMBER,
    "b": BATCH,
    "R": "退 退货 退回 退掉 退了 退还 退回去 退给你们 退给你 退给厂家 拉走 拉回 拉回去 收走 收回 回收 取走 拿走 带走 换货 退换",
    "W": "我要退 我要退货 我想退 想退 想退货 要退 要退货 申请退 申请退货 申请回收 要求退 要求退货 需要退 需要退货 请求退货 退货申请",
    "A": "全部 全都 全 都 统统 所有 全数 整批 通通 所有的 剩下的都 剩的都",
    "C": "确定 可以 没问题 没有问题 没意见 没有意见 没异议 好的 好滴 好嘞 好的好的 ok okay 行的 可以的 ✅ 👌 👍 1️⃣",
    "c": "好 行 嗯 嗯嗯 是的 对 对的 要得 中 是 成 嗯呐 好吧 行吧",
    "Y": "同意 确认 同意退 确认退货 确认退",
    "k": "收到 明白 知道了 知道 了解 了解了 好的收到",
    "S": "卖 卖了 卖掉 卖掉了 卖出 卖出了 卖出去 卖出去了 售出 售出了 已售 销了 销售了 销掉 销掉了 出掉了 走了 动销了 开了 喝了",
    "O": f"卖完 卖光 卖空 卖没 售完 售罄 已售罄 销完 销光 没货 没有货 无货 断货 没库存 没有库存 无库存 零库存 没有了 没了 没存货 没有存货 空了 不剩 不剩了 没剩 没剩下 清空 清完 没酒了 没有酒了 {NONE_LEFT}",
    "n": f"没卖完 没有卖完 还没卖完 还没有卖完 未卖完 没卖光 没有卖光 还没卖光 没卖 没有卖 还没卖 卖不完 不是没货 不是没有 没卖掉 没动 没售完 没售罄 没售出 未售出 还没售出 没断货 没清完 快卖完 快卖完了 快卖光 快没货了 快没了 差不多卖完 差不多卖完了 马上卖完 马上卖完了 等卖完 等卖完了 卖完再 卖完了再 如果没卖完 如果没卖完就 {NONE_SOLD}",
    "L": "还有 还剩 剩 剩下 剩下的 剩余 剩了 在店里 在库 在库里 余下 余 库存 库存有 库存还有 现有 现存 有 在架 还存 存 就剩 只剩 只有 仅剩",
    "2": "没有不退 不是不退 没说不退 没说过不退 并非不退 不是不同意 不是不想退 没有不同意 不是不可以 不是不肯退 不是说不退 没有说不退",
    "X": "不退 不退了 不退货 别退 别退了 先别退 不要退 不要退了 不用退 先不退 暂不退 暂时不退 不想退 不愿退 不愿意退 不给退 不能退 退不了 没法退 不同意 不同意退 不需要退 不可以退 不肯退 拒绝退 不配合 不打算退 不能全退 不全退 不都退 不能都退",
    "z": "不行 不可以 拒绝 不干 不要 不好",
    "B": "漏 漏了 漏酒 漏酒了 渗漏 渗酒 破 破了 破损 破损了 碎 碎了 打碎 坏 坏了 裂 裂了 开裂 瓶盖 瓶盖松 短少 少了 对不上 数量不对 货不对 少发 少发了 货少 缺少 少货 假酒 假货 假的 变质 发霉 霉了 异味 浑浊 沉淀 跑酒 脱标 掉标 标签掉 摔了 磕了 挤压 变形",
    "P": "有问题 有异常 出问题 出问题了 异常 出了问题",
    "e": "临期 快过期 快过期了 快到期 快到期了 临近保质期 近效期 效期近 日期老 日期不好 日期旧 要过期 要过期了 过期 过期了 到期 到期了",
    "w": "滞销 卖不动 卖不掉 卖不出去 不好卖 不动销 动销慢 动销差 没人买 走不动 积压 压货 压仓 卖得慢 走得慢 库存大 库存太多 销不动",
    "j": "客诉 投诉 客人投诉 顾客投诉 客户投诉 客人反映 口感 口感不好 质量问题",
    "u": "换代 升级 换包装 新包装 改版 老版 老款 旧款 换新 停产",
    "v": "因为 由于 原因 原因是 理由 理由是",
    "G": "进度 退货进度 回收进度 任务进度 查进度 查询进度 查一下进度 看进度 看看进度 到哪了 到哪一步了 到哪步了 处理到哪了 怎么样了 办得怎么样了 状态 处理状态 还剩多少 还剩多少没退 还要退多少 还剩多少瓶",
    "g": "查 查询 查一下 查看 查下 看一下 看看 看下",
    "H": "帮助 help 怎么用 使用说明 使用帮助 怎么操作 怎么回复 怎么回 怎么退 怎么退货 如何退货 怎么弄 菜单 功能 操作说明 指令",
    "V": "批准 通过 准了 审批通过 审核通过 通过了",
    "J": "驳回 打回 不批准 不批 不通过 审批不通过 退回重填",
    "M": "改 改成 改为 改到 修改 修改为 修改成 更正 更正为 更改为 更改 调整 调整为 调整到 调成 数量改 数量改成 数量改为 改数量 改一下",
    "K": "取消 撤销 撤回 作废 取消任务 取消申请 撤销申请 撤回申请 取消退货 取消回收",
    "T": "我的任务 待办 我的待办 任务列表 任务 待处理 待办任务 待办事项 有什么任务 有哪些任务",
    "D": "看板 大屏 数据看板 看看板 打开看板 报表 仪表盘 数据报表",
    "U": "来拉 来收 来取 来提 上门 上门取 上门拉 上门收 取货 提货 拉货 收货 改期 改时间 改天 推迟 延期 推后 提前 换时间 换个时间 预约 约 再来 过来拉 过来取 过来收 来拉货 来取货 来拉走 来收货 送过去 来",
    "E": "发起回收 发起召回 新建回收 启动回收 开始回收 创建回收 下发回收 发起退货 启动召回 新建召回",
    "I": "模拟回收 模拟召回 回收模拟 召回模拟 回收演练 召回演练 模拟 演练 试算",
    "y": "要卖 想卖 能卖 会卖 还卖 还能卖 还要卖 好卖 先卖 继续卖 再卖 打算卖 准备卖 自己卖 卖卖看 慢慢卖",
    "N": "不对 错了 不 没 没有 别 未 不是 无 不会 不能",
    "a": "各 各退 分别",
    "t": "谢谢 谢谢你 谢谢您 谢了 谢啦 多谢 感谢 麻烦 麻烦你 麻烦您 麻烦了 辛苦 辛苦了 再见 拜拜 bye",
    "?": "吗 么 嘛 ? 几 多少 怎么 怎样 什么 哪 哪里 哪个 哪家 哪些 为什么 为啥 谁 是不是 有没有 能不能 可不可以 行不行 好不好 退不退 要不要 如何 咋 呢 会不会 可否 能否 是否 有啥 啥 多久 几点 还是",
    ",": "， 。 ； 、 ! , ; . ~ … ： :",
    "": f"吧 啊 呀 哦 噢 了 的 地 得 哈 哟 啦 嘞 喔 额 呃 嗨 您 你 你们 您们 我 我们 咱 咱们 我这 我这边 我这里 我店 我店里 我家 本店 店里 店里面 店 门店 仓库 这边 这里 那边 这 那 这个 那个 这些 那些 这批 老板 老板娘 老师 经理 师傅 你好 您好 请 帮 帮我 帮忙 给 给我 给你们 把 将 先 就 只 仅 仅仅 已经 已 都已经 刚 刚刚 刚才 现在 目前 今 共 一共 总共 合计 总计 数量 酒 白酒 货 商品 产品 也 还 又 再 和 跟 及 以及 要 想 能 下 一下 到 在 里 里面 拉 回 退货数量 另外 其他 其余 其余的 剩余的 然后 其中 上次 手里 手上 手头 架上 货架上 原封 没开封 未开封 没拆 完好 左右 大概 箱 瓶 件 左右吧 差不多 算了 链接 发个 发下 发我 处理 任务号 单号 编号 批 批次 申请 数 实际 实际上 当前 为 之前 以前 前 已经都 每 多 下午 上午 中午 晚上 早上 / ( ) \" ' “ ” 《 》 【 】 @ # + * = _ & {NOISE}",
}  # fmt: skip
_LETTER = {word: letter for letter, words in _WORDS.items() for word in words.split()}
_LENGTHS: dict[str, tuple[int, ...]] = {
    sign: tuple(sorted({len(w) for w in _LETTER if w[0] == sign}, reverse=True))
    for sign in {word[0] for word in _LETTER}
}
_LATIN = re.compile(r"[a-z0-9]+")
REASON_CODES = {"e": "near_expiry", "w": "slow", "B": "damaged", "j": "complaint", "u": "upgrade"}


@dataclass(frozen=True)
class Words:
    """A message as letters; `unknown` counts the signs no word of ours explains.

    `polite` messages thank or take leave, which leaves no letter.
    """

    letters: str
    tokens: tuple[tuple[str, str], ...]
    unknown: int
    polite: bool

    def first(self, letters: str) -> str:
        """Return the first word of one of these letters, empty if there is none."""
        return next((word for letter, word in self.tokens if letter in letters), "")


def read_words(text: str) -> Words:
    """Turn a text, after cutting, into letters; unknown stretches become one "x" each."""
    tokens: list[tuple[str, str]] = []
    unknown = at = 0
    while at < len(text):
        word = _word_at(text, at)
        at += len(word)
        letter = _LETTER.get(word, "" if word == " " else "x")
        if letter == "x":
            unknown += len(word)
        if letter and not (letter in "x," and tokens and tokens[-1][0] == letter):
            tokens.append((letter, word))
    polite = any(letter == "t" for letter, _ in tokens)
    letters = "".join(letter for letter, _ in tokens if letter != "t").strip(",")
    return Words(letters, tuple(tokens), unknown, polite)


def _word_at(text: str, at: int) -> str:
    """Return the longest known word at this place, else a Latin run or one sign."""
    for length in _LENGTHS.get(text[at], ()):
        word = text[at : at + length]
        if word in _LETTER:
            return word
    latin = _LATIN.match(text, at)
    return latin[0] if latin else text[at]


@dataclass(frozen=True)
class _Row:
    """If the letters look like `pattern` and at most `bears` signs are unknown, it is `intent`."""

    intent: Intent
    pattern: re.Pattern[str]
    bears: int = 0
    sure: bool = True


def _row(intent: Intent, pattern: str, bears: int = 0, *, sure: bool = True) -> _Row:
    return _Row(intent, re.compile(pattern), bears, sure)


_ANY = 200
# "好的，谢谢" may close a talk as well as agree, "谢谢帮助" asks for nothing: neither is sure.
_JUST_POLITE = re.compile(r"^[cCk,]*[cC][cCk,]*$|^H$")
_OPEN = r"^[cCkY,]*"  # polite noises before the matter itself
_Q = Intent
# The first row that fits wins, so negation stands before what it negates.
_ROWS = [
    _row(_Q.SIMULATE, _OPEN + r"I", _ANY),
    _row(_Q.START_RECALL, _OPEN + r"E(?!.*\?)", _ANY),
    _row(_Q.HELP, r"^[,?]*H[,?]*$"),
    _row(_Q.MY_TASKS, r"^g?[,?]*T[,?]*$"),
    _row(_Q.DESK, r"^g?D[,?]*$"),
    _row(_Q.PROGRESS, r"^[pg#R,]*G[pg#R,?]*$", 1),
    _row(_Q.PROGRESS, r"^g[,]*#[G?,]*$|^#\??G?\?*$"),
    _row(_Q.REJECT, r"^(?:J|z#|X#)(?!.*\?)", _ANY),
    _row(_Q.APPROVE, r"^[cC,]*(?:[VY]#|#[,]*[VY]|V)[,]*$"),
    _row(_Q.CHANGE_QUANTITY, r"^#?[,]*M[,]*#?[,]*q[,]*$|^#?[,]*q,*M,*q$", 2),
    _row(_Q.RESCHEDULE, r"^[cC,UR]*d?[,x]*M[,U]*d[,UR]*$|^M,*d$", 3),
    _row(_Q.CANCEL, r"^[,]*K[#R,]*$|^#,*K$"),
    _row(_Q.REQUEST_RETURN, r"^(?=.*[RW])(?=.*p)(?=.*q)(?=.*\?)[^XOzn2]*$", 2, sure=False),
    _row(_Q.UNKNOWN, r"\?", _ANY),
    _row(_Q.NEGATED, r"2", _ANY),
    _row(_Q.RETURN_PART, r"X.*[RW][,]*q|X.*q[,]*A?R", 6, sure=False),
    _row(_Q.REFUSE, r"^[ck,p]*X[A,]*$|^[ck,p]*[XCz]?[,]*X(?:[,v].*|[pdA].*)?$", _ANY),
    _row(_Q.REFUSE, r"^[^XRWqS]*X[A,]*$|^X", 30, sure=False),
    _row(_Q.REFUSE, r"^z$|^z[,v]", 20, sure=False),
    _row(_Q.PROBLEM, r"^(?!.*(?:[RW]p?q|qp?A?[RW]|NB|NP))[^RW]*(?:qp?[^q]*B|Bq)", 12),
    _row(_Q.PROBLEM, r"^(?!.*(?:[RW]p?q|NB|NP))(?=.*q.*B.*[RW])", 12, sure=False),
    _row(_Q.PROBLEM, r"^[,pLAck]*[PB][,P]*$", 2),
    _row(_Q.PROBLEM, r"^[,pLAck]*q?[PB].*", 8, sure=False),
    _row(_Q.STILL_HAVE, r"n.*L.*q|^L,*q.*n|^q.*n$", 4),
    _row(_Q.NEGATED, r"n", 6, sure=False),
    _row(_Q.SOLD_PART, r"Sp?q|[^L]qS|qA?S[,]*$", 4),
    _row(_Q.STILL_HAVE, r"O[^R]*Lq", 2, sure=False),
    _row(_Q.SOLD_OUT, r"^[,pACckbL]*(?:[OA]*O|AS)[,AORXckz]*$", 1),
    _row(_Q.SOLD_OUT, r"^[,pd]*O[,p]*$", sure=False),
    _row(_Q.SOLD_PART, r"^[,pck]*Sq?[,]*$", sure=False),
    _row(_Q.REQUEST_RETURN, r"^(?=.*W)(?=.*p)(?=.*q)", 6),
    _row(_Q.REQUEST_RETURN, r"^(?=.*[RW])(?=.*p)(?=.*q)(?=.*[ewjuBv])", 12),
    _row(_Q.RETURN_PART, r"[RW][^qO]*q|q[^qO]*[RW]", 6),
    _row(_Q.CONFIRM_ALL, r"^[,cCkYApdLUewjuB]*(?:A[,pdLAck]*R|[CY][,pdA]*R|R[,p]*A)[,cCkYdULAewjuB]*$", 2),
    _row(_Q.REQUEST_RETURN, r"^[,ckpewjuB]*W[,bdewjuBvpx]*$", 8, sure=False),
    _row(_Q.REQUEST_RETURN, r"^[,ck]*(?:Rp|pR)[,bdewjuBv]*$", 4, sure=False),
    _row(_Q.CONFIRM_ALL, r"^[,ck]*R[,d]*$", sure=False),
    _row(_Q.STILL_HAVE, r"^[,ckpb]*Lp?q[p,L]*$|^[,ckp]*qp?L$|^[,ckp]*L?(?:pq|qp)L$", 3),
    _row(_Q.STILL_HAVE, r"^[^RWSXO]*Lp?q", 3, sure=False),
    _row(_Q.RETURN_PART, r"^[,cCYkbA]*(?:a?q|pA?a?q|qp)(?:,?(?:pa?q|qp|p|a?q))*[,dUcCYkewjuB]*$"),
    _row(_Q.RETURN_PART, r"^(?:p,)*p,*a?q[,]*$"),
    _row(_Q.CONFIRM_ALL, r"^[,ck]*[CYA](?:[,CYckpAdU])*$"),
    _row(_Q.CONFIRM_ALL, r"^c[,ck]*$", sure=False),
    _row(_Q.RESCHEDULE, r"^[,ck]*(?:[RU]*d[,]*[URd]*|Ud)[,ck]*$", 2),
    _row(_Q.RESCHEDULE, r"d.*M,*d$", 6, sure=False),
    _row(_Q.RESCHEDULE, r"^(?=.*d)(?=.*U)[^RWSXOqL]*$", 4, sure=False),
    _row(_Q.STILL_HAVE, r"^[,ckp]*L$", sure=False),
    _row(_Q.NEGATED, r"^[,c]*N[,N]*$", sure=False),
]  # fmt: skip


def decide(words: Words) -> tuple[Intent, bool]:
    """Return the intent and whether it is certain enough to act on without asking back."""
    if words.polite and _JUST_POLITE.match(words.letters):
        return (Intent.UNKNOWN if "H" in words.letters else Intent.CONFIRM_ALL), False
    for row in _ROWS:
        if words.unknown <= row.bears and row.pattern.search(words.letters):
            return row.intent, row.sure and row.intent is not Intent.UNKNOWN and (
                words.unknown == 0 or row.bears == _ANY
            )
    return Intent.UNKNOWN, False
