"""The WeCom group robot: no token, one key per group, twenty messages a minute."""

from typing import Any

from sandbox.people import GroupChat
from sandbox.shapes import well_shaped
from sandbox.stage import BOT, Stage
from sandbox.wecom_bodies import ROBOT_BODIES
from sandbox.wecom_cards import needs_response_code
from sandbox.wecom_errors import WeComError, bad_shape


def group_of(stage: Stage, key: str) -> GroupChat:
    """Return the group a webhook key belongs to; raises `WeComError`."""
    group = stage.group_where(platform="wecom", robot_key=key)
    if group is None:
        raise WeComError(93000, "invalid webhook url")
    return group


def send(stage: Stage, key: str, body: dict[str, Any]) -> None:
    """Show one message in the group; raises `WeComError`."""
    group = group_of(stage, key)
    if not body:
        raise WeComError(93017, "empty body")
    compose = ROBOT_BODIES.get(str(body.get("msgtype")))
    if compose is None:
        raise WeComError(40008, "invalid message type")
    with well_shaped(bad_shape):
        face = compose(stage, body, key)
        _check_card(body.get("template_card"))
    with stage.lock:
        window = [(stage.limits.robot_minute, 60.0)]
        allowed = stage.windows.allow(f"wecom robot {key}", window, stage.now())
    if not allowed:
        raise WeComError(45009, "api freq out of limit")
    if stage.faults.fires(stage.faults.dropped):
        stage.drop("wecom", group.name, "沙盒按设定丢弃", face)
        return
    stage.show(stage.bubble("wecom", group.name, BOT, face, in_group=True))


def _check_card(card: dict[str, Any] | None) -> None:
    if card is None:
        return
    if card["card_type"] not in ("text_notice", "news_notice") or needs_response_code(card):
        raise WeComError(40058, "group robots send text_notice and news_notice only")
    if not isinstance(card.get("main_title"), dict):
        raise WeComError(40058, "main_title missing")
    if card["card_type"] == "news_notice" and not card.get("card_image"):
        raise WeComError(40058, "card_image missing")
