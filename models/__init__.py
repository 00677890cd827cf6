"""Tables. This folder imports nothing of ours."""

from models import api, catalog, engine, importing, observing, people, recall, rule_text, stock, transfer, warning
from models.base import Base

__all__ = [
    "Base",
    "api",
    "catalog",
    "engine",
    "importing",
    "observing",
    "people",
    "recall",
    "rule_text",
    "stock",
    "transfer",
    "warning",
]
