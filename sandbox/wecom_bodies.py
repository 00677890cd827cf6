"""The bodies of WeCom messages other than cards: limits, refusals and looks."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sandbox.bubbles import Face, button
from sandbox.cutting import cut, cut_bytes, size
from sandbox.memory import Media
from sandbox.stage import Stage
from sandbox.wecom_cards import check_card, check_url
from sandbox.wecom_errors import WeComError
from sandbox.wecom_faces import card_face

TEXT_BYTES = 2048
APP_MARKDOWN_BYTES = 2048
ROBOT_MARKDOWN_BYTES = 4096
ROBOT_IMAGE_BYTES = 2 * 1024 * 1024
MEDIA_DAYS = 3

Body = dict[str, Any]
Compose = Callable[[Stage, Body, str], Face]


def part(body: Body, name: str) -> Body:
    """Return the object of this message type; raises `WeComError`."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise WeComError(40058, f"{name} missing or not an object")
    return value


def fresh_media(stage: Stage, media_id: Any, scope: str = "") -> Media:
    """Return an upload not older than three days; raises `WeComError`."""
    with stage.lock:
        media = stage.library.get(str(media_id or ""))
    if media is None or media.platform != "wecom" or media.scope != scope:
        raise WeComError(40007, "invalid media_id")
    if media.at + timedelta(days=MEDIA_DAYS) <= stage.now():
        raise WeComError(40007, "invalid media_id, expired")
    return media


def text(stage: Stage, body: Body, scope: str) -> Face:
    """Text, cut at 2048 bytes."""
    del stage, scope
    content = part(body, "text").get("content")
    if not isinstance(content, str) or not content:
        raise WeComError(44004, "text content is empty")
    return Face(kind="text", body=cut_bytes(content, TEXT_BYTES))


def markdown(stage: Stage, body: Body, scope: str) -> Face:
    """Markdown; too long is refused."""
    del stage
    content = part(body, "markdown").get("content")
    return _markdown(content, scope)


def markdown_v2(stage: Stage, body: Body, scope: str) -> Face:
    """The newer markdown of group robots."""
    del stage
    return _markdown(part(body, "markdown_v2").get("content"), scope)


def _markdown(content: Any, scope: str) -> Face:
    if not isinstance(content, str) or not content:
        raise WeComError(44004, "markdown content is empty")
    if scope and size(content) > ROBOT_MARKDOWN_BYTES:
        raise WeComError(40058, f"markdown.content exceed max length {ROBOT_MARKDOWN_BYTES}")
    if not scope and size(content) > APP_MARKDOWN_BYTES:
        raise WeComError(45002, "content size out of limit")
    return Face(kind="markdown", body=content)


def textcard(stage: Stage, body: Body, scope: str) -> Face:
    """A text card with one link; title and description are cut."""
    del stage, scope
    card = part(body, "textcard")
    for name in ("title", "description"):
        if not card.get(name):
            raise WeComError(41016, f"textcard.{name} missing")
    check_url(card.get("url"))
    return Face(
        kind="card",
        title=cut(card["title"], 128),
        body=cut(card["description"], 512),
        link=card["url"],
        buttons=[button(cut(card.get("btntxt") or "详情", 4), url=card["url"], style="link")],
    )


def image(stage: Stage, body: Body, scope: str) -> Face:
    """A picture by media_id."""
    media = fresh_media(stage, part(body, "image").get("media_id"), scope)
    return Face(kind="image", title=media.name, media_id=media.id)


def robot_image(stage: Stage, body: Body, scope: str) -> Face:
    """A group robot's picture: Base64 with the MD5 of the raw bytes."""
    parts = part(body, "image")
    try:
        content = base64.b64decode(str(parts.get("base64", "")), validate=True)
    except binascii.Error as error:
        raise WeComError(40058, "image.base64 invalid") from error
    if len(content) > ROBOT_IMAGE_BYTES:
        raise WeComError(93018, "image size out of limit")
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != parts.get("md5"):
        raise WeComError(301019, "image md5 mismatch")
    with stage.lock:
        media = Media(digest, "wecom", "image", "图片.png", content, stage.now(), scope)
        stage.library.add(media)
    return Face(kind="image", media_id=media.id)


def file(stage: Stage, body: Body, scope: str) -> Face:
    """A file by media_id."""
    media = fresh_media(stage, part(body, "file").get("media_id"), scope)
    return Face(kind="file", title=media.name, media_id=media.id)


def voice(stage: Stage, body: Body, scope: str) -> Face:
    """A voice message by media_id."""
    media = fresh_media(stage, part(body, "voice").get("media_id"), scope)
    return Face(kind="file", title="语音", media_id=media.id)


def news(stage: Stage, body: Body, scope: str) -> Face:
    """One to eight linked articles."""
    del stage
    articles = part(body, "news").get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise WeComError(45008, "article count out of limit")
    if body.get("safe"):
        raise WeComError(40074, "news does not support safe")
    for article in articles:
        if not article.get("title"):
            raise WeComError(41016, "article title missing")
        if scope or article.get("url"):
            check_url(article.get("url"))
    first, rest = articles[0], articles[1:]
    return Face(
        kind="card",
        title=cut_bytes(first["title"], 128),
        body=cut_bytes(first.get("description") or "", 512),
        fields=[("", cut_bytes(article["title"], 128)) for article in rest],
        link=first.get("url", ""),
        media_id=first.get("picurl", ""),
    )


def template_card(stage: Stage, body: Body, scope: str) -> Face:
    """One of the five cards; files attached to it must exist."""
    card = check_card(body.get("template_card"))
    for row in card.get("horizontal_content_list", []):
        if row.get("type") == 2:
            fresh_media(stage, row["media_id"], scope)
    return card_face(card)


APP_BODIES: dict[str, Compose] = {
    "text": text,
    "markdown": markdown,
    "textcard": textcard,
    "image": image,
    "file": file,
    "voice": voice,
    "news": news,
    "template_card": template_card,
}
ROBOT_BODIES: dict[str, Compose] = {
    "text": text,
    "markdown": markdown,
    "markdown_v2": markdown_v2,
    "image": robot_image,
    "file": file,
    "voice": voice,
    "news": news,
    "template_card": template_card,
}
