"""Warning rules as they once stood, so that an old warning is explained by the rule that made it."""

from datetime import date
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class RuleText(Base):
    """One version of one rule; `content` is the whole rule as plain data. Never changed, never removed."""

    __tablename__ = "rule_text"

    version: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str]
    content: Mapped[dict[str, Any]]
    kept_on: Mapped[date]
