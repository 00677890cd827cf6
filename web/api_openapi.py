"""The OpenAPI 3.1 document, made from the routes and the models that check and answer."""

import re
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.api_calls import LONGEST_IDEMPOTENCY_KEY
from web.api_models import batch_model
from web.api_problems import MEDIA_TYPE, Fault, Problem
from web.api_routes import LARGEST_ID, READINGS, WRITINGS, Reading, Writing

REF = "#/components/schemas/{model}"
_VARIABLE = re.compile(r"<(?:int\(max=\d+\):)?(\w+)>")
_ALWAYS = (Fault.NOT_SIGNED_IN, Fault.NOT_IN_SCOPE, Fault.TOO_FAST, Fault.BROKEN, Fault.UNAVAILABLE)
_READING = (*_ALWAYS, Fault.BAD_CURSOR, Fault.INVALID)
_WRITING = (*_ALWAYS, Fault.BAD_JSON, Fault.CONFLICT, Fault.TOO_LARGE, Fault.WRONG_MEDIA, Fault.INVALID)
_ABOUT = (
    "酒回的数据接口。金额是分（整数），数量是瓶（整数），日期是 YYYY-MM-DD。"
    "密钥由 `python app.py api-key create` 生成；每批写入都带 Idempotency-Key，重发不会重复记账。"
)

Json = dict[str, Any]


@lru_cache(maxsize=4)
def document(public_url: str, most_items: int) -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "酒回 Jiuhui", "version": "1", "description": _ABOUT},
        "servers": [{"url": public_url}],
        "security": [{"key": []}],
        "paths": _paths(most_items),
        "components": {
            "schemas": _schemas(most_items),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "jh_<编号>_<密文>"}},
        },
    }


def _paths(most_items: int) -> Json:
    paths: Json = {}
    for reading in READINGS:
        paths.setdefault(_address(reading.path), {})["get"] = _reading(reading)
    for writing in WRITINGS:
        paths.setdefault(_address(writing.path), {})["post"] = _writing(writing, most_items)
    return paths


def _address(path: str) -> str:
    return "/api/v1" + _VARIABLE.sub(r"{\1}", path)


def _reading(reading: Reading) -> Json:
    faults = (*_READING, Fault.NOT_FOUND) if "<" in reading.path else _READING
    return {
        "operationId": reading.name,
        "summary": reading.title,
        "description": f"权限：{reading.scope.value}",
        "parameters": [*_in_path(reading.path), *_in_query(reading.query)],
        "responses": {"200": _good(reading.answer), **_refusals(faults)},
    }


def _writing(writing: Writing, most_items: int) -> Json:
    body = _schema_of(batch_model(writing.resource, most_items))
    good = _good(writing.answer)
    good["headers"] = {
        "Idempotency-Replayed": {
            "description": "true：这一批以前收到过，这是当时的回答",
            "schema": {"type": "string", "enum": ["true", "false"]},
        }
    }
    return {
        "operationId": f"post_{writing.resource}",
        "summary": writing.title,
        "description": f"权限：{writing.scope.value}。一批最多 {most_items} 条。",
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": good, **_refusals(_WRITING)},
    }


_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "每批一个；重发同一批时用同一个",
    "schema": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": LONGEST_IDEMPOTENCY_KEY},
}


def _in_path(path: str) -> list[Json]:
    whole = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
    word = {"type": "string", "minLength": 1, "maxLength": 32}
    return [
        {"name": name, "in": "path", "required": True, "schema": whole if f":{name}>" in path else word}
        for name in _VARIABLE.findall(path)
    ]


def _in_query(model: type[BaseModel]) -> list[Json]:
    made = model.model_json_schema(ref_template=REF)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in made.get("required", ()),
            "description": schema.pop("description", ""),
            "schema": _never_null(schema),
        }
        for name, schema in made.get("properties", {}).items()
    ]


def _never_null(schema: Json) -> Json:
    """An address cannot say null: a condition is left out instead."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
        return {**rest, **choices[0]}
    return schema


def _good(answer: type[BaseModel] | None) -> Json:
    if answer is None:
        content: Json = {"application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}}}
    else:
        content = {"application/json": {"schema": _schema_of(answer)}}
    return {"description": "好", "content": content}


def _refusals(faults: tuple[Fault, ...]) -> Json:
    told: dict[int, list[str]] = {}
    for fault in faults:
        told.setdefault(fault.status, []).append(fault.title)
    content = {MEDIA_TYPE: {"schema": _schema_of(Problem)}}
    return {str(s): {"description": "；".join(titles), "content": content} for s, titles in sorted(told.items())}


def _schema_of(model: type[BaseModel]) -> Json:
    return {"$ref": REF.format(model=model.__name__)}


def _schemas(most_items: int) -> Json:
    asked = [reading.query for reading in READINGS]
    sent = [batch_model(writing.resource, most_items) for writing in WRITINGS]
    told = [reading.answer for reading in READINGS if reading.answer] + [w.answer for w in WRITINGS] + [Problem]
    pairs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in (*asked, *sent)]
    pairs += [(model, "serialization") for model in told]
    _, made = models_json_schema(list(dict.fromkeys(pairs)), ref_template=REF)
    schemas: Json = made["$defs"]
    return {name: schema for name, schema in schemas.items() if name not in {model.__name__ for model in asked}}
