"""Every address of the API, once: the Flask routes and the OpenAPI document are both made from this list."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from web import api_batches, api_documents, api_recalls, api_warnings
from web.api_calls import Call
from web.api_models import (
    Asking,
    BatchAnswer,
    DocumentOut,
    DocumentsPage,
    DocumentsQuery,
    Paging,
    RecallOut,
    RecallsPage,
    RecallsQuery,
    TasksPage,
    WarningOut,
    WarningsPage,
    WarningsQuery,
)
from workflows.api_keys import ApiScope
from workflows.imports.json_items import RESOURCES, kind_of

#: The largest number a database's integer holds; beyond it an address is of nothing.
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Reading:
    """A GET. `answer` is the model of what comes back; None for a PDF."""

    name: str
    path: str
    title: str
    scope: ApiScope
    query: type[Asking]
    answer: type[BaseModel] | None
    handle: Callable[[Session, Call], BaseModel | Response]


@dataclass(frozen=True)
class Writing:
    """A POST of a batch."""

    resource: str
    title: str
    scope: ApiScope
    handle: Callable[[Call], Response]
    answer: type[BaseModel] = BatchAnswer

    @property
    def path(self) -> str:
        """Its address below /api/v1."""
        return f"/{self.resource}"


READINGS: tuple[Reading, ...] = (
    Reading(
        "warnings", "/warnings", "预警", ApiScope.WARNINGS_READ, WarningsQuery, WarningsPage, api_warnings.warnings
    ),
    Reading(
        "warning",
        f"/warnings/<int(max={LARGEST_ID}):warning_id>",
        "一条预警",
        ApiScope.WARNINGS_READ,
        Asking,
        WarningOut,
        api_warnings.warning,
    ),
    Reading(
        "recalls", "/recalls", "回收单、召回单", ApiScope.RECALLS_READ, RecallsQuery, RecallsPage, api_recalls.recalls
    ),
    Reading("recall", "/recalls/<number>", "一张回收单", ApiScope.RECALLS_READ, Asking, RecallOut, api_recalls.recall),
    Reading(
        "recall_tasks",
        "/recalls/<number>/tasks",
        "一张回收单的门店任务",
        ApiScope.RECALLS_READ,
        Paging,
        TasksPage,
        api_recalls.tasks,
    ),
    Reading(
        "documents",
        "/documents",
        "单据",
        ApiScope.DOCUMENTS_READ,
        DocumentsQuery,
        DocumentsPage,
        api_documents.documents,
    ),
    Reading(
        "document_pdf",
        "/documents/<number>.pdf",
        "一张单据的 PDF",
        ApiScope.DOCUMENTS_READ,
        Asking,
        None,
        api_documents.pdf,
    ),
    Reading(
        "document",
        "/documents/<number>",
        "一张单据",
        ApiScope.DOCUMENTS_READ,
        Asking,
        DocumentOut,
        api_documents.document,
    ),
)
WRITINGS: tuple[Writing, ...] = tuple(
    Writing(name, f"写入{kind_of(name).title}", ApiScope(f"{name}:write"), partial(api_batches.take, name))
    for name in RESOURCES
)


def answered(handled: Any) -> Response:
    """A handler's model as JSON; a response stays what it is."""
    if isinstance(handled, Response):
        return handled
    return Response(handled.model_dump_json(), mimetype="application/json")
