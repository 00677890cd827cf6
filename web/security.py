"""Headers every page carries, and how large a request may be."""

from flask import Flask, Request, Response, request

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
}
#: Bytes a request may have: photos alone may be large, two signatures come as data URLs.
KIB = 1024
ORDINARY_LIMIT = 256 * KIB
PHOTO_LIMIT = 3 * 1024 * KIB
SIGNATURES_LIMIT = 600 * KIB
IMPORT_LIMIT = 20 * 1024 * KIB
LIMITS = {
    "upload": IMPORT_LIMIT,
    "photo": PHOTO_LIMIT + 64 * KIB,
    "sign": SIGNATURES_LIMIT,
    "receive": SIGNATURES_LIMIT,
    "inspect": SIGNATURES_LIMIT,
}


def protect(response: Response) -> Response:
    """Add the headers. Pages are never kept by a browser or a proxy unless they said so themselves."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def limit_body() -> None:
    """Refuse oversized bodies before they are read; run before each request of a blueprint."""
    set_limit(request, (request.view_args or {}).get("verb", ""))


def set_limit(incoming: Request, verb: str) -> None:
    """Set how many bytes this request may send, by what it wants to do."""
    limit = LIMITS.get(verb, ORDINARY_LIMIT)
    incoming.max_content_length = limit
    incoming.max_form_memory_size = limit


def cookie_is_secure(public_url: str) -> bool:
    """Whether cookies may only travel over TLS: everywhere but on a plain local address."""
    return public_url.startswith("https://")


def install(app: Flask) -> None:
    """Let static files be kept by browsers for a day; their headers come from Flask itself."""
    app.config.setdefault("SEND_FILE_MAX_AGE_DEFAULT", 24 * 60 * 60)
