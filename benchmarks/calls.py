"""Encrypted callbacks as WeCom sends them, as WSGI requests ready to be answered."""

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from sandbox.envelopes import Envelope

_numbers = count(7_459_035_031_717_794_886)


@dataclass(frozen=True)
class Account:
    """A WeCom app, known to both sides."""

    token: str = "SandboxToken01"
    aes_key: str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    corp_id: str = "wwsandbox0000000001"
    agent_id: int = 1000002


class Caller:
    """Plays WeCom: seals each message afresh. `now` is in seconds since 1970."""

    def __init__(self, account: Account, now: int) -> None:
        self._corp, self._agent, self._now = account.corp_id, account.agent_id, now
        self._envelope = Envelope(account.token, account.aes_key, account.corp_id)

    def request(self, user: str, words: str) -> dict[str, Any]:
        """The WSGI environment of one text message with a number of its own."""
        body, query = self.sealed(user, words)
        return {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/wecom/callback",
            "QUERY_STRING": query,
            "SERVER_NAME": "jiuhui.test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": "text/xml; charset=utf-8",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def sealed(self, user: str, words: str) -> tuple[bytes, str]:
        """Body and query string of one message."""
        inner = (
            f"<xml><ToUserName><![CDATA[{self._corp}]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>"
            f"<CreateTime>{self._now}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content><![CDATA[{words}]]></Content><MsgId>{next(_numbers)}</MsgId>"
            f"<AgentID>{self._agent}</AgentID></xml>"
        )
        encrypted, nonce = self._envelope.seal(inner), secrets.token_hex(5)
        signature = self._envelope.sign(str(self._now), nonce, encrypted)
        outer = (
            f"<xml><ToUserName><![CDATA[{self._corp}]]></ToUserName><AgentID>{self._agent}</AgentID>"
            f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
        )
        return outer.encode(), f"msg_signature={signature}&timestamp={self._now}&nonce={nonce}"


def conversation(
    app: Any, caller: Caller, words: str, users: int
) -> tuple[Callable[[int], list[dict[str, Any]]], Callable[[dict[str, Any]], None]]:
    """What makes so many requests of users taking turns, and what has one of them answered."""
    numbers = count(0)

    def make(wanted: int) -> list[dict[str, Any]]:
        return [caller.request(f"o{next(numbers) % users + 1}", words) for _ in range(wanted)]

    def answer(environ: dict[str, Any]) -> None:
        assert answered(app, environ), "an answer in words was expected"

    return make, answer


def answered(app: Any, environ: dict[str, Any]) -> bytes:
    """The body of the application's answer; raises AssertionError unless it is 200."""
    seen: list[str] = []
    body = b"".join(app(environ, lambda status, _headers, _exc=None: seen.append(status)))
    assert seen[0].startswith("200"), seen[0]
    return body
