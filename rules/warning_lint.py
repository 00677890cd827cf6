"""What makes no sense in a rule file though each word of it is understood."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from rules.scope_cover import is_covered, meet
from rules.warning_file import Draft, DraftRow
from rules.warning_nodes import Problems
from rules.warning_rules import MILLI, OF_GOODS, SINGULAR, Action, Grain, Metric, MetricFacts, Scope
from rules.warning_words import EXPIRY_WORDS, action_word

SHOWN_WORDS = 5
MOST_WORDS = 8_000
MOST_QUIET_MONTHS = 10  # a rule that sleeps longer looks at nothing
ONLY_BY_SALES = ("new_listing_days", "leave_out_months")
NOT_OF_LOW_STOCK = ("min_bottles", "min_loss_yuan")
FOR_LOW_STOCK = frozenset({Action.RESTOCK, Action.FIND_TRANSFER, Action.COUNT})


def lint(drafts: Sequence[Draft], problems: Problems) -> None:
    """Note everything wrong with rules that could be read, each by itself and all together."""
    for draft in drafts:
        problems.of = f"{draft.name}：" if draft.name else ""
        _title(draft, problems)
        _wheres(draft, problems)
        if draft.metric is not None:
            _keys(draft, draft.metric, problems)
            _days(draft, draft.metric, problems)
            for row in draft.rows:
                _levels(row, draft.metric.facts, problems)
        _receivers(draft, problems)
        _rows(draft, problems)
    problems.of = ""
    _twins(drafts, problems)
    _size(drafts, problems)


def number(milli: int) -> str:
    """Thousandths as a person writes them: 2.5, 90."""
    return f"{milli / MILLI:.3f}".rstrip("0").rstrip(".")


def words_of(scope: Scope) -> str:
    """A scope as it is written in the file."""
    named = [
        f"{SINGULAR[name]}: {'、'.join(values[:5])}{'…' if len(values) > 5 else ''}"
        for name, values in scope.named.items()
    ]
    return "，".join(named) or "全部"


def _title(draft: Draft, problems: Problems) -> None:
    """Goods without an expiry basis are never said to expire, so only one metric may speak of it."""
    said = next((word for word in EXPIRY_WORDS if word in draft.title), "")
    if said and draft.metric not in {None, Metric.REMAINING_LIFE}:
        problems.note(draft.at("title"), f"名字里不能有“{said}”：白酒没有效期依据时不能这么说，只有剩余效期规则可以")


def _wheres(draft: Draft, problems: Problems) -> None:
    if draft.metric is None or draft.metric.facts.grain is not Grain.STORE:
        return
    places = [
        (draft.scope, draft.at("where")),
        *((row.row.scope, row.lines.get("where", row.line)) for row in draft.rows),
    ]
    for scope, line in places:
        for name in OF_GOODS & scope.named.keys():
            problems.note(line, f"{draft.metric.facts.word}看的是整家店，不能按 {SINGULAR[name]} 分")


def _keys(draft: Draft, metric: Metric, problems: Problems) -> None:
    low_stock = metric is Metric.SAFETY_STOCK
    for key in ONLY_BY_SALES:
        if key in draft.lines and not metric.facts.by_sales:
            problems.note(draft.lines[key], f"{metric.facts.word}不看动销，“{key}”用不上，删掉这一行")
    for key in NOT_OF_LOW_STOCK:
        if key in draft.lines and low_stock:
            problems.note(draft.lines[key], f"安全库存报的就是货少，写了“{key}”就永远报不出来，删掉这一行")
    if draft.action is not None and low_stock and draft.action not in FOR_LOW_STOCK:
        problems.note(
            draft.at("action"), f"货不够的时候不能建议“{action_word(draft.action)}”，可以写：补货、找调剂、去盘点"
        )
    if draft.action is Action.RESTOCK and not low_stock:
        problems.note(draft.at("action"), "“补货”只用于安全库存规则")


def _days(draft: Draft, metric: Metric, problems: Problems) -> None:
    """Numbers that each are possible and together never let the rule fire, or let it fire on no news."""
    pending, fresh = draft.number("pending_days"), draft.number("fresh_days")
    if pending >= fresh:
        said = f"要连续 {pending} 天才报，可是数据过 {fresh} 天就算旧了，永远报不出来：pending_days 要小于 fresh_days"
        problems.note(draft.at("pending_days", "fresh_days"), said)
    if len(draft.leave_out_months) > MOST_QUIET_MONTHS:
        said = f"一年里有 {len(draft.leave_out_months)} 个月不报，等于没有这条规则"
        problems.note(draft.at("leave_out_months"), said)
    for row in draft.rows:
        first = number(row.row.levels[0])
        if metric is Metric.DAYS_WITHOUT_SALE and row.row.levels[0] <= fresh * MILLI:
            said = f"门槛 {first} 天，数据却可以旧到 {fresh} 天：没有消息不等于没有卖，fresh_days 要小于一级门槛"
            problems.note(draft.lines.get("fresh_days", row.line), said)
        if metric is Metric.EXPECTED_LOSS and draft.number("min_loss_yuan") * MILLI > row.row.levels[0]:
            said = f"min_loss_yuan 比一级门槛 {first} 元还高，一级永远报不出来"
            problems.note(draft.at("min_loss_yuan"), said)


def _levels(row: DraftRow, facts: MetricFacts, problems: Problems) -> None:
    levels, line = row.row.levels, row.lines.get("levels", row.line)
    where = f"{facts.word}的门槛"
    for level in levels:
        if not facts.least <= level <= facts.most:
            reach = f"{number(facts.least)} 到 {number(facts.most)} {facts.unit}"
            problems.note(line, f"{where}要在 {reach}之间，{number(level)} 永远达不到或者永远成立")
        elif level % facts.step:
            problems.note(line, f"{where}要是 {number(facts.step)} {facts.unit}的整数倍，写的是 {number(level)}")
    in_order = all(later > earlier if facts.rising else later < earlier for earlier, later in pairwise(levels))
    if not in_order:
        how = "从小到大" if facts.rising else "从大到小"
        problems.note(line, f"{where}要{how}写，越往后越严重，不能重复")
    _clears(row, facts, problems)


def _clears(row: DraftRow, facts: MetricFacts, problems: Problems) -> None:
    first, clears, line = row.row.levels[0], row.row.clears, row.lines.get("clears", row.line)
    if "clears" not in row.lines:
        return
    if facts.rising and clears > first:
        problems.note(line, f"clears 写反了：超过 {number(first)} 才报，要退到 {number(first)} 或以下才解除")
    elif not facts.rising and clears < first:
        problems.note(line, f"clears 写反了：不足 {number(first)} 才报，要回到 {number(first)} 或以上才解除")
    elif not facts.least <= clears <= facts.most:
        problems.note(line, f"clears 写成 {number(clears)}，报了以后永远解除不了")
    elif clears % facts.step:
        problems.note(line, f"clears 要是 {number(facts.step)} {facts.unit}的整数倍")


def _receivers(draft: Draft, problems: Problems) -> None:
    deepest = max((len(row.row.levels) for row in draft.rows), default=0)
    if deepest and len(draft.receivers) > deepest and draft.whole:
        problems.note(
            draft.at("receivers"), f"写了 {len(draft.receivers)} 级提醒谁，门槛只有 {deepest} 级", grave=False
        )


def _rows(draft: Draft, problems: Problems) -> None:
    """Two rows for the same goods, rows no goods ever come to, and goods no row is for."""
    overlapping: set[int] = set()
    weights = {id(row): row.row.scope.weight for row in draft.rows}
    for one, other in combinations(draft.rows, 2):
        if weights[id(one)] == weights[id(other)] and meet(one.row.scope, other.row.scope):
            overlapping.add(other.line)
            said = f"和第 {one.line} 行的门槛重叠，同样的货不知道用哪一行（{words_of(other.row.scope)}）"
            problems.note(other.line, said)
    for row in draft.rows:
        if not meet(row.row.scope, draft.scope):
            problems.note(row.line, f"这一行永远用不上：规则的 where 只看 {words_of(draft.scope)}")
        elif row.line not in overlapping:
            stronger = [other.row.scope for other in draft.rows if weights[id(other)] > weights[id(row)]]
            if is_covered(row.row.scope, draft.scope, stronger):
                problems.note(row.line, f"这一行永远用不上：更具体的行把它的货全占了（{words_of(row.row.scope)}）")
    if draft.whole and not is_covered(Scope(), draft.scope, [row.row.scope for row in draft.rows]):
        problems.note(draft.at("thresholds"), "有的货哪一行都对不上：加一行不带 where 的默认门槛")


def _size(drafts: Sequence[Draft], problems: Problems) -> None:
    """One question to the database holds all names of a file, and a question has an end."""
    scopes = [scope for draft in drafts for scope in (draft.scope, *(row.row.scope for row in draft.rows))]
    words = sum(len(values) for scope in scopes for values in scope.named.values())
    if words > MOST_WORDS:
        said = f"所有 where 里一共有 {words} 个名字，最多 {MOST_WORDS} 个：用等级、渠道、区域代替一家家门店"
        problems.note(1, said)


def _twins(drafts: Sequence[Draft], problems: Problems) -> None:
    names: dict[str, int] = {}
    titles: dict[str, int] = {}
    for draft in drafts:
        if draft.name and draft.name in names:
            problems.note(draft.at("name"), f"代号“{draft.name}”重复了，上一个在第 {names[draft.name]} 行")
        elif draft.title and draft.title in titles:
            line = titles[draft.title]
            problems.note(draft.at("title"), f"名字“{draft.title}”和第 {line} 行的一样，看预警的人分不清", grave=False)
        names.setdefault(draft.name, draft.at("name"))
        titles.setdefault(draft.title, draft.at("title"))
    for one, other in combinations(drafts, 2):
        if one.metric is None or one.metric is not other.metric:
            continue
        if one.scope == other.scope:
            said = f"和第 {one.line} 行的“{one.name}”看的是同样的货、同样的{one.metric.facts.word}，合成一条"
            problems.note(other.line, said)
        elif meet(one.scope, other.scope):
            said = f"和第 {one.line} 行的“{one.name}”都看{one.metric.facts.word}，有的货会报两次；可以合成一条，用 where 分行"
            problems.note(other.line, said, grave=False)
