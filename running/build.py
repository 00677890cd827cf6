"""From settings to a house that can be run: everything from outside is built here, once."""

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import requests
from flask import Flask

from bots.catalog import Catalog
from bots.dingtalk.callback import CardCallback, DingtalkEvents, RobotCallback
from bots.dingtalk.client import DingtalkClient
from bots.dingtalk.robot import CustomRobot, DingtalkRobotSender
from bots.dingtalk.sender import DingtalkAppSender, DingtalkGroupSender
from bots.dingtalk.settings import DingtalkSettings
from bots.http import Http
from bots.media import Fetch
from bots.router import Deps
from bots.wecom.callback import WecomCallback
from bots.wecom.client import WecomClient
from bots.wecom.robot import WecomRobotSender
from bots.wecom.sender import WecomAppSender
from bots.wecom.settings import WecomSettings
from models.database import Database
from rules.deadlines import WorkCalendar
from running.button_links import ButtonLinks
from settings import ConfigError, Settings
from settings.schema import Connector
from texts.render import Texts
from web import app as web_app
from web.webhooks import Doors
from workflows.connector_columns import problems_of
from workflows.flows import ALL
from workflows.house import Group, House
from workflows.letters import Sender
from workflows.tokens import StoredTokens

Clock = Callable[[], datetime]
assert ALL  # noqa: S101 - importing the flows enters them into the engine


def wall_clock() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Running:
    """A house with its database, its senders and its clock."""

    settings: Settings
    database: Database
    house: House
    deps: Deps
    senders: Mapping[str, Sender]
    fetchers: Mapping[str, Fetch]
    wecom: WecomClient
    dingtalk: DingtalkClient
    clock: Clock


def build(settings: Settings, *, clock: Clock = wall_clock, session: requests.Session | None = None) -> Running:
    """Put everything together; opens no socket. `session` lets tests keep the network in the process."""
    database = Database(settings.database.url, pool_size=settings.server.threads + 4)
    house = build_house(settings)
    http = Http(session)
    tokens = StoredTokens(database, clock)
    wecom = WecomClient(_wecom(settings), tokens, http)
    dingtalk = DingtalkClient(_dingtalk(settings), tokens, http)
    links = ButtonLinks(database, house, clock)
    return Running(
        settings=settings,
        database=database,
        house=house,
        deps=Deps(database, house, Catalog()),
        senders=_senders(settings, wecom, dingtalk, links, http, clock),
        fetchers={"wecom": lambda ref: wecom.media_get(ref)[0], "dingtalk": lambda ref: dingtalk.download_file(ref)[0]},
        wecom=wecom,
        dingtalk=dingtalk,
        clock=clock,
    )


def build_house(settings: Settings) -> House:
    """The part of the house that needs neither database nor network."""
    work = settings.working_time
    files = Path(settings.files)
    return House(
        limits=settings.limits,
        calendar=WorkCalendar(
            holidays=frozenset(map(date.fromisoformat, work.holidays)),
            workdays=frozenset(map(date.fromisoformat, work.workdays)),
            day_start=work.start,
            day_end=work.end,
            zone=settings.timezone,
        ),
        texts=Texts(settings.timezone),
        public_url=str(settings.server.public_url),
        secret=settings.secret.get_secret_value() or _kept_secret(files),
        files=files,
        groups=tuple(_groups(settings)),
        distributor=settings.distributor,
        api=settings.api,
        connectors=_connectors(settings),
        push_at=settings.schedule.push_at,
        digest=settings.digest,
        escalation=settings.escalation,
        quotas=settings.quotas,
    )


