"""How good the warnings of this house were."""

from datetime import datetime, timedelta

import click

from rules.warnings import load_rules
from running.command_kit import Context
from workflows.acting import business_day
from workflows.warning_quality import WentBad, quality

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def warnings() -> None:
    """What became of warnings."""


@warnings.command("quality")
@click.option("--from", "since", type=DAY, help="The first day; 90 days ago if not given.")
@click.option("--to", "until", type=DAY, help="The last day; today if not given.")
@click.pass_obj
def show(context: Context, since: datetime | None, until: datetime | None) -> None:
    """Per rule: fired, acted on, precision; and what went bad with and without a warning before."""
    running = context.house(offline=True)
    last = until.date() if until else business_day(running.clock())
    first = since.date() if since else last - timedelta(days=90)
    if first > last:
        raise click.BadParameter("the first day is after the last", param_hint="--from")
    with running.database.read() as session:
        found = quality(session, first, last)
    titles = load_rules()
    click.echo(f"warnings fired from {first} to {last}")
    for rule in found.rules:
        precision = "-" if rule.precision is None else f"{rule.precision:.0%}"
        click.echo(
            f"  {rule.rule} {titles.title(rule.rule)}: {rule.fired} fired, {rule.acted} acted on ({precision}), "
            f"{rule.dismissed} dismissed, {rule.recounted} wrong counts"
        )
    click.echo(f"  life ended in a store: {_told(found.expired)}")
    click.echo(f"  taken back as slow or near the end: {_told(found.taken_back)}")


def _told(bad: WentBad) -> str:
    lead = "-" if bad.median_lead_days is None else f"{bad.median_lead_days} days"
    return f"{bad.places} places, {bad.missed} without a warning before, median lead {lead}"


COMMANDS = (warnings,)
