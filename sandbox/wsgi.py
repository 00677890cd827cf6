"""Lets `requests` call a WSGI application inside the process, so that tests need no socket."""

import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, ReadTimeout, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request

LATE_HEADER = "X-Sandbox-Late"
"""Seconds an answer is late; added by the sandbox when it plays a time-out."""


class WsgiAdapter(HTTPAdapter):
    """Mount it: `session.mount("http://app", WsgiAdapter(app))`.

    The application runs in the caller's thread. An answer later than the caller's read time-out
    becomes `requests.ReadTimeout`, after the application has done its work, as over a network.
    `mount` is a path prefix the application is served under (WSGI SCRIPT_NAME).
    """

    def __init__(self, app: Any, mount: str = "") -> None:
        super().__init__()
        self._app = app
        self._mount = mount

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Call the application and wrap its answer."""
        del stream, verify, cert, proxies
        started = time.monotonic()
        chunks, status, headers = run_wsgi_app(self._app, self._environ(request), buffered=True)
        late = float(headers.get(LATE_HEADER, 0)) or time.monotonic() - started
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
        if limit is not None and late > limit:
            raise ReadTimeout(f"no answer within {limit} s", request=request)
        raw = HTTPResponse(
            body=BytesIO(b"".join(chunks)),
            headers=dict(headers),
            status=int(status.split()[0]),
            reason=status.partition(" ")[2],
            preload_content=False,
        )
        return self.build_response(request, raw)

    def _environ(self, request: PreparedRequest) -> dict[str, Any]:
        parts = urlsplit(request.url or "")
        builder = EnvironBuilder(
            path=parts.path.removeprefix(self._mount) or "/",
            base_url=f"{parts.scheme}://{parts.netloc}{self._mount}/",
            query_string=parts.query,
            method=request.method or "GET",
            headers=list(request.headers.items()),
            input_stream=BytesIO(_body(request)),
        )
        environ = builder.get_environ()
        return Request(environ).environ


def _body(request: PreparedRequest) -> bytes:
    body = request.body
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)
