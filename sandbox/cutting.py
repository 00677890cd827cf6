"""Cutting and measuring texts the way the platforms do."""


def size(text: str) -> int:
    """Return the length in bytes of UTF-8."""
    return len(text.encode())


def cut_bytes(text: str, limit: int) -> str:
    """Cut to at most `limit` bytes without splitting a character."""
    return text.encode()[:limit].decode(errors="ignore")


def cut(text: str, limit: int) -> str:
    """Cut to `limit` characters as a client does, with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def is_url(text: str) -> bool:
    """Tell whether the text is a web address with its scheme."""
    return text.startswith(("http://", "https://"))
