"""Codes on goods: the brands' schemes checked, and one code looked up as a scan would be."""

from pathlib import Path

import click

from rules.code_schemes import FILE, SchemesWrong, load_schemes
from running.command_kit import Context
from workflows.acting import business_day
from workflows.code_registry import resolve


@click.group()
def codes() -> None:
    """Codes on goods."""


@codes.command("check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=FILE)
def codes_check(file: Path) -> int:
    """Check a file of brands' code schemes (rules/code_schemes.yaml); exit code 1 when it cannot be used."""
    try:
        schemes = load_schemes(file)
    except SchemesWrong as wrong:
        click.echo(str(wrong))
        return 1
    for scheme in schemes:
        click.echo(f"{scheme.name}  {scheme.title}  {'、'.join(scheme.examples)}")
    click.echo(f"{file.name}：{len(schemes)} 个方案，没有错误。")
    return 0


@codes.command("show")
@click.argument("text")
@click.pass_obj
def codes_show(context: Context, text: str) -> None:
    """Say what a scanned text is today, and which bottles stand behind it."""
    running = context.house(offline=True, migrate=False)
    with running.database.read() as session:
        found = resolve(session, text, business_day(running.clock()), running.house.public_url)
    click.echo(f"{found.kind}  {found.state}  {found.code}")
    click.echo(f"商品 {found.product_code or '—'}  批号 {found.batch or '—'}  瓶数 {found.bottles or '—'}")
    if found.sentence:
        click.echo(found.sentence)
    for unit in sorted(found.units):
        click.echo(f"  {unit}{'  已开' if unit in found.redeemed else ''}")


COMMANDS = (codes,)
