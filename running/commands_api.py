"""Programs around us: keys of the JSON API, and connectors that fetch data on a schedule."""

import json
from datetime import datetime
from pathlib import Path

import click

from models.api import ApiKey, PullState
from running.command_kit import Context
from settings.schema import Connector
from web.api_openapi import document
from workflows.acting import SHANGHAI
from workflows.api_keys import ApiScope, KeyRefused, all_keys, create_key, revoke_key, state_of
from workflows.connector_trial import try_connector
from workflows.connectors import Run, forget_mark, run_connector, states

SCOPES = [scope.value for scope in ApiScope]


@click.group("api-key")
def api_key() -> None:
    """Keys for programs that call the JSON API."""


@api_key.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="May be repeated.")
@click.option("--region", "regions", multiple=True, help="Only stores of this region (reading); may be repeated.")
@click.option(
    "--brand", "brands", multiple=True, help="Only goods of this brand, no prices (reading); may be repeated."
)
@click.option("--days", type=click.IntRange(min=1, max=3_650), help="Valid for so many days; without it until revoked.")
@click.pass_obj
def create(
    context: Context,
    *,
    name: str,
    scopes: tuple[str, ...],
    regions: tuple[str, ...],
    brands: tuple[str, ...],
    days: int | None,
) -> None:
    """Make a key and show it, this once only."""
    running = context.house(offline=True)
    try:
        with running.database.write() as session:
            wanted = [ApiScope(scope) for scope in scopes]
            key = create_key(session, name, wanted, running.clock(), regions=regions, brands=brands, days=days)
    except KeyRefused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(key)
    click.echo("keep it now: it cannot be shown again", err=True)


@api_key.command("list")
@click.pass_obj
def list_keys(context: Context) -> None:
    """Show all keys without their secrets."""
    running = context.house(offline=True)
    with running.database.read() as session:
        for key in all_keys(session):
            click.echo(_key_line(key, running.clock()))


@api_key.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke(context: Context, name: str) -> None:
    """End a key at once."""
    running = context.house(offline=True)
    try:
        with running.database.write() as session:
            revoke_key(session, name, running.clock())
    except KeyRefused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(f"{name}: revoked")


@click.command("openapi")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def openapi(context: Context, file: Path) -> None:
    """Write the OpenAPI document of the JSON API into a file."""
    settings = context.settings(offline=True)
    made = document(str(settings.server.public_url), settings.api.most_items)
    file.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")
    click.echo(f"{file}: {len(made['paths'])} addresses")


@click.group()
def connectors() -> None:
    """Data fetched from drop folders and views of other databases."""


@connectors.command("list")
@click.pass_obj
def list_connectors(context: Context) -> None:
    """Show every connector of config.yaml and its last run."""
    running = context.house(offline=True)
    with running.database.read() as session:
        known = states(session)
    for connector in running.house.connectors:
        click.echo(_connector_line(connector, known.get(connector.name)))
    if not running.house.connectors:
        click.echo("config.yaml names no connectors")


@connectors.command("run")
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Every connector, one after the other.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing, move nothing.")
@click.option("--from-start", is_flag=True, help="Read views from their beginning, not from the watermark.")
@click.pass_obj
def run(context: Context, *, name: str | None, everything: bool, dry_run: bool, from_start: bool) -> int:
    """Fetch now, whatever the schedule says; exit 1 when something went wrong."""
    running = context.house(offline=True)
    wanted = [c for c in running.house.connectors if everything or c.name == name]
    if not wanted:
        raise click.BadParameter("no connector has this name; see: connectors list", param_hint="NAME or --all")
    if from_start and not dry_run:
        with running.database.write() as session:
            for connector in wanted:
                forget_mark(session, connector.name)
    work = try_connector if dry_run else run_connector
    done = [work(running.database, running.house, connector, running.clock()) for connector in wanted]
    for one in done:
        _show(one, dry=dry_run)
    return 1 if any(one.troubles for one in done) else 0


def _show(one: Run, *, dry: bool) -> None:
    if one.busy:
        click.echo(f"{one.name}: another worker is at it")
        return
    head = "DRY RUN, nothing written: " if dry else ""
    tail = f", {one.waiting} still being written" if one.waiting else ""
    click.echo(
        f"{head}{one.name}: {len(one.sources)} sources, {one.accepted} accepted, {one.unchanged} unchanged, "
        f"{one.rejected} rejected{tail}"
    )
    for trouble in one.troubles:
        click.echo(f"  {trouble}", err=True)


def _key_line(key: ApiKey, now: datetime) -> str:
    narrow = [f"regions {', '.join(key.regions)}"] if key.regions else []
    narrow += [f"brands {', '.join(key.brands)}"] if key.brands else []
    ends = f"until {_day(key.expires_at)}" if key.expires_at else "no end"
    used = f"last used {_day(key.last_used_at)}" if key.last_used_at else "never used"
    return "; ".join([f"{key.name}: {state_of(key, now)}", ", ".join(key.scopes), *narrow, ends, used])


def _connector_line(connector: Connector, state: PullState | None) -> str:
    when = f"daily at {connector.at:%H:%M}" if connector.at else f"every {connector.every_minutes} minutes"
    source = connector.folder or connector.view
    if state is None or state.last_run_at is None:
        return f"{connector.name}: {connector.kind} from {source}, {when}; never run"
    told = f"; {state.error}" if state.error else ""
    return (
        f"{connector.name}: {connector.kind} from {source}, {when}; last run {_day(state.last_run_at)}: "
        f"{state.accepted} accepted, {state.unchanged} unchanged, {state.rejected} rejected{told}"
    )


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


COMMANDS = (api_key, openapi, connectors)
