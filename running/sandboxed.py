"""The house with the sandbox beside it: made-up accounts, and the platforms on this very machine."""

import secrets
from typing import Any

import requests
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from models.people import Person, Role
from running.build import Clock, Running
from sandbox.app import create_sandbox
from sandbox.world import Credentials, GroupChat, Limits, Persona, World
from settings import Settings

ROLE_WORDS = {
    Role.STORE_OWNER: "店主",
    Role.STORE_CLERK: "店员",
    Role.SALES_REP: "业务员",
    Role.REGIONAL_MANAGER: "区域经理",
    Role.BOSS: "老板",
    Role.WAREHOUSE_KEEPER: "仓管",
    Role.DRIVER: "司机",
    Role.QUALITY_OFFICER: "质量负责人",
    Role.FINANCE: "财务",
}


def sandbox_environment(base: str, groups: list[str]) -> dict[str, str]:
    """The JIUHUI_ overrides that point the house to the sandbox under `base`/sandbox."""
    key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    names = {
        "SERVER__PUBLIC_URL": base,
        "WECOM__CORP_ID": "wwsandbox0000000001",
        "WECOM__AGENT_ID": "1000002",
        "WECOM__SECRET": secrets.token_hex(16),
        "WECOM__TOKEN": "SandboxToken01",
        "WECOM__ENCODING_AES_KEY": key,
        "WECOM__API_BASE": f"{base}/sandbox/wecom",
        "DINGTALK__CORP_ID": "dingsandbox0000000001",
        "DINGTALK__CLIENT_ID": "dingsandboxapp0001",
        "DINGTALK__CLIENT_SECRET": secrets.token_hex(16),
        "DINGTALK__ROBOT_CODE": "dingsandboxapp0001",
        "DINGTALK__EVENT_TOKEN": "SandboxEvent01",
        "DINGTALK__EVENT_AES_KEY": key,
        "DINGTALK__CARD_TEMPLATE_ID": "sandbox-card.schema",
        "DINGTALK__CARD_SECRET": secrets.token_hex(16),
        "DINGTALK__API_BASE": f"{base}/sandbox/dingtalk",
        "DINGTALK__OAPI_BASE": f"{base}/sandbox/oapi",
        "GROUPS": _groups_yaml(groups),
    }
    return {f"JIUHUI_{name}": value for name, value in names.items()}


def _groups_yaml(regions: list[str]) -> str:
    entries = [
        f"{{name: {region}业务群, regions: [{region}], wecom_robot_key: wecom-{number}, "
        f"dingtalk_robot_token: ding-{number}, dingtalk_robot_secret: SECsandbox{number}, "
        f"dingtalk_conversation: 'cidsandbox{number}=='}}"
        for number, region in enumerate(regions, start=1)
    ]
    return f"[{', '.join(entries)}]"


def make_world(running: Running, *, session: requests.Session, clock: Clock, **options: Any) -> World:
    """The sandbox's world, peopled by whoever is in the house's database."""
    return World(
        credentials_of(running.settings),
        callback_base=str(running.settings.server.public_url),
        deliver=session,
        clock=clock,
        personas=lambda: personas_of(running),
        groups=lambda: groups_of(running.settings),
        limits=options.pop("limits", Limits(dingtalk_qps=10_000)),
        **options,
    )


def mounted(app: Flask, world: World) -> Any:
    """One WSGI application: ours at the root, the platforms under /sandbox."""
    return DispatcherMiddleware(app, {"/sandbox": create_sandbox(world)})


def credentials_of(settings: Settings) -> Credentials:
    """The same secrets on both sides."""
    wecom, ding = settings.wecom, settings.dingtalk
    return Credentials(
        wecom_corp_id=wecom.corp_id,
        wecom_agent_id=wecom.agent_id,
        wecom_secret=wecom.secret.get_secret_value(),
        wecom_token=wecom.token.get_secret_value(),
        wecom_encoding_aes_key=wecom.encoding_aes_key.get_secret_value(),
        dingtalk_corp_id=ding.corp_id,
        dingtalk_client_id=ding.client_id,
        dingtalk_client_secret=ding.client_secret.get_secret_value(),
        dingtalk_robot_code=ding.robot_code,
        dingtalk_event_token=ding.event_token.get_secret_value(),
        dingtalk_event_aes_key=ding.event_aes_key.get_secret_value(),
        dingtalk_card_template_id=ding.card_template_id,
        dingtalk_card_secret=ding.card_secret.get_secret_value(),
    )


def personas_of(running: Running) -> list[Persona]:
    """One telephone for each platform id in the database."""
    with running.database.read() as session:
        people = list(session.scalars(select(Person).options(selectinload(Person.assignments)).order_by(Person.id)))
    return [persona for person in people for persona in _phones(person)]


def groups_of(settings: Settings) -> list[GroupChat]:
    """The configured groups, on each platform they have a robot on."""
    chats = []
    for group in settings.groups:
        if key := group.wecom_robot_key.get_secret_value():
            chats.append(GroupChat(group.name, "wecom", key))
        token, secret = group.dingtalk_robot_token.get_secret_value(), group.dingtalk_robot_secret.get_secret_value()
        if token or group.dingtalk_conversation:
            chats.append(GroupChat(group.name, "dingtalk", token, secret, group.dingtalk_conversation))
    return chats


def _phones(person: Person) -> list[Persona]:
    label = "、".join(dict.fromkeys(ROLE_WORDS[a.role] for a in person.assignments))
    phones = []
    if person.wecom_userid:
        phones.append(Persona(person.name, label, "wecom", person.wecom_userid, person.plain_wechat))
    if person.dingtalk_userid:
        phones.append(Persona(person.name, label, "dingtalk", person.dingtalk_userid))
    return phones
