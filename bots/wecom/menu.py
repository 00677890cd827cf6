"""The menu under the app's chat. Keys come back as `Incoming.button` of kind `menu` or `scan`."""

from typing import Any

MY_TASKS = "my_tasks"
PROGRESS = "progress"
SCAN_RETURN = "scan_return"
HELP = "help"


def menu(store_url: str = "") -> list[dict[str, Any]]:
    """Return the three entries; `store_url` adds the mobile page to the first."""
    tasks: list[dict[str, Any]] = [
        {"type": "click", "name": "待办任务", "key": MY_TASKS},
        {"type": "click", "name": "办到哪一步", "key": PROGRESS},
    ]
    if store_url:
        tasks.append({"type": "view", "name": "打开网页", "url": store_url})
    return [
        {"name": "我的任务", "sub_button": tasks},
        {"type": "scancode_waitmsg", "name": "扫码退货", "key": SCAN_RETURN},
        {"type": "click", "name": "帮助", "key": HELP},
    ]
