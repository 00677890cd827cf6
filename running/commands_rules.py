"""The rules the business edits: checked, and tried on a day before they count. What is said is Chinese."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import click
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from rules.warning_names import compare as compare_names
from rules.warning_nodes import Problem, Problems
from rules.warnings import FILE, Draft, Ruleset, RulesWrong, load_rules, look_at, said, text_of, version_of
from running.build import Running
from running.command_kit import Context, open_house
from running.rule_table import example_lines, idle_lines, table_lines
from settings import ConfigError
from workflows import rule_trial
from workflows.acting import business_day
from workflows.past_stock import turn_to
from workflows.rule_names import known_names
from workflows.scan import preview

_FILE = click.Path(dir_okay=False, path_type=Path)


class Trial(NamedTuple):
    """The rules tried, those they are compared with (None: with what fires now), the day and today."""

    tried: Ruleset
    against: Ruleset | None
    day: date
    today: date

    @property
    def titles(self) -> dict[str, str]:
        """What the rules of both sides are called."""
        rules = (*(self.against.rules if self.against else ()), *self.tried.rules)
        return {rule.name: rule.title for rule in rules}


@click.group()
def rules() -> None:
    """The rules the business edits."""


@rules.command("check")
@click.argument("file", type=_FILE, default=FILE)
@click.option("--data/--no-data", default=None, help="Compare names with the database; by default if there is one.")
@click.pass_obj
def check(context: Context, file: Path, *, data: bool | None) -> int:
    """Check a rule file (rules/warnings.yaml) and print its version; exit code 1 when it cannot be used."""
    try:
        text = text_of(file)
    except RulesWrong as problem:
        raise click.ClickException(str(problem)) from None
    drafts, problems = look_at(text)
    if data is not False:
        problems = sorted([*problems, *_strange_names(context, drafts, must=bool(data))])
    for line in said(problems, file.name):
        click.echo(line)
    grave = sum(problem.grave for problem in problems)
    light = f"{len(problems) - grave} 处提醒"
    if grave:
        click.echo(f"{file.name}：{grave} 处错误，{light}。有错误的文件不能用。")
        return 1
    click.echo(f"{file.name}：{len(drafts)} 条规则，版本 {version_of(text)}，没有错误，{light}。")
    return 0


@rules.command("try")
@click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), help="The day to look at; today if not given.")
@click.option("--file", "file", type=_FILE, help="The rules to try; without it those in use.")
@click.option("--sample", default=10, show_default=True, type=click.IntRange(0, 1000), help="Examples of each kind.")
@click.pass_obj
def try_(context: Context, on: datetime | None, file: Path | None, sample: int) -> None:
    """Show what rules would say on a day, next to what fires now. Nothing is written, nobody is told."""
    tried = _load(file or FILE)
    against = _load(FILE) if file else None
    with _database(context) as running:
        today = business_day(running.clock())
        trial = Trial(tried, against, on.date() if on else today, today)
        with running.database.read() as session:
            for line in _report(session, trial, sample):
                click.echo(line)


def _report(session: Session, trial: Trial, sample: int) -> Iterator[str]:
    now = rule_trial.firing_now(session)
    yield f"试算：什么也不改，谁也不通知。规则版本 {trial.tried.version}，看 {trial.day}，今天是 {trial.today}。"
    yield _look_at_day(session, trial)
    then = rule_trial.side_of(preview(session, trial.tried, trial.day))
    base, called = now, "现在"
    if trial.against is not None:
        base, called = rule_trial.side_of(preview(session, trial.against, trial.day)), "现行"
        yield f"对照的是现行规则（版本 {trial.against.version}）同一天会报的；系统里现在在报 {len(now)} 条。"
    lines = rule_trial.compare(then, base)
    yield "条件成立就算，不看还要等几天、忽略和稍后；数据太旧要先盘点的货、这个月不报的规则不在里面。"
    yield ""
    yield from table_lines(trial.titles, lines, called)
    yield from idle_lines(trial.tried, lines)
    for heading, side, other in (
        ("新增的，预计损失大的在前：", then, base),
        ("消失的，预计损失大的在前：", base, then),
    ):
        yield from example_lines(heading, trial.titles, rule_trial.examples(session, side, other, sample))


def _look_at_day(session: Session, trial: Trial) -> str:
    """Turn the session to the day, and say what it sees."""
    if trial.day == trial.today:
        return "库存用系统里现在的（盘点和推算）。"
    refreshed = turn_to(session, trial.day)
    how = "那天还没到，照现在的动销往后推" if trial.day > trial.today else "那天以后的发货、盘点、上报和出库都不看"
    return f"库存按 {trial.day} 重新推算，{refreshed.lots} 个批次：{how}。商品、门店资料用现在的。"


def _load(file: Path) -> Ruleset:
    try:
        return load_rules(file)
    except RulesWrong as problem:
        raise click.ClickException(str(problem)) from None


def _strange_names(context: Context, drafts: Sequence[Draft], *, must: bool) -> Iterable[Problem]:
    """Names the database does not know; without a database nothing, unless it must be looked at."""
    problems = Problems()
    try:
        with _database(context) as running, running.database.read() as session:
            compare_names(drafts, known_names(session, business_day(running.clock())), problems)
    except click.ClickException as problem:
        if must:
            raise
        click.echo(f"没有和数据库里的名字核对：{problem.message}")
    return problems.found


@contextmanager
def _database(context: Context) -> Iterator[Running]:
    """The house with the database it has; none is made, no table is changed."""
    try:
        settings = context.settings(offline=True)
    except ConfigError as problem:
        raise click.ClickException(f"{context.path.name} 读不了（{problem.problems[0]}）") from None
    url = make_url(settings.database.url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise click.ClickException(f"还没有数据库 {url.database}，先运行 app.py init")
    running = open_house(settings, migrate=False)
    try:
        yield running
    except DBAPIError as problem:
        raise click.ClickException(f"数据库用不了：{str(problem.orig).splitlines()[0]}") from None
    finally:
        running.database.close()


COMMANDS = (rules,)
