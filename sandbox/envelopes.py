"""The AES envelope both platforms share, and their signatures.

Own code on `cryptography` rather than the two SDKs, so that the application, which uses the SDKs,
is tested against an independent second implementation.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32
"""PKCS#7 block size of both platforms; generic AES code would use 16."""


class BadEnvelope(ValueError):
    """Something encrypted does not verify, decrypt or belong to the expected owner."""


@dataclass(frozen=True)
class Envelope:
    """One token, one 43-character key, one owner (corpid, or the DingTalk ClientId)."""

    token: str
    aes_key: str
    owner: str

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """Return the lower-case hex SHA-1 over the four sorted strings."""
        parts = sorted([self.token, timestamp, nonce, encrypted])
        return hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()

    def seal(self, text: str) -> str:
        """Encrypt a text to Base64."""
        message = text.encode()
        plain = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message
        plain += self.owner.encode()
        pad = BLOCK - len(plain) % BLOCK
        encryptor = self._cipher().encryptor()
        sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def open(self, encrypted: str, signature: str, timestamp: str, nonce: str) -> str:
        """Verify and decrypt; raises `BadEnvelope`."""
        if not hmac.compare_digest(self.sign(timestamp, nonce, encrypted), signature):
            raise BadEnvelope("signature mismatch")
        try:
            decryptor = self._cipher().decryptor()
            plain = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
            return self._unpack(plain)
        except (ValueError, struct.error) as error:
            raise BadEnvelope(str(error)) from error

    def _unpack(self, plain: bytes) -> str:
        if not plain or not 1 <= plain[-1] <= BLOCK:
            raise BadEnvelope("bad padding")
        content = plain[16 : -plain[-1]]
        (length,) = struct.unpack(">I", content[:4])
        if content[4 + length :].decode() != self.owner:
            raise BadEnvelope("owner mismatch")
        return content[4 : 4 + length].decode()

    def _cipher(self) -> Cipher[modes.CBC]:
        key = base64.b64decode(self.aes_key + "=")
        return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def hmac_base64(secret: str, message: str) -> str:
    """Return base64(HMAC-SHA256), the form of all DingTalk signatures."""
    digest = hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
