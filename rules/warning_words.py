"""The words a rule file may use beside the English names, and the nearest known word to a wrong one."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from models.people import Role
from rules.warning_rules import METRICS, Action, Metric

#: Who may be told of warnings: the distributor's own people. What a shop hears, the rep decides.
RECEIVERS: Mapping[str, Role] = MappingProxyType(
    {
        "业务员": Role.SALES_REP,
        "区域经理": Role.REGIONAL_MANAGER,
        "老板": Role.BOSS,
        "仓管": Role.WAREHOUSE_KEEPER,
        "质量负责人": Role.QUALITY_OFFICER,
        "财务": Role.FINANCE,
    }
)
ACTION_WORDS: Mapping[str, Action] = MappingProxyType(
    {
        "发起回收": Action.START_RECALL,
        "找调剂": Action.FIND_TRANSFER,
        "去盘点": Action.COUNT,
        "暂停补货": Action.STOP_SUPPLY,
        "补货": Action.RESTOCK,
        "促销": Action.PROMOTE,
    }
)
METRIC_WORDS: Mapping[str, Metric] = MappingProxyType({facts.word: metric for metric, facts in METRICS.items()})
#: Words of a shelf life. Goods without an expiry basis are never called so, whoever writes the title.
EXPIRY_WORDS = ("临期", "到期", "过期", "保质期", "效期", "失效")


def action_word(action: Action) -> str:
    """What the action is called in Chinese."""
    return next(word for word, known in ACTION_WORDS.items() if known is action)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint in Chinese at the known word that was probably meant; empty when none is near."""
    lowered = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), lowered, n=1, cutoff=0.5)
    return f"，是不是“{lowered[found[0]]}”" if found else ""
