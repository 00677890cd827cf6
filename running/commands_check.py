"""Proofs and pictures: the ledger, the history chain, the flow tables."""

import click

from running.command_kit import Context
from running.flow_pictures import as_markdown, as_mermaid
from workflows import ledger
from workflows.flow import FLOWS
from workflows.history import verify as verify_history
from workflows.invariants import broken_vectors


@click.command()
@click.pass_obj
def reconcile(context: Context) -> int:
    """Prove balances against moves, and the quantity vectors of all tasks."""
    running = context.house(offline=True)
    with running.database.read() as session:
        problems = ledger.reconcile(session) + broken_vectors(session)
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(problems)} problems" if problems else "reconciled: balances and quantities are proven")
    return 1 if problems else 0


@click.command()
@click.pass_obj
def verify(context: Context) -> int:
    """Walk the history chain and name every edited, removed or added row."""
    running = context.house(offline=True)
    with running.database.read() as session:
        problems = verify_history(session, running.house.secret)
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(problems)} problems" if problems else "verified: the history is whole")
    return 1 if problems else 0


@click.command()
@click.argument("name", required=False)
@click.option("--mermaid", is_flag=True, help="Only the Mermaid diagram.")
@click.option("--markdown", is_flag=True, help="Only the Markdown table.")
def flows(name: str | None, *, mermaid: bool, markdown: bool) -> None:
    """Print a flow as a Markdown table and as a Mermaid diagram; without a name, list the flows."""
    if not name:
        click.echo("\n".join(sorted(FLOWS)))
        return
    if name not in FLOWS:
        raise click.BadParameter(f"there is no flow {name}; there are {', '.join(sorted(FLOWS))}", param_hint="NAME")
    if not mermaid:
        click.echo(as_markdown(FLOWS[name]))
    if not markdown:
        click.echo(as_mermaid(FLOWS[name]))


COMMANDS = (reconcile, verify, flows)
