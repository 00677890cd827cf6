"""The document and the program agree: schemathesis makes calls from the document, good ones and bad ones.

Bounded and derandomised, so that a failure comes again.
"""

import json
import warnings
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.catalog import Store
from tests.api_kit import Program, program, with_fonts
from tests.test_api_reading import recall_of, warning_in
from tests.world import World
from web.api_models import Answer, Vector
from workflows.imports.cells import Degrees, OneOf
from workflows.imports.json_items import _TYPES, RESOURCES, columns_of, item_model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries it brings along
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi import checks as openapi

EXAMPLES = 12  # of each operation in each mode
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.unsupported_method,
    openapi.missing_required_header,
]
REAL = {"store": ["S01", "S02"], "product": ["P1", "P2"], "code": ["P1", "S01", "N1"]}


@pytest.fixture
def caller(world: World) -> Program:
    """A program with all scopes in a world that has recalls and papers."""
    recall_of(world)
    with_fonts(world)
    with world.database.write() as session:
        store = session.scalars(select(Store)).first()
        session.add(warning_in(world, store, 0, "turnover", level=1, bottles=5))
    return program(world)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_as_documented_and_never_breaks(world, caller, mode):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", world.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    seen: dict[str, set[int]] = {}
    paper = caller.get("documents").json["items"][0]["number"]
    there = {"/recalls/": {"number": "R1"}, "/documents/": {"number": paper}, "/warnings/": {"warning_id": 1}}

    for operation in operations:
        # One strategy for all examples of an operation: making it takes longer than drawing from it.
        cases = operation.as_strategy(generation_mode=mode)

        @SETTINGS
        @given(case=cases, data=st.data())
        def run(case, data) -> None:
            world.clock.now += timedelta(seconds=1)  # lets the budget of requests recover
            if mode is GenerationMode.POSITIVE:
                _make_real(case, data, there)
            headers = {"Authorization": f"Bearer {caller.key}"}
            response = case.call(headers=headers)
            seen.setdefault(case.operation.label, set()).add(response.status_code)
            case.validate_response(response, checks=CHECKS, headers=headers)

        run()

    assert len(seen) == len(operations) == 8 + len(RESOURCES)
    assert not any(status >= 500 for statuses in seen.values() for status in statuses)
    assert not any(409 in statuses for statuses in seen.values())  # nobody else writes
    if mode is GenerationMode.POSITIVE:
        assert [label for label, statuses in seen.items() if 200 not in statuses] == []


def _make_real(case, data, there) -> None:
    """Let a good part of the calls speak of things that are there."""
    for part, values in there.items():
        if part in case.operation.path and data.draw(st.booleans()):
            case.path_parameters.update(values)
    items = case.body.get("items", []) if isinstance(case.body, dict) else []
    for item in items:
        for name, values in REAL.items():
            if isinstance(item, dict) and name in item:
                item[name] = data.draw(st.sampled_from(values))


def test_the_document_is_made_of_the_columns(world):
    made = world.app.test_client().get("/api/v1/openapi.json").json

    assert made["openapi"] == "3.1.0"
    for resource in RESOURCES:
        body = made["paths"][f"/api/v1/{resource}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        batch = made["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        assert batch["properties"]["items"]["maxItems"] == 1_000
        item = made["components"]["schemas"][batch["properties"]["items"]["items"]["$ref"].rpartition("/")[2]]
        assert set(item["properties"]) == {spec.name for spec in columns_of(resource)}
        assert item["additionalProperties"] is False


def test_every_reference_leads_somewhere(world):
    made = world.app.test_client().get("/api/v1/openapi.json").json
    told = json.dumps(made)
    wanted = {part.split('"')[0] for part in told.split('"#/components/schemas/')[1:]}

    assert wanted == set(made["components"]["schemas"])


def test_the_document_needs_no_key_and_names_no_secret(world):
    answer = world.app.test_client().get("/api/v1/openapi.json")

    assert answer.status_code == 200
    assert world.house.secret not in answer.text


@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_every_column_has_a_json_type_of_its_own(resource):
    """A new kind of cell must say what it is in JSON, or numbers would be asked for as text."""
    unknown = [
        spec.name
        for spec in columns_of(resource)
        if spec.parse not in _TYPES and not isinstance(spec.parse, (Degrees, OneOf))
    ]

    assert unknown == []


@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_examples_of_the_document_are_taken_by_their_own_model(resource):
    made = item_model(resource).model_json_schema()
    item = {name: schema["examples"][0] for name, schema in made["properties"].items()}

    assert item_model(resource).model_validate(item)


def test_answers_name_every_field_as_always_there():
    assert set(Vector.model_json_schema(mode="serialization")["required"]) == set(Vector.model_fields)
    assert issubclass(Vector, Answer)
