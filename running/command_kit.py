"""What commands share: settings, the built house, the person acting, progress bars."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import yaml
from alembic.util import CommandError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, selectinload
from tqdm import tqdm

from models.people import Person
from running import logs
from running.build import Running, build
from running.migrate import upgrade
from settings import Settings, load
from workflows.acting import Actor, actor_of

#: Stand-ins for platform secrets where a command talks to no platform.
_UNUSED = {
    "WECOM_CORP_ID": "unset", "WECOM_AGENT_ID": "0", "WECOM_SECRET": "unset", "WECOM_TOKEN": "unset",
    "WECOM_ENCODING_AES_KEY": "x" * 43, "DINGTALK_CORP_ID": "unset", "DINGTALK_CLIENT_ID": "unset",
    "DINGTALK_CLIENT_SECRET": "unset", "DINGTALK_ROBOT_CODE": "unset", "DINGTALK_EVENT_TOKEN": "unset",
    "DINGTALK_EVENT_AES_KEY": "x" * 43,
}  # fmt: skip


class Context:
    """Carried from the group to each command."""

    def __init__(self, config: str) -> None:
        self.path = Path(config)

    def settings(self, *, offline: bool = False, environ: Mapping[str, str] | None = None) -> Settings:
        """The checked settings. `offline` commands talk to no platform and need no secrets of theirs."""
        found = dict(os.environ) if environ is None else dict(environ)
        if offline:
            found = {**_UNUSED, **_group_stand_ins(self.path), **found}
        return load(self.path, found)

    def house(self, *, offline: bool = False, migrate: bool = True) -> Running:
        """The built house, its tables brought up to date."""
        settings = self.settings(offline=offline)
        logs.configure(human=True, level="WARNING")
        return open_house(settings, migrate=migrate)


def open_house(settings: Settings, *, migrate: bool = True) -> Running:
    """Build the house and open its database; raises ClickException with a sentence when that fails."""
    Path(settings.files).mkdir(parents=True, exist_ok=True)
    _make_database_folder(settings.database.url)
    running = build(settings)
    try:
        if migrate:
            upgrade(running.database)
    except (DBAPIError, CommandError) as problem:
        reason = str(getattr(problem, "orig", problem)).splitlines()[0]
        raise click.ClickException(f"the database cannot be opened: {reason}") from None
    return running


def progress_bar(title: str) -> Callable[[int, int], None]:
    """A bar for `progress(done, total)` callbacks; silent where nobody looks."""
    bar = tqdm(desc=title, unit="", leave=True, disable=None)

    def move(done: int, total: int) -> None:
        bar.total = total or None
        bar.update(done - bar.n)
        if total and done >= total:
            bar.close()

    return move


def person_acting(session: Session, running: Running, code: str) -> Actor:
    """The person a command acts for, with the duties of today."""
    query = select(Person).where(Person.code == code).options(selectinload(Person.assignments))
    person = session.scalar(query)
    if person is None:
        raise click.BadParameter(f"nobody has the code {code}", param_hint="--as")
    return actor_of(person, running.clock(), "cli")


def _group_stand_ins(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
        groups = yaml.safe_load(text).get("groups") or []
    except (OSError, yaml.YAMLError, AttributeError):
        return {}
    values = [value for group in groups if isinstance(group, dict) for value in group.values()]
    names = [v[2:-1] for v in values if isinstance(v, str) and v.startswith("${") and v.endswith("}")]
    return dict.fromkeys(names, "unset")


def _make_database_folder(url: str) -> None:
    if url.startswith("sqlite") and ":///" in url:
        path = Path(url.split(":///", 1)[1])
        path.parent.mkdir(parents=True, exist_ok=True)
