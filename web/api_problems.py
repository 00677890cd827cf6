"""What the API answers when it cannot do what was asked: RFC 9457, with a Chinese sentence and a stable word."""

from enum import Enum
from typing import Annotated, Any

import structlog
from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import HTTPException

from web.security import protect
from workflows.imports.item_errors import ItemError, ItemFault

log = structlog.get_logger(__name__)

PREFIX = "/api/"
MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 1_000  # told in one answer; the rest is counted


class Fault(Enum):
    """The problems there are: a word programs may rely on, the HTTP status, a title."""

    BAD_REQUEST = ("bad_request", 400, "看不懂这个请求")
    BAD_JSON = ("bad_json", 400, "不是正确的 JSON")
    BAD_CURSOR = ("bad_cursor", 400, "翻页标记无效")
    NO_IDEMPOTENCY_KEY = ("idempotency_key_missing", 400, "缺少 Idempotency-Key")
    NOT_SIGNED_IN = ("unauthorized", 401, "密钥无效")
    NOT_IN_SCOPE = ("forbidden", 403, "密钥没有这项权限")
    NOT_FOUND = ("not_found", 404, "没有这个对象")
    WRONG_METHOD = ("method_not_allowed", 405, "不支持这种请求方法")
    CONFLICT = ("conflict", 409, "同时有别的写入")
    TOO_LARGE = ("too_large", 413, "内容太大")
    WRONG_MEDIA = ("unsupported_media_type", 415, "只收 application/json")
    INVALID = ("invalid", 422, "内容不对，什么都没有写入")
    KEY_REUSED = ("idempotency_key_reused", 422, "Idempotency-Key 已用于别的内容")
    LEDGER = ("ledger_refused", 422, "数量对不上账，什么都没有写入")
    TOO_FAST = ("too_many_requests", 429, "请求太快")
    BROKEN = ("internal_error", 500, "系统出了问题，什么都没有写入")
    UNAVAILABLE = ("unavailable", 503, "暂时不能服务")

    @property
    def code(self) -> str:
        """The word programs may rely on."""
        return self.value[0]

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[1]

    @property
    def title(self) -> str:
        """What kind of problem it is, for a person."""
        return self.value[2]


class FieldProblem(BaseModel):
    """One fault of an item, or of the request when `index` is null."""

    model_config = ConfigDict(frozen=True, title="FieldProblem")

    index: Annotated[int | None, Field(description="第几条，从 0 数；不是某一条的错时为 null")]
    field: Annotated[str, Field(description="字段名；空：整条")]
    code: Annotated[str, Field(description="错误代码，不会改变", examples=[fault.value for fault in ItemFault])]
    sentence: Annotated[str, Field(description="给人看的话；其中的行号从 1 数")]


class Problem(BaseModel):
    """What every refusal looks like (RFC 9457, application/problem+json)."""

    model_config = ConfigDict(frozen=True, title="Problem")

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="给人看的话")]
    code: Annotated[str, Field(description="问题代码，不会改变", examples=[fault.code for fault in Fault])]
    errors: list[FieldProblem] = []
    errors_beyond: Annotated[int, Field(description="没有列出的错误数")] = 0


class ApiProblem(Exception):
    """Ends a request; `sentence` says what to do, `headers` go with the answer."""

    def __init__(self, fault: Fault, sentence: str, errors: list[FieldProblem] | None = None, **headers: str) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.sentence = sentence
        self.errors = errors or []
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def answer(problem: ApiProblem) -> Response:
    """The problem as a response."""
    fault = problem.fault
    body = Problem(
        type=f"urn:jiuhui:{fault.code}",
        title=fault.title,
        status=fault.status,
        detail=problem.sentence,
        code=fault.code,
        errors=problem.errors[:MOST_ERRORS],
        errors_beyond=max(0, len(problem.errors) - MOST_ERRORS),
    )
    response = Response(body.model_dump_json(), status=fault.status, mimetype=MEDIA_TYPE)
    response.headers.update(problem.headers)
    return protect(response)


def of_items(errors: list[ItemError]) -> list[FieldProblem]:
    """Faults of items as the API tells them."""
    return [FieldProblem(index=e.index, field=e.field, code=e.code.value, sentence=e.sentence) for e in errors]


def of_http(error: HTTPException) -> Response:
    """What Flask itself refused: unknown addresses, wrong methods, bodies beyond the limit."""
    fault = _OF_STATUS.get(error.code or 500, Fault.BROKEN if (error.code or 500) >= 500 else Fault.BAD_REQUEST)
    problem = ApiProblem(fault, _SENTENCES[fault])
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        problem.headers["Allow"] = ", ".join(sorted(allowed))
    return answer(problem)


def unavailable(error: Exception) -> Response:
    """The database does not answer; the program should come again."""
    log.warning("api_unavailable", rule=str(request.url_rule), why=type(error).__name__)
    return answer(ApiProblem(Fault.UNAVAILABLE, _SENTENCES[Fault.UNAVAILABLE], Retry_After="5"))


def unexpected(error: Exception) -> Response:
    """A fault of ours: logged with its trace, told without it."""
    log.error("api_request_failed", rule=str(request.url_rule), exc_info=error)
    return answer(ApiProblem(Fault.BROKEN, _SENTENCES[Fault.BROKEN]))


def is_api() -> bool:
    """Whether the request under way is for the API."""
    return request.path.startswith(PREFIX)


_OF_STATUS: dict[int, Fault] = {
    fault.status: fault
    for fault in (
        Fault.BAD_REQUEST,
        Fault.NOT_FOUND,
        Fault.WRONG_METHOD,
        Fault.TOO_LARGE,
        Fault.WRONG_MEDIA,
        Fault.UNAVAILABLE,
    )
}
_SENTENCES: dict[Fault, Any] = {
    Fault.BAD_REQUEST: "请求的写法不对，请对照 /api/v1/openapi.json。",
    Fault.NOT_FOUND: "没有这个地址或对象，请对照 /api/v1/openapi.json。",
    Fault.WRONG_METHOD: "这个地址不支持这种请求方法，请对照 /api/v1/openapi.json。",
    Fault.TOO_LARGE: "一次最多 4 MB，请分成几批。",
    Fault.WRONG_MEDIA: "请求头 Content-Type 要写 application/json。",
    Fault.UNAVAILABLE: "数据库暂时没有响应，什么都没有写入；请过几秒用同一个 Idempotency-Key 再发一次。",
    Fault.BROKEN: "什么都没有写入；问题已经记录，请过一会儿用同一个 Idempotency-Key 再发一次。",
}
