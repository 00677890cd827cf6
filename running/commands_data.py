"""Data in: the first set-up, imports, templates, the unit codes and counter labels."""

from pathlib import Path

import click
from sqlalchemy import select

from models.catalog import Store
from models.people import Assignment
from reports.fonts import ensure_fonts
from reports.qr import label_sheet_pdf
from running.build import Running
from running.command_kit import Context, progress_bar
from workflows.channel_stock import last_delivery, refresh_channel_stock
from workflows.imports.kinds import KINDS
from workflows.imports.report import ImportReport
from workflows.imports.run import run_import
from workflows.imports.template import write_template
from workflows.links import link_for

SHOWN_ERRORS = 20


@click.command()
@click.pass_obj
def init(context: Context) -> None:
    """Make the tables, the folders, the fonts, and an empty file of each kind to fill in."""
    running = context.house(offline=True)
    ensure_fonts(running.house.files / "fonts", progress=progress_bar("fonts"))
    folder = running.house.files / "templates"
    for kind in KINDS:
        for suffix in (".xlsx", ".csv"):
            write_template(kind, folder / f"{kind}{suffix}")
    click.echo(f"ready: {running.settings.database.url.split('@')[-1]}")
    click.echo(f"fill in the files in {folder}, then: python app.py import products FILE, stores, people, stock")


@click.command("import")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--strict", is_flag=True, help="Refuse the whole file when one row is wrong.")
@click.option("--no-create", is_flag=True, help="Deliveries: refuse stores and products that are not known.")
@click.pass_obj
def import_(context: Context, kind: str, file: Path, *, strict: bool, no_create: bool) -> int:
    """Read products, stores, people, stock, deliveries or codes from a CSV or Excel file."""
    running = context.house(offline=True)
    report = run_import(
        running.database,
        kind,
        file,
        house=running.house,
        now=running.clock(),
        actor_name="命令行",
        progress=progress_bar(kind),
        skip_bad=False if strict else None,
        create_missing=not no_create,
    )
    _show(report)
    if report.written and kind == "deliveries":
        _refresh(running)
    return 0 if report.written or not report.errors else 1


@click.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def template(kind: str, file: Path) -> None:
    """Write an empty CSV or Excel file with the columns of a kind."""
    write_template(kind, file)
    click.echo(str(file))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def labels(context: Context, file: Path) -> None:
    """Write a PDF of counter QR codes, one for each active store."""
    running = context.house(offline=True)
    fonts = ensure_fonts(running.house.files / "fonts")
    with running.database.read() as session:
        stores = list(session.scalars(select(Store).where(Store.active.is_(True)).order_by(Store.code)))
    rows = [(f"{running.house.public_url}/s/{store.code}", store.name) for store in stores]
    file.write_bytes(label_sheet_pdf(rows, fonts=fonts))
    click.echo(f"{file}: {len(rows)} labels")


@click.command("desk-link")
@click.argument("person")
@click.pass_obj
def desk_link(context: Context, person: str) -> None:
    """Print a sign-in link to the desk for the person with this code."""
    running = context.house(offline=True)
    with running.database.write() as session:
        query = select(Assignment.person_id).where(Assignment.person.has(code=person))
        person_id = session.scalar(query.limit(1))
        if person_id is None:
            raise click.ClickException(f"nobody has the code {person}")
        click.echo(link_for(session, running.house, "desk", 0, person_id, running.clock()))


def _refresh(running: Running) -> None:
    with running.database.write() as session:
        day = last_delivery(session)
        if day:
            done = refresh_channel_stock(session, day)
            click.echo(f"stock in stores inferred as of {day}: {done}")


def _show(report: ImportReport) -> None:
    for error in report.errors[:SHOWN_ERRORS]:
        click.echo(f"  {error.sentence}", err=True)
    more = len(report.errors) - SHOWN_ERRORS + report.errors_beyond
    if more > 0:
        click.echo(f"  … and {more} more", err=True)
    if report.error_file:
        click.echo(f"  marked file: {report.error_file}", err=True)
    for note in report.notes:
        click.echo(f"  {note}")
    made = ", ".join(f"{number} {name} created" for name, number in report.created.items() if number)
    state = "" if report.written or not report.errors else "NOTHING WRITTEN: "
    tail = f", {made}" if made else ""
    click.echo(
        f"{state}{report.kind}: {report.accepted} accepted, {report.unchanged} unchanged, "
        f"{report.rejected_rows} rejected{tail}"
    )


COMMANDS = (init, import_, template, labels, desk_link)
