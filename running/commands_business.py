"""Business from the command line: scan, push, recall, dead letters, the platforms' own set-up."""

from collections.abc import Callable
from datetime import datetime

import click
from sqlalchemy import select

from bots.wecom.menu import menu
from models.catalog import Product
from models.engine import Outbox
from models.recall import LegalKind, Reason
from rules.warnings import load_rules
from running.build import Running
from running.command_kit import Context, person_acting
from running.worker import Worker
from workflows import campaigns, outbox
from workflows.acting import business_day
from workflows.digest import push_digests
from workflows.quotas import channels_that_wait, quotas
from workflows.refusals import Refusal
from workflows.scan import scan as run_scan
from workflows.scan_record import ScanRefused
from workflows.scope import Ask, Scope
from workflows.sentences import sentence_for

SHOWN_STORES = 20


@click.command()
@click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), help="The day to look at; today if not given.")
@click.pass_obj
def scan(context: Context, on: datetime | None) -> None:
    """Evaluate the warning rules and bring the warnings up to date."""
    running = context.house(offline=True)
    now = running.clock()
    day = on.date() if on else business_day(now)
    try:
        with running.database.write() as session:
            result = run_scan(session, load_rules(), day, now, house=running.house)
    except ScanRefused as refused:
        raise click.ClickException(str(refused)) from None
    for rule in sorted(result.still):
        click.echo(f"{rule}: {result.fired[rule]} new, {result.still[rule]} still, {result.resolved[rule]} resolved")


@click.command()
@click.pass_obj
def push(context: Context) -> None:
    """Send today's digests to people and groups now, and everything else that is due."""
    running = context.house()
    now = running.clock()
    with running.database.write() as session:
        written = push_digests(session, running.house, load_rules(), business_day(now), now)
    sent = Worker(running).deliver()
    click.echo(f"{written} digests written, {sent} letters sent")


@click.command("quotas")
@click.pass_obj
def show_quotas(context: Context) -> None:
    """Show what the platforms allow, what is used of it, and what the calendar lacks."""
    running = context.house(offline=True)
    now, house = running.clock(), running.house
    with running.database.read() as session:
        for quota in quotas(session, house, now):
            name = f"{quota.name} {quota.about}".strip()
            click.echo(f"{name}: {quota.used} of {quota.allowed} ({quota.percent} %)")
        waiting = channels_that_wait(session, house, now)
    click.echo(f"digests wait on: {', '.join(waiting) or 'no channel'}")
    years = house.calendar.unknown_years(business_day(now))
    if years:
        click.echo(f"the calendar lacks {', '.join(map(str, years))}: weekdays count as working days", err=True)


