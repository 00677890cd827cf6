"""POST deliveries, counts, sell-out, stock, products, stores: a batch in one transaction, and only once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from flask import Response
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from web.api_calls import Body, Call, idempotency_key, json_body
from web.api_models import BatchAnswer, Envelope
from web.api_problems import ApiProblem, Fault, FieldProblem, of_items
from web.services import services
from workflows.acting import business_day
from workflows.api_requests import Asked, OtherBody, answered_before, keep_answer
from workflows.imports.from_json import Delivered, ItemsRefused, Taken, load_items
from workflows.imports.item_errors import fault_of
from workflows.ledger import LedgerError

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def take(resource: str, call: Call) -> Response:
    """Take a batch, or answer as the first time it came. Raises ApiProblem."""
    key = idempotency_key()
    body = json_body()
    envelope = _envelope(body)
    asked = Asked(call.caller.key_id, key, resource, body.sha256)
    batch = Delivered(
        resource,
        envelope.items,
        f"接口 {call.caller.name}",
        call.now,
        business_day(call.now),
        atomic=envelope.atomic,
    )
    try:
        answer, again = _once_more(lambda session: _answer(session, asked, batch))
    except OtherBody:
        raise ApiProblem(Fault.KEY_REUSED, "这个 Idempotency-Key 已经用于另一批内容；新的一批要用新的。") from None
    except ItemsRefused as refused:
        log.info("api_batch_refused", resource=resource, key=call.caller.key_id, errors=len(refused.errors))
        sentence = "有错误的条目，什么都没有写入；改好后可以用同一个 Idempotency-Key 再发。"
        raise ApiProblem(Fault.INVALID, sentence, of_items(refused.errors)) from None
    except LedgerError as refused:
        log.warning("api_ledger_refused", resource=resource, key=call.caller.key_id, problem=str(refused))
        sentence = "数量对不上账：之后的出入库比盘点数还多，或者批次已停售，请核对。"
        raise ApiProblem(Fault.LEDGER, sentence) from None
    response = Response(answer.model_dump_json(), mimetype="application/json")
    response.headers["Idempotency-Replayed"] = "true" if again else "false"
    return response


def _envelope(body: Body) -> Envelope:
    try:
        envelope = Envelope.model_validate(body.value)
    except ValidationError as wrong:
        problems = [_envelope_problem(error) for error in wrong.errors()[:20]]
        sentence = '要写成 {"items": […], "atomic": true}，items 至少一条。'
        raise ApiProblem(Fault.INVALID, sentence, problems) from None
    most = services().house.api.most_items
    if len(envelope.items) > most:
        raise ApiProblem(Fault.TOO_LARGE, f"一批最多 {most} 条，这批有 {len(envelope.items)} 条，请分开发。")
    return envelope


def _envelope_problem(error: Any) -> FieldProblem:
    name = "".join(sign if sign.isprintable() else "?" for sign in str(error["loc"][0])[:40]) if error["loc"] else ""
    code, why = fault_of(error)
    return FieldProblem(index=None, field=name, code=code.value, sentence=f"{name or '整个请求'}：{why}。")


def _answer(session: Session, asked: Asked, batch: Delivered) -> tuple[BatchAnswer, bool]:
    keep = timedelta(days=services().house.api.keep_answers_days)
    before = answered_before(session, asked, batch.now, keep)
    if before is not None:
        return BatchAnswer.model_validate(before), True
    taken = load_items(session, batch)
    answer = _told(taken)
    keep_answer(session, asked, answer.model_dump(mode="json"))
    log.info(
        "api_batch_taken", resource=asked.resource, key=asked.key_id, accepted=taken.accepted, rejected=taken.rejected
    )
    return answer, False


def _told(taken: Taken) -> BatchAnswer:
    return BatchAnswer(
        accepted=taken.accepted,
        changed=taken.changed,
        unchanged=taken.unchanged,
        rejected=taken.rejected,
        created={what: number for what, number in taken.created.items() if number},
        errors=of_items(taken.errors),
    )


def _once_more(work: Callable[[Session], Result]) -> Result:
    """One transaction, tried again when somebody else wrote the same at that moment."""
    database = services().database
    try:
        with database.write() as session:
            return work(session)
    except (IntegrityError, StaleDataError, OperationalError) as problem:
        log.info("api_batch_again", why=type(problem).__name__)
    try:
        with database.write() as session:
            return work(session)
    except (IntegrityError, StaleDataError):
        raise ApiProblem(Fault.CONFLICT, "同时有别的写入，这一批没有写入；请再发一次。", Retry_After="1") from None
