"""What the encrypted callbacks of both platforms share: signature, key, and one way to be bad."""

import base64
import binascii
import hashlib
import hmac

MAX_BODY = 1024 * 1024


class BadCallback(Exception):
    """A request that is not an honest, well-formed callback; answer 403 and log `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def aes_key(encoded: str) -> bytes:
    """Return the 32-byte key behind the 43 characters of the console.

    Raises ValueError when it is no such key, so that a wrong setting is found at start.
    """
    try:
        key = base64.b64decode(encoded + "=", validate=True)
    except binascii.Error as error:
        raise ValueError("the AES key is not Base64") from error
    if len(key) != 32:
        raise ValueError("the AES key must have 43 characters")
    return key


def signature_of(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """Return the SHA-1 both platforms put beside an encrypted callback."""
    joined = "".join(sorted((token, timestamp, nonce, encrypted)))
    return hashlib.sha1(joined.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def check_size(body: bytes) -> None:
    """Raise BadCallback when the body is larger than any callback can be (1 MB)."""
    if len(body) > MAX_BODY:
        raise BadCallback("body too large")