@click.group()
def recall() -> None:
    """Start or simulate a take-back, or a food-safety recall."""


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which goods are looked for."""
    for option in (
        click.option("--quantity", type=click.IntRange(min=1), help="At most this many bottles in all."),
        click.option("--store", "stores", multiple=True, help="Only this store code; may be repeated."),
        click.option("--region", default="", help="Only stores of this region."),
        click.option("--batch", "batches", multiple=True, help="Only this batch; may be repeated."),
        click.option("--product", required=True, help="The product's code."),
    ):
        command = option(command)
    return command


@recall.command("simulate")
@_asking
@click.pass_obj
def simulate(context: Context, **asked: object) -> None:
    """Show who holds what, its value and the exposure. SIMULATION: nobody is told, nothing changes."""
    running = context.house(offline=True)
    with running.database.read() as session:
        found = campaigns.simulate(session, _ask(running, **asked))
    click.echo("SIMULATION: nobody is told, nothing changes")
    _show(found)


@recall.command("start")
@_asking
@click.option("--as", "person", required=True, help="The code of the person who asks for it.")
@click.option("--reason", type=click.Choice([r.value for r in Reason]), default="slow", show_default=True)
@click.option("--why", default="", help="A sentence for approver and stores.")
@click.option("--deadline", type=click.DateTime(["%Y-%m-%d"]), required=True)
@click.option("--food-safety", type=click.IntRange(1, 3), help="A food-safety recall of this class (1-3).")
@click.pass_obj
def start(
    context: Context,
    *,
    person: str,
    reason: str,
    why: str,
    deadline: datetime,
    food_safety: int | None,
    **asked: object,
) -> None:
    """Start a campaign: drafted, its scope frozen, sent for approval (food safety: held at once)."""
    running = context.house(offline=True)
    request = campaigns.Request(
        ask=_ask(running, **asked),
        reason=Reason.SAFETY if food_safety else Reason(reason),
        deadline=deadline.date(),
        source="cli",
        reason_text=why,
        kind=LegalKind.FOOD_SAFETY if food_safety else LegalKind.COMMERCIAL,
        legal_class=food_safety,
    )
    try:
        with running.database.write() as session:
            actor = person_acting(session, running, person)
            made = campaigns.start(session, running.house, request, actor, running.clock())
            click.echo(f"{made.number}: {made.scope_stores} stores, {made.scope_bottles} bottles, {made.state.value}")
    except Refusal as refusal:
        raise click.ClickException(sentence_for(running.house, refusal)) from None


@click.command("dead-letters")
@click.option("--retry", is_flag=True, help="Give all dead letters another life.")
@click.pass_obj
def dead_letters(context: Context, *, retry: bool) -> None:
    """List letters that could not be sent, or send them again."""
    running = context.house(offline=True)
    with running.database.write() as session:
        for letter in session.scalars(select(Outbox).where(Outbox.dead.is_(True)).order_by(Outbox.id)):
            click.echo(f"{letter.id} {letter.channel} to {letter.recipient}: {letter.last_error}")
        if retry:
            click.echo(f"{outbox.retry_dead(session, running.clock())} letters will be tried again")


@click.group()
def wecom() -> None:
    """Set-up on the side of WeCom."""


@wecom.command("menu")
@click.pass_obj
def wecom_menu(context: Context) -> None:
    """Create the menu under the app's chat."""
    running = context.house()
    running.wecom.menu_create(menu())
    click.echo("the menu is created")


@click.group()
def dingtalk() -> None:
    """Set-up on the side of DingTalk."""


@dingtalk.command("cards")
@click.pass_obj
def dingtalk_cards(context: Context) -> None:
    """Register the address card buttons call."""
    running = context.house()
    running.dingtalk.register_card_callback()
    click.echo(f"registered: {running.dingtalk.settings.card_callback_url}")


def _ask(running: Running, **asked: object) -> Ask:
    with running.database.read() as session:
        product_id = session.scalar(select(Product.id).where(Product.code == str(asked["product"])))
    if product_id is None:
        raise click.BadParameter(f"no product has the code {asked['product']}", param_hint="--product")
    quantity = asked.get("quantity")
    return Ask(
        product_id,
        _words(asked.get("batches")),
        str(asked.get("region") or ""),
        _words(asked.get("stores")),
        quantity if isinstance(quantity, int) else None,
    )


def _words(given: object) -> tuple[str, ...]:
    return tuple(str(word) for word in given) if isinstance(given, tuple | list) else ()


def _show(found: Scope) -> None:
    p = found.partition
    click.echo(f"asked for: {found.bottles} bottles in {found.stores} stores, value {found.value_fen / 100:,.2f} yuan")
    click.echo(f"exposure: {found.exposure_fen / 100:,.2f} yuan")
    for name, bottles in vars(p).items():
        click.echo(f"  {name.replace('_', ' ')}: {bottles}")
    for line in found.lines[:SHOWN_STORES]:
        click.echo(f"  {line.store_code} {line.store_name} {line.batch}: {line.bottles} ({line.source})")
    if len(found.lines) > SHOWN_STORES:
        click.echo(f"  … and {len(found.lines) - SHOWN_STORES} more lines")


COMMANDS = (scan, push, show_quotas, recall, dead_letters, wecom, dingtalk)
