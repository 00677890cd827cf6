"""The replay's figures as a table, and how they stand to the aim."""

from collections.abc import Iterator

from backtest.replay import Plan, Result

AIM_PRECISION = 0.85
AIM_TIMES = 2.0
AIM_DELTA = 0.3
BASE = "plain: any of either"
OURS = "ranked"
HEAD = (
    "| list | lines | truly slow | 90 % interval | recall by bottles | recall by money | dead money | times any plain |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|"
)


def explain(plan: Plan, stores: int) -> str:
    """What was done, in a few lines."""
    return (
        f"{stores} stores, the first of each month from {plan.first} to {plan.last}, seed {plan.seed}, counts: {plan.counts}.\n"
        "Deliveries are real. SIMULATED: when each bottle was sold (hidden from the rules), and the counts made of it.\n"
        "delta is the part of its pace at which a product that has died in a store still sells; nobody can know it.\n"
        f"Lines are per store and month, lists have at most {plan.length}. Plain rules: stock > 3 x monthly sales, or oldest\n"
        f"bottle > 90 days. Ranked: expected loss, only lines with a chance of at least {plan.surest:.0%} to be left after 180 days,\n"
        "learnt from outcomes known before the month. Truly slow: something of it was left after 180 days."
    )


def table(result: Result) -> Iterator[str]:
    """One delta's table, line by line."""
    yield f"\ndelta {result.delta}: {result.stocked:.0f} stocked lines a store, {result.slow:.0%} of them truly slow"
    yield HEAD
    base = result.scores[BASE].money
    for name, score in result.scores.items():
        low, high = score.precision_interval
        yield (
            f"| {name} | {score.length:.1f} | {score.precision:.1%} | {low:.1%}-{high:.1%} | {score.recall_bottles:.1%} "
            f"| {score.recall_money:.1%} | {score.money:,.0f} | {score.money / max(base, 1e-9):.2f} |"
        )


def verdict(result: Result) -> str:
    """Whether the aim is met; it is set for one delta only."""
    ours, base = result.scores[OURS], result.scores[BASE]
    times = ours.money / max(base.money, 1e-9)
    reached = ours.precision >= AIM_PRECISION and times >= AIM_TIMES
    word = "reached" if reached else "MISSED"
    return (
        f"aim at delta {AIM_DELTA}: at least {AIM_PRECISION:.0%} truly slow and {AIM_TIMES:.0f} x the dead money of as many "
        f"plain lines: {word} ({ours.precision:.1%}, {times:.2f} x)"
    )
