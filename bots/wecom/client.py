"""The calls of WeCom's API that the app needs, each with one token refresh at most."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import structlog

from bots.http import Answer, Http, Request, needed
from bots.tokens import TokenStore
from bots.uploads import Uploads, file_part
from bots.wecom.errors import STALE_TOKEN, checked, data_of, error_code
from bots.wecom.settings import WecomSettings
from workflows.letters import Refused

log = structlog.get_logger()

MAX_UPLOAD = {"image": 10_000_000, "voice": 2_000_000, "video": 10_000_000, "file": 20_000_000}


class WecomClient:
    """One app's calls. All raise TryLater or Refused (`workflows.letters`)."""

    def __init__(self, settings: WecomSettings, tokens: TokenStore, http: Http) -> None:
        self.settings = settings
        self._tokens = tokens
        self._http = http
        self._uploads = Uploads()
        # One token per app and secret; the secret itself is no name to be stored.
        seed = f"{settings.corp_id}|{settings.agent_id}|{settings.secret}"
        self._token_name = "wecom:" + hashlib.sha256(seed.encode()).hexdigest()[:24]

    def token(self, rejected: str | None = None) -> str:
        """Return an access token, a new one when `rejected` is the one in store."""
        if rejected is None and (known := self._tokens.get(self._token_name)):
            return known
        return self._tokens.refresh(self._token_name, rejected, self._fetch_token)

    def message_send(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one app message; `agentid` is added. errcode 0 does not mean delivered."""
        return self._post("message/send", {**body, "agentid": self.settings.agent_id})

    def update_template_card(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Repaint a card with its single-use `response_code`."""
        return self._post("message/update_template_card", {**body, "agentid": self.settings.agent_id})

    def media_upload(self, path: str, kind: str = "file") -> str:
        """Upload a file (image, voice, video, file) and return its media_id, good for 3 days.

        The same file is uploaded once, so that sending it to fifty people is one upload.
        """
        return self._uploads.media_id(path, kind, partial(self._upload, path, kind))

    def forget_upload(self, path: str, kind: str = "file") -> None:
        """Forget the media_id of a file: the platform says it has expired."""
        self._uploads.forget(path, kind)

    def media_get(self, media_id: str) -> tuple[bytes, str]:
        """Return bytes and file name of a picture, voice or file somebody sent us."""
        request = Request("GET", self._url("media/get"), params={"media_id": media_id})
        answer = self._answer(request)
        if _may_be_error(answer):
            checked(data_of(answer))
        if not answer.content:
            raise Refused("empty_media", "企业微信给出的文件是空的")
        return answer.content, _file_name(answer) or media_id

    def menu_create(self, buttons: list[dict[str, Any]]) -> None:
        """Replace the menu of the app by `buttons` (`bots.wecom.menu`)."""
        request = Request(
            "POST",
            self._url("menu/create"),
            params={"agentid": str(self.settings.agent_id)},
            body={"button": buttons},
        )
        self._json(request)

    def user_get(self, user: str) -> dict[str, Any]:
        """Return the directory entry of a member in the app's visible range."""
        return self._json(Request("GET", self._url("user/get"), params={"userid": user}))

    def _upload(self, path: str, kind: str) -> str:
        request = Request(
            "POST",
            self._url("media/upload"),
            params={"type": kind},
            files={"media": file_part(path, MAX_UPLOAD[kind])},
        )
        return needed(self._json(request), "media_id")

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._json(Request("POST", self._url(path), body=body))

    def _json(self, request: Request) -> dict[str, Any]:
        return checked(data_of(self._answer(request)))

    def _answer(self, request: Request) -> Answer:
        token = self.token()
        answer = self._http.call(_with_token(request, token))
        if not _has_stale_token(answer):
            return answer
        log.info("wecom_token_rejected")
        return self._http.call(_with_token(request, self.token(rejected=token)))

    def _fetch_token(self) -> tuple[str, int]:
        request = Request(
            "GET",
            self._url("gettoken"),
            params={"corpid": self.settings.corp_id, "corpsecret": self.settings.secret},
        )
        data = checked(data_of(self._http.call(request)))
        return needed(data, "access_token"), int(data.get("expires_in", 7200))

    def _url(self, path: str) -> str:
        return f"{self.settings.api_base.rstrip('/')}/cgi-bin/{path}"


def _with_token(request: Request, token: str) -> Request:
    return replace(request, params={**request.params, "access_token": token})


def _may_be_error(answer: Answer) -> bool:
    # Errors of media/get come as JSON with status 200 where the file should be.
    kind = answer.headers.get("Content-Type", "")
    has_name = "Content-Disposition" in answer.headers
    return answer.status >= 400 or (not has_name and ("json" in kind or "text" in kind or answer.content[:1] == b"{"))


def _has_stale_token(answer: Answer) -> bool:
    if not _may_be_error(answer) and len(answer.content) > 64 * 1024:
        return False
    data = answer.json()
    return data is not None and error_code(data) in STALE_TOKEN


def _file_name(answer: Answer) -> str:
    found = re.search(
        r"filename\*?=(?:UTF-8'')?\"?([^\";]+)",
        answer.headers.get("Content-Disposition", ""),
        re.IGNORECASE,
    )
    # Only the last part: a name from outside must not lead out of a folder.
    return Path(unquote(found.group(1))).name if found else ""
