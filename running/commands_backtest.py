"""The replay of real deliveries; its libraries are loaded only when it is asked for."""

import os
from datetime import datetime
from pathlib import Path

import click

from rules.priority import SURE_PERMILLE
from running.command_kit import progress_bar

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "iowa_liquor"
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), default=DATA, help="Folder of deliveries.")
@click.option("--store", "stores", type=int, multiple=True, help="Only this store; may be repeated.")
@click.option("--every", type=click.IntRange(min=1), default=1, help="Only every n-th store, to be quick.")
@click.option(
    "--delta", "deltas", type=click.FloatRange(0, 1), multiple=True, default=(0.05, 0.3, 0.6), show_default=True
)
@click.option("--length", type=click.IntRange(min=1), default=20, show_default=True, help="Lines a store can work on.")
@click.option(
    "--surest",
    type=click.FloatRange(0, 1),
    default=SURE_PERMILLE / 1000,
    show_default=True,
    help="Least chance of a line.",
)
@click.option("--counts", type=click.Choice(["dirty", "clean", "none"]), default="dirty", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--from", "first", type=DAY, default="2020-01-01", show_default=True)
@click.option("--to", "last", type=DAY, default="2021-07-01", show_default=True)
@click.option("--processes", type=click.IntRange(min=1), default=os.cpu_count() or 1)
def backtest(  # noqa: PLR0913 - one argument for each option
    *,
    data: Path,
    stores: tuple[int, ...],
    every: int,
    deltas: tuple[float, ...],
    length: int,
    surest: float,
    counts: str,
    seed: int,
    first: datetime,
    last: datetime,
    processes: int,
) -> None:
    """Replay real deliveries month by month and print how good the warning lists were. SIMULATED sales."""
    try:
        from backtest import deliveries, replay, report  # noqa: PLC0415 - numpy and DuckDB are needed by nothing else
    except ImportError as problem:
        raise click.ClickException(f"{problem.name} is missing: run `make setup-dev` first") from None
    plan = replay.Plan(first.date(), last.date(), deltas, length, surest, seed, counts, processes)
    try:
        found = deliveries.load(data, stores, every)
    except deliveries.NoData as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(report.explain(plan, len(found.stores())))
    for result in replay.replay(found, plan, progress_bar):
        for line in report.table(result):
            click.echo(line)
        if abs(result.delta - report.AIM_DELTA) < 1e-9:
            click.echo(report.verdict(result))


COMMANDS = (backtest,)
