"""Tables. This folder imports nothing of ours."""

from models import catalog, engine, people, recall, stock, warning
from models.base import Base

__all__ = ["Base", "catalog", "engine", "people", "recall", "stock", "warning"]
