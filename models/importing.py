"""What was imported, by whom and with what outcome."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ImportRun(Base):
    """One file that was read into the database. The same file again is known by its hash."""

    __tablename__ = "import_run"
    __table_args__ = (Index(None, "kind", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    sha256: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    actor: Mapped[str]
    accepted: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]
    rejected: Mapped[int]
