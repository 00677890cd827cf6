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
from running.import_report import show_report
from workflows.channel_stock import last_delivery, refresh_channel_stock
from workflows.imports.kinds import KINDS
from workflows.imports.run import run_import
from workflows.imports.template import write_template
from workflows.links import link_for

#: What these files say changes what stores are believed to hold and sell.
BELIEFS = frozenset({"deliveries", "opening", "counts", "sellout", "stock"})


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
    click.echo(f"fill in the files in {folder}, then: python app.py import products FILE, stores, people, opening")


@click.command("import")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--preview", is_flag=True, help="Only tell what would happen; nothing is written.")
@click.option("--skip-bad", is_flag=True, help="Take the good rows of a file that has bad ones.")
@click.option("--no-create", is_flag=True, help="Deliveries: refuse stores and products that are not known.")
@click.pass_obj
def import_(context: Context, kind: str, file: Path, *, preview: bool, skip_bad: bool, no_create: bool) -> int:
    """Read a CSV or Excel file: products, stores, people, opening, counts, deliveries, sellout, stock, codes."""
    running = context.house(offline=True)
    report = run_import(
        running.database,
        kind,
        file,
        house=running.house,
        now=running.clock(),
        actor_name="命令行",
        progress=progress_bar(kind),
        skip_bad=skip_bad,
        create_missing=not no_create,
        preview=preview,
    )
    show_report(report, preview=preview)
    if report.written and kind in BELIEFS:
        _refresh(running)
    return 0 if report.written or report.would_write or not report.errors else 1


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


COMMANDS = (init, import_, template, labels, desk_link)
