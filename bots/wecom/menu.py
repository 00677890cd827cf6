"""The menu under the app's chat. Keys come back as `Incoming.button` of kind `menu` or `scan`."""

from typing import Any

MY_TASKS = "my_tasks"
MY_STORE = "my_store"
SCAN_RETURN = "scan_return"
SCAN_CHECK = "scan_check"
HELP = "help"


def menu(store_url: str = "") -> list[dict[str, Any]]:
    """Return the three entries; `store_url` adds the mobile page to the first."""
    tasks: list[dict[str, Any]] = [
        {"type": "click", "name": "待办任务", "key": MY_TASKS},
        {"type": "click", "name": "本店库存", "key": MY_STORE},
    ]
    if store_url:
        tasks.append({"type": "view", "name": "打开网页", "url": store_url})
    return [
        {"name": "我的任务", "sub_button": tasks},
        {
            "name": "扫码",
            "sub_button": [
                {"type": "scancode_waitmsg", "name": "扫码退货", "key": SCAN_RETURN},
                {"type": "scancode_waitmsg", "name": "扫码查货", "key": SCAN_CHECK},
            ],
        },
        {"type": "click", "name": "帮助", "key": HELP},
    ]
