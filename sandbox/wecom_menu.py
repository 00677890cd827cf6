"""What WeCom refuses about an app's menu."""

from typing import Any

from sandbox.cutting import is_url, size
from sandbox.wecom_errors import WeComError

KEYED = frozenset(
    {
        "click",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
    }
)


def check_menu(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the menu's entries when WeCom would take them; raises `WeComError`."""
    entries = body.get("button")
    if not isinstance(entries, list) or not 1 <= len(entries) <= 3:
        raise WeComError(40016, "invalid button count")
    for entry in entries:
        subs = entry.get("sub_button") or []
        if len(subs) > 5:
            raise WeComError(40023, "invalid sub button count")
        _check_name(entry, 16)
        for sub in subs:
            _check_name(sub, 40)
            _check_action(sub)
        if not subs:
            _check_action(entry)
    return entries


def _check_name(entry: dict[str, Any], limit: int) -> None:
    if not 0 < size(str(entry.get("name") or "")) <= limit:
        raise WeComError(40018, "invalid button name size")


def _check_action(entry: dict[str, Any]) -> None:
    kind = entry.get("type")
    if kind in KEYED:
        if not 0 < size(str(entry.get("key") or "")) <= 128:
            raise WeComError(40019, "invalid button key size")
    elif kind == "view":
        url = str(entry.get("url") or "")
        if not is_url(url) or size(url) > 1024:
            raise WeComError(40020, "invalid button url size")
    elif kind != "view_miniprogram":
        raise WeComError(40017, "invalid button type")
