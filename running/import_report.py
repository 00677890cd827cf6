"""What came of an import, on the command line."""

import click

from workflows.imports.report import ImportReport

SHOWN_ERRORS = 20


def show_report(report: ImportReport, *, preview: bool) -> None:
    """Print errors to stderr; notes, the first rows of a preview and the counts to stdout."""
    _show_errors(report)
    for note in report.notes:
        click.echo(f"  {note}")
    if preview:
        for row in report.first_rows:
            said = "  ".join(f"{title}={value}" for title, value in row.said.items())
            click.echo(f"  第 {row.number} 行  {said}")
    click.echo(_counts(report, preview=preview))


def _show_errors(report: ImportReport) -> None:
    for error in report.errors[:SHOWN_ERRORS]:
        click.echo(f"  {error.sentence}", err=True)
    more = len(report.errors) - SHOWN_ERRORS + report.errors_beyond
    if more > 0:
        click.echo(f"  … and {more} more", err=True)
    if report.error_file:
        click.echo(f"  marked file: {report.error_file}", err=True)


def _counts(report: ImportReport, *, preview: bool) -> str:
    if preview:
        state = "PREVIEW, nothing written: " if report.would_write else "PREVIEW, would be refused: "
    else:
        state = "" if report.written or not report.errors else "NOTHING WRITTEN: "
    made = "".join(f", {number} {name} created" for name, number in report.created.items())
    return (
        f"{state}{report.kind}: {report.accepted} accepted ({report.accepted - report.changed} new, "
        f"{report.changed} changed), {report.unchanged} unchanged, {report.rejected_rows} rejected{made}"
    )
