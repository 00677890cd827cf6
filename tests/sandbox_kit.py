"""A sandbox with a small application to call back, for the tests of the sandbox itself."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from flask import Flask, Request, Response, request

from sandbox.app import create_sandbox
from sandbox.people import Credentials, GroupChat, Persona
from sandbox.world import World
from sandbox.wsgi import WsgiAdapter

KEYS = Credentials(
    wecom_corp_id="ww00aa11bb22cc33dd",
    wecom_agent_id=1000002,
    wecom_secret="wecom-secret",
    wecom_token="ShopBotToken01",
    wecom_encoding_aes_key="kZ3mQ7vT1xR9bN5cW2yH8gJ4fL6pD0sAeUiOoPqXwE0",
    dingtalk_corp_id="dingcorp0001",
    dingtalk_client_id="dingclient01",
    dingtalk_client_secret="ding-secret",
    dingtalk_robot_code="dingrobot01",
    dingtalk_event_token="EventToken01",
    dingtalk_event_aes_key="1234567890123456789012345678901234567890123",
    dingtalk_card_template_id="own-card.schema",
    dingtalk_card_secret="card-secret",
)
OWNER = Persona("刘老板", "店主", "wecom", "Owner01")
WECHAT = Persona("赵老板", "店主", "wecom", "owner02", plain_wechat=True)
REP = Persona("王芳", "业务员", "dingtalk", "rep01")
MANAGER = Persona("李经理", "经理", "dingtalk", "boss01")
SHOPS = GroupChat("门店群", "wecom", "wecom-robot-key")
TEAM = GroupChat("销售群", "dingtalk", "ding-robot-token", "SECabc", "cidTEAM==")
LOUD = GroupChat("喊话群", "dingtalk", "loud-token", "SECloud")


@dataclass
class Heard:
    """One callback the application received, already read."""

    path: str
    args: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Application:
    """The application under test: remembers what it hears and answers as told."""

    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Request], Any] = field(default=lambda _: "")

    def wsgi(self) -> Flask:
        app = Flask("application")

        @app.route("/<path:path>", methods=["GET", "POST"])
        def hear(path: str) -> Any:
            body = request.get_data()
            heard = Heard(request.path, request.args.to_dict(), dict(request.headers), body)
            self.heard.append(heard)
            return self.answer(request)

        return app


class Kit:
    """World, application, moving clock, and a client of the sandbox's interfaces."""

    def __init__(self, **settings: Any) -> None:
        self.time = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
        self.slept: list[float] = []
        self.application = Application()
        deliver = requests.Session()
        deliver.mount("http://application", WsgiAdapter(self.application.wsgi()))
        self.world = World(
            KEYS,
            callback_base="http://application",
            deliver=deliver,
            clock=lambda: self.time,
            personas=lambda: [OWNER, WECHAT, REP, MANAGER],
            groups=lambda: [SHOPS, TEAM, LOUD],
            pause=self.slept.append,
            sandbox_base="http://sandbox",
            **settings,
        )
        self.client = requests.Session()
        self.client.mount("http://sandbox", WsgiAdapter(create_sandbox(self.world)))

    def wait(self, **span: float) -> None:
        self.time += timedelta(**span)

    def wecom_token(self) -> str:
        query = {"corpid": KEYS.wecom_corp_id, "corpsecret": KEYS.wecom_secret}
        answer = self.client.get("http://sandbox/wecom/cgi-bin/gettoken", params=query)
        return str(answer.json()["access_token"])

    def wecom(self, path: str, body: Any, **query: str) -> dict[str, Any]:
        answer = self.client.post(
            f"http://sandbox/wecom/cgi-bin/{path}",
            params=query or {"access_token": self.wecom_token()},
            data=body if isinstance(body, bytes) else dump(body),
        )
        return dict(answer.json())

    def ding_token(self) -> str:
        body = {"appKey": KEYS.dingtalk_client_id, "appSecret": KEYS.dingtalk_client_secret}
        url = "http://sandbox/dingtalk/v1.0/oauth2/accessToken"
        return str(self.client.post(url, json=body).json()["accessToken"])

    def ding(self, method: str, path: str, body: Any) -> requests.Response:
        headers = {"x-acs-dingtalk-access-token": self.ding_token()}
        url = f"http://sandbox/dingtalk/v1.0/{path}"
        return self.client.request(method, url, json=body, headers=headers)

    def answer_with(self, answer: Any) -> None:
        self.application.answer = lambda _: answer

    def break_down(self, times: int) -> None:
        """Let the application's next callbacks get no answer."""
        left = [times]
        calm = self.application.answer

        def silent(asked: Request) -> Any:
            if left[0]:
                left[0] -= 1
                late = Response("")
                late.headers["X-Sandbox-Late"] = "60"
                return late
            return calm(asked)

        self.application.answer = silent


def dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
