"""Channel `dingtalk:robot:<group>`: one-way notices into a group by a custom robot's webhook."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bots.dingtalk import cards
from bots.dingtalk.callback import hmac_base64
from bots.dingtalk.client import DingtalkClient
from bots.dingtalk.errors import checked
from bots.http import Http, Request
from texts.message import Message
from workflows.letters import Letter, Receipt, Refused


@dataclass(frozen=True)
class CustomRobot:
    """A group's webhook: its access token and, where signing is on, its `SEC…` secret."""

    token: str = field(repr=False)
    secret: str = field(default="", repr=False)


class DingtalkRobotSender:
    """Posts to custom robots; nothing can be repainted, so an update is news.

    `client` uploads pictures; without it only pictures with a public address are shown.
    """

    def __init__(
        self,
        robots: Mapping[str, CustomRobot],
        http: Http,
        oapi_base: str,
        clock: Callable[[], datetime],
        client: DingtalkClient | None = None,
    ) -> None:
        self._robots = dict(robots)
        self._http = http
        self._base = oapi_base.rstrip("/")
        self._clock = clock
        self._client = client

    def send(self, letter: Letter) -> Receipt:
        """Post the letter; its key makes a repeat harmless. Raises TryLater or Refused."""
        group = letter.channel.removeprefix("dingtalk:robot:")
        robot = self._robots.get(group)
        if robot is None:
            raise Refused("no_group", f"没有配置群机器人：{group}")
        checked(self._http.call(self._request(robot, letter)))
        return Receipt()

    def _request(self, robot: CustomRobot, letter: Letter) -> Request:
        message = _with_files_named(letter.message)
        body: dict[str, Any] = {
            **cards.webhook_body(message, self._picture(message)),
            "msgUuid": letter.key,
        }
        return Request("POST", f"{self._base}/robot/send", params=self._signed(robot), body=body)

    def _signed(self, robot: CustomRobot) -> dict[str, str]:
        if not robot.secret:
            return {"access_token": robot.token}
        timestamp = str(int(self._clock().timestamp() * 1000))
        sign = hmac_base64(robot.secret, f"{timestamp}\n{robot.secret}")
        return {"access_token": robot.token, "timestamp": timestamp, "sign": sign}

    def _picture(self, message: Message) -> str:
        if not message.image or message.image.startswith(("http://", "https://")):
            return message.image
        return self._client.media_upload(message.image, "image") if self._client else ""


def _with_files_named(message: Message) -> Message:
    if not message.files:
        return message
    # A custom robot carries no files.
    hint = f"另有附件 {len(message.files)} 份，请在系统中查看。"
    return replace(message, body=f"{message.words}\n\n{hint}".strip(), how="")
