"""Encrypted event subscription of DingTalk: checked, decrypted, acknowledged."""

import binascii
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dingtalk.core.exceptions import InvalidCorpIdOrSuiteKeyException
from dingtalk.crypto import PrpCrypto

from bots.envelope import BadCallback, aes_key, check_size, same, signature_of

_GARBAGE = (ValueError, LookupError, TypeError, struct.error, binascii.Error, RecursionError)


@dataclass(frozen=True)
class DingtalkEvent:
    """One pushed event. `kind` is its lower-cased EventType, `key` recognises a redelivery."""

    kind: str
    key: str
    at: datetime
    corp_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def is_check(self) -> bool:
        """Whether this is only the test push when the address is saved."""
        return self.kind == "check_url"


class DingtalkEvents:
    """The receiving side of the console's event subscription of one internal app."""

    def __init__(self, token: str, aes_key_text: str, client_id: str) -> None:
        """Prepare the cipher once. Raises ValueError when the key is no AES key.

        The owner inside console pushes is the ClientId, not the corp id.
        """
        self._token = token
        self._client_id = client_id
        self._cipher = PrpCrypto(aes_key(aes_key_text))

    def open_event(self, args: Mapping[str, str], body: bytes, now: datetime) -> DingtalkEvent:
        """Return the event of one push. Raises BadCallback for anything not honest."""
        check_size(body)
        plain = self.decrypted(args, _encrypted(body))
        return parse_event(read_json(plain.encode("utf-8", "replace")), now)

    def decrypted(self, args: Mapping[str, str], encrypted: str) -> str:
        """Return the plain text behind `encrypted`. Raises BadCallback."""
        timestamp = args.get("timestamp") or args.get("timeStamp", "")
        expected = signature_of(self._token, timestamp, args.get("nonce", ""), encrypted)
        if not same(expected, args.get("msg_signature") or args.get("signature", "")):
            raise BadCallback("wrong signature")
        try:
            return str(self._cipher.decrypt(encrypted, self._client_id))
        except InvalidCorpIdOrSuiteKeyException:
            raise BadCallback("encrypted for another app") from None
        except _GARBAGE as error:
            raise BadCallback(f"cannot decrypt: {type(error).__name__}") from None

    def reply_success(self, nonce: str, now: datetime) -> dict[str, str]:
        """Return the four encrypted fields every push must be answered with."""
        timestamp = str(int(now.timestamp() * 1000))
        encrypted = self._cipher.encrypt("success", self._client_id).decode()
        return {
            "msg_signature": signature_of(self._token, timestamp, nonce, encrypted),
            "timeStamp": timestamp,
            "nonce": nonce,
            "encrypt": encrypted,
        }


def parse_event(data: Mapping[str, Any], now: datetime) -> DingtalkEvent:
    """Return the event in `data`, whose envelope comes in more than one spelling."""
    envelope = {name.lower(): value for name, value in data.items()}
    key = scalar(envelope.get("eventid")) or _digest(data)
    return DingtalkEvent(
        kind=scalar(envelope.get("eventtype")).lower(),
        key=f"dingtalk|event|{key[:200]}",
        at=at_millis(envelope.get("eventtime") or envelope.get("timestamp"), now),
        corp_id=scalar(envelope.get("corpid")),
        data=dict(data),
    )


def read_json(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`. Raises BadCallback when it is none."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadCallback("not the JSON expected") from None
    if not isinstance(found, dict):
        raise BadCallback("not a JSON object")
    return found


def scalar(value: object) -> str:
    """Return a word, number or truth value as text, "" for anything else."""
    return str(value) if isinstance(value, str | int | float) else ""


def at_millis(value: object, now: datetime) -> datetime:
    """Return the moment of a millisecond number or string, never later than `now`."""
    try:
        moment = datetime.fromtimestamp(int(scalar(value)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return min(moment, now)


def _encrypted(body: bytes) -> str:
    encrypted = read_json(body).get("encrypt")
    if not isinstance(encrypted, str) or not encrypted:
        raise BadCallback("nothing encrypted")
    return encrypted


def _digest(data: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(data, sort_keys=True, default=str)
    except RecursionError:
        raise BadCallback("nested too deeply") from None
    return hashlib.sha256(text.encode()).hexdigest()
