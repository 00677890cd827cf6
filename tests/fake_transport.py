"""A transport adapter that answers canned JSON, so that clients are tested without a network."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from bots.http import Http


@dataclass
class Seen:
    """One request as the platform would see it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Canned:
    """One answer: JSON, or bytes with headers."""

    data: Any = None
    status: int = 200
    raw: bytes = b""
    headers: dict[str, str] | None = None

    def as_response(self) -> tuple[int, bytes, dict[str, str]]:
        if self.data is None:
            return self.status, self.raw, self.headers or {}
        content = json.dumps(self.data).encode()
        return self.status, content, {"Content-Type": "application/json", **(self.headers or {})}


Answer = Canned | dict[str, Any] | Exception | Callable[[Seen], Any]


class FakePlatform(BaseAdapter):
    """Answers by the end of the path; the last answer of a path is repeated."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[Seen] = []

    def on(self, end: str, *answers: Answer) -> None:
        self.answers[end] = list(answers)

    def calls(self, end: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.endswith(end)]

    def send(  # type: ignore[override]  # the other arguments are not looked at
        self, request: Any, **kwargs: Any
    ) -> requests.Response:
        assert kwargs["timeout"] == (3.05, 10)
        parts = urlsplit(request.url)
        raw = request.body or b""
        seen = Seen(
            method=request.method,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers=dict(request.headers),
            raw=raw.encode() if isinstance(raw, str) else raw,
        )
        self.seen.append(seen)
        return self._response(request, self._answer(seen))

    def _answer(self, seen: Seen) -> Canned:
        end = next((end for end in self.answers if seen.path.endswith(end)), None)
        if end is None:
            return Canned({"errcode": 404, "code": "notFound", "errmsg": seen.path}, status=404)
        waiting = self.answers[end]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        found = answer(seen) if callable(answer) else answer
        return found if isinstance(found, Canned) else Canned(found)

    @staticmethod
    def _response(request: Any, canned: Canned) -> requests.Response:
        status, content, headers = canned.as_response()
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.raw = HTTPResponse(io.BytesIO(content), status=status, preload_content=False)
        response.request = request
        response.url = request.url
        return response

    def close(self) -> None:
        """Nothing is open."""


def http_to(platform: FakePlatform) -> Http:
    session = requests.Session()
    session.mount("http://", platform)
    session.mount("https://", platform)
    return Http(session)
