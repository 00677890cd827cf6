"""Encrypted callbacks as WeCom sends them, as WSGI requests ready to be answered."""

import io
import secrets
from itertools import count
from typing import Any

from sandbox.envelopes import Envelope
from settings import Settings

_numbers = count(7_459_035_031_717_794_886)


class Caller:
    """Plays WeCom: seals each message afresh and hands it to a WSGI application."""

    def __init__(self, settings: Settings, now: int) -> None:
        wecom = settings.wecom
        self._corp, self._agent, self._now = wecom.corp_id, wecom.agent_id, now
        token, key = wecom.token.get_secret_value(), wecom.encoding_aes_key.get_secret_value()
        self._envelope = Envelope(token, key, wecom.corp_id)

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


def answered(app: Any, environ: dict[str, Any]) -> bytes:
    """The body of the application's answer; raises AssertionError unless it is 200."""
    seen: list[str] = []
    body = b"".join(app(environ, lambda status, _headers, _exc=None: seen.append(status)))
    assert seen[0].startswith("200"), seen[0]
    return body
