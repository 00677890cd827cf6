"""Shortening words to a platform's limits without breaking a character."""

DOTS = "…"


def cut_chars(text: str, limit: int) -> str:
    """Return `text` with at most `limit` characters, ending in an ellipsis when shortened."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rstrip() + DOTS


def cut_bytes(text: str, limit: int) -> str:
    """Return `text` within `limit` bytes of UTF-8, ending in an ellipsis when shortened."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode("utf-8")
    room = limit - len(DOTS.encode())
    return raw[:room].decode("utf-8", "ignore").rstrip() + DOTS


def split_bytes(text: str, limit: int) -> list[str]:
    """Split `text` into pieces of at most `limit` bytes of UTF-8, at line ends where possible."""
    pieces: list[str] = []
    piece = ""
    for line in _short_lines(text, limit):
        if piece and len((piece + line).encode()) > limit:
            pieces.append(piece.rstrip("\n"))
            piece = ""
        piece += line
    pieces.append(piece.rstrip("\n"))
    return [one for one in pieces if one] or [""]


def _short_lines(text: str, limit: int) -> list[str]:
    lines: list[str] = []
    for line in text.encode("utf-8", "replace").decode("utf-8").splitlines(keepends=True):
        rest = line
        while len(rest.encode()) > limit:
            head = rest.encode()[:limit].decode("utf-8", "ignore")
            lines.append(head)
            rest = rest[len(head) :]
        lines.append(rest)
    return lines
