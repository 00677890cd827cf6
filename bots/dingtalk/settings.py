"""What the DingTalk adapter must know about its own app."""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DingtalkSettings:
    """One internal app of one organisation.

    `api_base` ends before `/v1.0`, `oapi_base` before `/topapi` and `/media`; `public_url` is
    where DingTalk reaches us. Without `card_template_id` messages with link buttons are sent.
    """

    corp_id: str
    client_id: str
    client_secret: str = field(repr=False)
    robot_code: str
    agent_id: str
    event_token: str = field(repr=False)
    event_aes_key: str = field(repr=False)
    card_template_id: str
    card_secret: str = field(repr=False)
    api_base: str = "https://api.dingtalk.com"
    oapi_base: str = "https://oapi.dingtalk.com"
    public_url: str = ""

    @property
    def card_callback_url(self) -> str:
        """Where card presses are sent to."""
        return f"{self.public_url.rstrip('/')}/dingtalk/cards"

    @property
    def card_route_key(self) -> str:
        """The name this installation's card address is registered under.

        It depends on the address, so that a test and a production installation of one app
        do not take each other's presses.
        """
        return "jiuhui-" + hashlib.sha256(self.card_callback_url.encode()).hexdigest()[:12]