def flask_app(running: Running, *, sandbox: bool = False) -> Flask:
    """The web side: webhooks, phone pages, desk."""
    settings = running.settings
    ding = settings.dingtalk
    doors = Doors(
        deps=running.deps,
        clock=running.clock,
        wecom=WecomCallback(
            settings.wecom.token.get_secret_value(),
            settings.wecom.encoding_aes_key.get_secret_value(),
            settings.wecom.corp_id,
            settings.wecom.agent_id,
        ),
        dingtalk_events=DingtalkEvents(
            ding.event_token.get_secret_value(), ding.event_aes_key.get_secret_value(), ding.client_id
        ),
        dingtalk_robot=RobotCallback(ding.client_secret.get_secret_value(), str(ding.oapi_base)),
        dingtalk_cards=CardCallback(ding.card_secret.get_secret_value(), ding.corp_id),
        pool=ThreadPoolExecutor(settings.server.threads, thread_name_prefix="callback"),
    )
    services = web_app.AppServices(running.database, running.house, running.clock, sandbox)
    return web_app.create_app(services, doors)


def _senders(
    settings: Settings, wecom: WecomClient, dingtalk: DingtalkClient, links: ButtonLinks, http: Http, clock: Clock
) -> dict[str, Sender]:
    wecom_keys = {g.name: g.wecom_robot_key.get_secret_value() for g in settings.groups}
    robots = {
        g.name: CustomRobot(g.dingtalk_robot_token.get_secret_value(), g.dingtalk_robot_secret.get_secret_value())
        for g in settings.groups
        if g.dingtalk_robot_token.get_secret_value()
    }
    return {
        "wecom:app": WecomAppSender(wecom, links.shows_cards, links.in_wecom),
        "wecom:robot:": WecomRobotSender(
            {n: k for n, k in wecom_keys.items() if k}, http, str(settings.wecom.api_base)
        ),
        "dingtalk:app": DingtalkAppSender(dingtalk, links.in_dingtalk),
        "dingtalk:group:": DingtalkGroupSender(dingtalk),
        "dingtalk:robot:": DingtalkRobotSender(robots, http, str(settings.dingtalk.oapi_base), clock, dingtalk),
    }


def _groups(settings: Settings) -> list[Group]:
    return [
        Group(
            name=g.name,
            regions=tuple(g.regions),
            wecom_robot=bool(g.wecom_robot_key.get_secret_value()),
            dingtalk_robot=bool(g.dingtalk_robot_token.get_secret_value()),
            dingtalk_conversation=g.dingtalk_conversation,
        )
        for g in settings.groups
    ]


def _connectors(settings: Settings) -> tuple[Connector, ...]:
    """The connectors; raises ConfigError for one whose kind or columns nobody knows, and for a name used twice."""
    names = [connector.name for connector in settings.connectors]
    problems = [
        f"connectors.{place}.{key}: {why}"
        for place, connector in enumerate(settings.connectors)
        for key, why in problems_of(connector)
    ]
    problems += [f"connectors: {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
    if problems:
        raise ConfigError(problems)
    return tuple(settings.connectors)


def _wecom(settings: Settings) -> WecomSettings:
    wecom = settings.wecom
    return WecomSettings(
        corp_id=wecom.corp_id,
        agent_id=wecom.agent_id,
        secret=wecom.secret.get_secret_value(),
        token=wecom.token.get_secret_value(),
        encoding_aes_key=wecom.encoding_aes_key.get_secret_value(),
        api_base=str(wecom.api_base),
    )


def _dingtalk(settings: Settings) -> DingtalkSettings:
    ding = settings.dingtalk
    return DingtalkSettings(
        corp_id=ding.corp_id,
        client_id=ding.client_id,
        client_secret=ding.client_secret.get_secret_value(),
        robot_code=ding.robot_code or ding.client_id,
        agent_id=str(ding.agent_id),
        event_token=ding.event_token.get_secret_value(),
        event_aes_key=ding.event_aes_key.get_secret_value(),
        card_template_id=ding.card_template_id,
        card_secret=ding.card_secret.get_secret_value(),
        api_base=str(ding.api_base),
        oapi_base=str(ding.oapi_base),
        public_url=str(settings.server.public_url),
    )


def _kept_secret(files: Path) -> str:
    """The secret that signs links, made once and kept readable by the owner only."""
    path = files / "secret.key"
    files.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="ascii") as fresh:
            path.chmod(0o600)
            fresh.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii")
