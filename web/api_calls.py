"""One call of the API: who calls, whether they may, and what came, read strictly."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args, get_origin

import structlog
from flask import request
from pydantic import BaseModel, ValidationError

from web.api_problems import ApiProblem, Fault, FieldProblem
from web.services import services
from workflows.api_keys import ApiScope, Caller, caller_of, spend

log = structlog.get_logger(__name__)

MOST_BYTES = 4 * 1024 * 1024
LONGEST_IDEMPOTENCY_KEY = 128


@dataclass(frozen=True)
class Call:
    """A call that may go on. `query` is what the endpoint's query model made of the address."""

    caller: Caller
    now: datetime
    query: Any = None
    path: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Body:
    """What was sent: the value, and the SHA-256 of its bytes."""

    value: Any
    sha256: str


def admitted(scope: ApiScope, now: datetime) -> Caller:
    """Who calls, with one request taken from their budget. Raises ApiProblem 401, 403 or 429."""
    kind, _, key = request.headers.get("Authorization", "").strip().partition(" ")
    with services().database.read() as session:
        caller = caller_of(session, key.strip(), now) if kind.lower() == "bearer" else None
    if caller is None:
        log.warning("api_key_refused", path=request.path, remote=request.remote_addr)
        sentence = "请在请求头写 Authorization: Bearer 加上有效的密钥；密钥可能写错、过期或已经作废。"
        raise ApiProblem(Fault.NOT_SIGNED_IN, sentence, WWW_Authenticate='Bearer realm="jiuhui"')
    if scope not in caller.scopes:
        raise ApiProblem(Fault.NOT_IN_SCOPE, f"密钥“{caller.name}”没有 {scope.value} 权限。")
    per_minute = services().house.api.requests_per_minute
    with services().database.write() as session:
        paid = spend(session, caller.key_id, now, per_minute)
    if not paid:
        log.warning("api_too_fast", key=caller.key_id)
        wait = max(1, math.ceil(60 / per_minute))
        raise ApiProblem(Fault.TOO_FAST, f"这个密钥每分钟最多 {per_minute} 次，请稍后再试。", Retry_After=str(wait))
    return caller


def idempotency_key() -> str:
    """The caller's own name for this batch. Raises ApiProblem."""
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY or not all("!" <= sign <= "~" for sign in key):
        sentence = "请在请求头写 Idempotency-Key：每批一个，1 到 128 个可见的 ASCII 字符；重发时用同一个。"
        raise ApiProblem(Fault.NO_IDEMPOTENCY_KEY, sentence)
    return key


def json_body() -> Body:
    """The body as strict JSON: no NaN, no name twice in an object, UTF-8. Raises ApiProblem."""
    if request.mimetype != "application/json":
        raise ApiProblem(Fault.WRONG_MEDIA, "请求头 Content-Type 要写 application/json。")
    raw = request.get_data(cache=False)
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except _Refused as refused:
        raise ApiProblem(Fault.BAD_JSON, str(refused)) from None
    except json.JSONDecodeError as wrong:
        raise ApiProblem(Fault.BAD_JSON, f"第 {wrong.lineno} 行第 {wrong.colno} 个字符处不是正确的 JSON。") from None
    except UnicodeDecodeError:
        raise ApiProblem(Fault.BAD_JSON, "要用 UTF-8 编码。") from None
    except (RecursionError, ValueError):  # nested without end; a number of thousands of digits
        raise ApiProblem(Fault.BAD_JSON, "嵌套太深，或者数字太长。") from None
    return Body(value, hashlib.sha256(raw).hexdigest())


def query_of(model: type[BaseModel]) -> Any:
    """The query part of the address by its model. Raises ApiProblem for what it does not know."""
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        known = model.model_fields.get(name)
        many = known is not None and any(
            get_origin(kind) is list for kind in (known.annotation, *get_args(known.annotation))
        )
        if not many and len(values) > 1:
            raise ApiProblem(Fault.INVALID, f"{name[:40]} 只能写一次。", [_query_problem(name, "只能写一次")])
        given[name] = values if many else values[0]
    try:
        return model.model_validate(given)
    except ValidationError as wrong:
        problems = [_query_problem(str(error["loc"][0]), _query_words(error)) for error in wrong.errors()]
        raise ApiProblem(Fault.INVALID, "查询条件不对。", problems) from None


def _query_problem(name: str, why: str) -> FieldProblem:
    shown = "".join(sign if sign.isprintable() else "?" for sign in name[:40])
    return FieldProblem(index=None, field=shown, code="bad_value", sentence=f"“{shown}”{why}。")


def _query_words(error: Any) -> str:
    return "：没有这个条件" if error["type"] == "extra_forbidden" else "的写法不对，请对照 /api/v1/openapi.json"


class _Refused(ValueError):
    """JSON that Python would take and we do not."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("同一个对象里有重复的字段名。")
    return found


def _no_constant(name: str) -> Any:
    raise _Refused(f"JSON 里没有 {name} 这种数。")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused("数字太大。")
    return number
