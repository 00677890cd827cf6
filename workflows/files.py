"""Bytes kept once, by their hash: photos and signatures."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.engine import StoredFile
from workflows.refusals import InvalidInput

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
LARGEST_SIGNATURE = 200_000  # bytes
LARGEST_PHOTO = 3_000_000  # bytes
UPLOAD = "application/x-import"  # a file that waits to be imported
UPLOADS_WAIT = timedelta(hours=2)


def keep(session: Session, content: bytes, content_type: str, now: datetime) -> str:
    """Store the bytes unless they are there already; return their SHA-256."""
    sha256 = hashlib.sha256(content).hexdigest()
    if session.get(StoredFile, sha256) is None:
        session.add(StoredFile(sha256=sha256, content_type=content_type, content=content, stored_at=now))
        session.flush()
    return sha256


def keep_picture(session: Session, png: object, now: datetime) -> str:
    """Store a signature; raises InvalidInput when it is none."""
    if not isinstance(png, bytes) or not png.startswith(PNG) or len(png) > LARGEST_SIGNATURE:
        raise InvalidInput("签名没有收到，请重新签一次。")
    return keep(session, png, "image/png", now)


def keep_photo(session: Session, content: bytes, now: datetime) -> str:
    """Store a photo; raises InvalidInput for anything but JPEG and PNG up to 3 MB."""
    kinds = {PNG: "image/png", JPEG: "image/jpeg"}
    kind = next((kinds[magic] for magic in kinds if content.startswith(magic)), "")
    if not kind or len(content) > LARGEST_PHOTO:
        raise InvalidInput("照片只收 JPG 或 PNG，每张不超过 3 MB。")
    return keep(session, content, kind, now)


def load(session: Session, sha256: str | None) -> bytes:
    """The bytes behind a hash; nothing for none."""
    stored = session.get(StoredFile, sha256) if sha256 else None
    return stored.content if stored else b""


def drop(session: Session, sha256: str) -> bool:
    """Forget an upload that waited to be imported; False when it was gone already."""
    gone = delete(StoredFile).where(StoredFile.sha256 == sha256, StoredFile.content_type == UPLOAD)
    return bool(session.scalars(gone.returning(StoredFile.sha256)).all())


def drop_old_uploads(session: Session, now: datetime) -> None:
    """Forget uploads nobody imported."""
    old = StoredFile.stored_at < now - UPLOADS_WAIT
    session.execute(delete(StoredFile).where(StoredFile.content_type == UPLOAD, old))
