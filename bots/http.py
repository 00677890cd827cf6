"""The one HTTP client: time-outs, size limit, JSON as the platforms want it, and no secret in any
exception or log line."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from workflows.letters import TryLater

TIMEOUT = (3.05, 10)
MAX_ANSWER = 25 * 1024 * 1024

_SECRETS = re.compile(
    r"(?i)\b(access_token|corpsecret|appsecret|secret|key|sign|session|signature|ticket|code)=[^&\s'\")>]*"
)

Files = Mapping[str, tuple[str, bytes, str]]


def redact(text: str) -> str:
    """Return `text` with the values of secret query parameters hidden."""
    return _SECRETS.sub(r"\1=***", text)


def dumps(body: object) -> str:
    """Return JSON with Chinese as it is; the platforms warn against escapes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Request:
    """One call: `body` goes out as JSON, or `form` and `files` as multipart.

    `files` maps a field to (file name, bytes, content type), so that a repeat sends them again.
    """

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    files: Files | None = None


@dataclass(frozen=True)
class Answer:
    """What came back, whatever the status."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> dict[str, Any] | None:
        """Return the JSON object of the body, or None when it is none."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def is_passing_failure(self) -> bool:
        """Whether the status itself says: later."""
        return self.status == 429 or self.status >= 500


class Http:
    """Makes one request; never repeats one by itself and never follows a redirect with a token."""

    def __init__(self, session: requests.Session | None = None) -> None:
        self._session = session or _pooled_session()
        # urllib3 writes whole addresses, tokens included, at DEBUG.
        logging.getLogger("urllib3").setLevel(logging.INFO)

    def call(self, request: Request, *, follow: bool = False) -> Answer:
        """Return the answer; `follow` redirects only where the address carries no secret of ours.

        Raises TryLater when nobody answered in time, or with more than 25 MB.
        """
        # `from None` everywhere: the exceptions of requests print the whole address.
        try:
            with self._session.request(
                request.method,
                request.url,
                params=dict(request.params),
                headers=self._headers(request),
                data=self._data(request),
                files=dict(request.files) if request.files else None,
                timeout=TIMEOUT,
                allow_redirects=follow,
                stream=True,
            ) as response:
                return Answer(response.status_code, response.headers, _read(response))
        except requests.ReadTimeout:
            raise TryLater("read_timeout", "对方 10 秒内没有答复，结果未知") from None
        except requests.ConnectionError:
            raise TryLater("connection", "连不上对方服务器") from None
        except requests.RequestException as error:
            raise TryLater("network", f"网络错误：{type(error).__name__}") from None

    @staticmethod
    def _headers(request: Request) -> dict[str, str]:
        headers = dict(request.headers)
        if request.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        return headers

    @staticmethod
    def _data(request: Request) -> bytes | dict[str, str] | None:
        if request.body is not None:
            return dumps(request.body).encode("utf-8", "replace")
        return dict(request.form) if request.form else None


def _pooled_session() -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=8, pool_maxsize=16, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _read(response: requests.Response) -> bytes:
    content = bytearray()
    for piece in response.iter_content(64 * 1024):
        content += piece
        if len(content) > MAX_ANSWER:
            raise TryLater("too_large", "对方的答复超过 25 MB")
    return bytes(content)


def retry_after(answer: Answer) -> float:
    """Return the seconds the server asks us to wait, or 0."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0


def needed(data: Mapping[str, Any], name: str) -> str:
    """Return a field a successful answer must have. Raises TryLater when it has not."""
    if not data.get(name):
        raise TryLater("odd_answer", f"对方的答复里没有 {name}")
    return str(data[name])
