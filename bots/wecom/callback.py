"""What WeCom sends us: checked, decrypted and turned into an `Incoming`; and the instant answer."""

import binascii
import hashlib
import re
import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from wechatpy.enterprise.crypto import PrpCrypto
from wechatpy.enterprise.exceptions import InvalidCorpIdException

from bots.cut import cut_bytes
from bots.envelope import BadCallback, aes_key, check_size, same, signature_of
from bots.messages import Incoming
from bots.wecom.events import DIGEST, incoming_of, word

__all__ = ["BadCallback", "WecomCallback"]

TEXT_BYTES = 2048

# One option parses to a word, several to a list, unless these are always lists.
_LISTS = ("SelectedItem", "OptionId")

# The only events WeCom takes a passive answer for; ordinary messages always may have one.
_ANSWERABLE = {
    "subscribe",
    "enter_agent",
    "location",
    "click",
    "view",
    "view_miniprogram",
    "scancode_waitmsg",
    "template_card_menu_event",
}

# Everything that goes wrong on garbage in the XML parser, the cipher and its unpacking.
_GARBAGE = (
    ExpatError,
    ValueError,
    LookupError,
    TypeError,
    struct.error,
    binascii.Error,
    RecursionError,
    InvalidCorpIdException,
)

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class WecomCallback:
    """The receiving side of one self-built app."""

    def __init__(self, token: str, encoding_aes_key: str, corp_id: str, agent_id: int) -> None:
        """Prepare the cipher once. Raises ValueError when the key is no EncodingAESKey."""
        self._token = token
        self._corp_id = corp_id
        self._agent_id = str(agent_id)
        self._cipher = PrpCrypto(aes_key(encoding_aes_key))

    def verify_url(self, args: Mapping[str, str]) -> str:
        """Return the plain text WeCom wants to see when the address is saved.

        Raises BadCallback for a wrong signature or anything malformed.
        """
        # A proxy that decodes twice leaves blanks, and Base64 has none.
        return self._decrypted(args, args.get("echostr", "").replace(" ", "+"))

    def open_envelope(self, args: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Return the inner XML of a POST as a dictionary, with the hash of its plain text.

        Raises BadCallback for a wrong signature, another company or app, or anything malformed.
        """
        check_size(body)
        outer = _parsed(body)
        plain = self._decrypted(args, word(outer, "Encrypt"))
        inner = _parsed(plain.encode("utf-8", "replace"))
        self._check_addressee(outer, inner)
        inner[DIGEST] = hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
        return inner

    def parse(self, inner: Mapping[str, Any], now: datetime) -> Incoming:
        """Return what happened, free of platform names; unknown kinds become `other`."""
        return incoming_of(inner, now)

    def may_reply(self, inner: Mapping[str, Any]) -> bool:
        """Return whether WeCom shows a passive reply to this message or event."""
        event = word(inner, "Event").lower()
        return not event or event in _ANSWERABLE

    def passive_reply(self, inner: Mapping[str, Any], text: str, nonce: str, now: datetime) -> bytes:
        """Return the encrypted envelope of a text answer of at most 2048 bytes."""
        timestamp = str(int(now.timestamp()))
        content = cut_bytes(_NOT_XML.sub("", text), TEXT_BYTES)
        plain = (
            f"<xml><ToUserName>{_cdata(word(inner, 'FromUserName'))}</ToUserName>"
            f"<FromUserName>{_cdata(self._corp_id)}</FromUserName>"
            f"<CreateTime>{timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content>{_cdata(content)}</Content></xml>"
        )
        encrypted = self._cipher.encrypt(plain, self._corp_id).decode()
        signature = signature_of(self._token, timestamp, nonce, encrypted)
        return (
            f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{signature}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce>{_cdata(nonce)}</Nonce></xml>"
        ).encode()

    def _decrypted(self, args: Mapping[str, str], encrypted: str) -> str:
        if not encrypted:
            raise BadCallback("nothing encrypted")
        timestamp, nonce = args.get("timestamp", ""), args.get("nonce", "")
        expected = signature_of(self._token, timestamp, nonce, encrypted)
        if not same(expected, args.get("msg_signature", "")):
            raise BadCallback("wrong signature")
        try:
            return str(self._cipher.decrypt(encrypted, self._corp_id))
        except InvalidCorpIdException:
            raise BadCallback("encrypted for another company") from None
        except _GARBAGE as error:
            raise BadCallback(f"cannot decrypt: {type(error).__name__}") from None

    def _check_addressee(self, outer: Mapping[str, Any], inner: Mapping[str, Any]) -> None:
        # Directory events belong to no app and carry no AgentID.
        for document in (outer, inner):
            if word(document, "ToUserName") not in {"", self._corp_id}:
                raise BadCallback("addressed to another company")
            if word(document, "AgentID") not in {"", self._agent_id}:
                raise BadCallback("addressed to another app")


def _parsed(xml: bytes) -> dict[str, Any]:
    try:
        document = xmltodict.parse(xml, xml_attribs=False, strip_whitespace=False, force_list=_LISTS)["xml"]
    except _GARBAGE as error:
        raise BadCallback(f"not the XML expected: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise BadCallback("empty XML")
    return document


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
