"""A trial of rules as lines of a terminal, where a Chinese character is two columns wide."""

from collections.abc import Iterator, Mapping, Sequence
from unicodedata import east_asian_width

from rules.warnings import Ruleset, level_word
from workflows.rule_trial import Example, Line, Sum

FEN = 100
WORDS = 2  # columns that hold words: rule and level
CHANGES = {"new": "新增", "gone": "消失", "same": "不变", "up": "变重", "down": "变轻"}


def table_lines(titles: Mapping[str, str], lines: Mapping[tuple[str, int], Line], called: str) -> Iterator[str]:
    """One row per rule and level: that day and what it is compared with (条, 瓶, 元), and the changes between."""
    if not lines:
        yield f"那天没有要报的，{called}的也没有。"
        return
    sides = [f"{side}{unit}" for side in ("那天", called) for unit in ("条", "瓶", "元")]
    rows = [["规则", "级别", *sides, *CHANGES.values()]]
    for (rule, level), line in lines.items():
        changes = [f"{line.changes[kind]:,}" for kind in CHANGES]
        rows.append(
            [titles.get(rule, rule), f"{level} {level_word(level)}", *_cells(line.then), *_cells(line.base), *changes]
        )
    total = [sum_of([line.then for line in lines.values()]), sum_of([line.base for line in lines.values()])]
    changes = [f"{sum(line.changes[kind] for line in lines.values()):,}" for kind in CHANGES]
    rows.append(["合计", "", *_cells(total[0]), *_cells(total[1]), *changes])
    yield from aligned(rows)


def idle_lines(ruleset: Ruleset, lines: Mapping[tuple[str, int], Line]) -> Iterator[str]:
    """The rules that say nothing on that day."""
    speaking = {rule for (rule, _), line in lines.items() if line.then.hits}
    idle = [rule.title for rule in ruleset.rules if rule.name not in speaking]
    if idle:
        yield f"那天没有报的规则：{'、'.join(idle)}。"


def example_lines(heading: str, titles: Mapping[str, str], examples: Sequence[Example]) -> Iterator[str]:
    """Examples under their heading; nothing when there are none."""
    if examples:
        yield ""
        yield heading
    for example in examples:
        found = example.found
        what = " ".join(word for word in (example.product, example.batch) if word) or "整家店"
        title = titles.get(example.key.rule, example.key.rule)
        yield (
            f"  {title}（{level_word(found.level)}）{example.store_code} {example.store}，{what}："
            f"{found.bottles:,} 瓶，预计损失 {found.loss_fen / FEN:,.2f} 元"
        )


def sum_of(sums: Sequence[Sum]) -> Sum:
    """Several sums as one. A bottle that several rules speak of is counted for each of them."""
    return Sum(sum(s.hits for s in sums), sum(s.bottles for s in sums), sum(s.loss_fen for s in sums))


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns of equal width, words to the left and numbers to the right."""
    widths = [max(width_of(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            _padded(cell, width, left=place < WORDS)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def width_of(word: str) -> int:
    """How many columns of a terminal a word takes."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in word)


def _padded(cell: str, width: int, *, left: bool) -> str:
    space = " " * (width - width_of(cell))
    return cell + space if left else space + cell


def _cells(total: Sum) -> list[str]:
    return [f"{total.hits:,}", f"{total.bottles:,}", f"{total.loss_fen // FEN:,}"]
