"""Writes and reads the XML of WeCom callbacks."""

import re
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict

from sandbox.callbacks import BadAnswer

NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def write(fields: dict[str, Any]) -> str:
    """Write one `<xml>` document; a dict nests, a list repeats its element."""
    return _element("xml", fields)


def read(text: str) -> dict[str, Any]:
    """Read one `<xml>` document; raises `BadAnswer`."""
    try:
        root = xmltodict.parse(text, strip_whitespace=False)["xml"]
    except (ExpatError, ValueError, KeyError) as error:
        raise BadAnswer("不是 XML") from error
    if not isinstance(root, dict):
        raise BadAnswer("XML 是空的")
    return root


def _element(tag: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(tag, item) for item in value)
    return f"<{tag}>{_content(value)}</{tag}>"


def _content(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(_element(tag, item) for tag, item in value.items())
    if isinstance(value, int):
        return str(value)
    text = NOT_XML.sub("", str(value))
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
