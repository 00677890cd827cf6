"""Who and what exists in the sandbox: the accounts, the people, the groups and the limits."""

from dataclasses import dataclass


class CannotAct(Exception):
    """A person tried what a real phone does not offer; `str()` is a Chinese sentence for them."""


@dataclass(frozen=True)
class Credentials:
    """Both platforms' secrets, equal to what the application under test is configured with."""

    wecom_corp_id: str
    wecom_agent_id: int
    wecom_secret: str
    wecom_token: str
    wecom_encoding_aes_key: str
    dingtalk_corp_id: str
    dingtalk_client_id: str
    dingtalk_client_secret: str
    dingtalk_robot_code: str
    dingtalk_event_token: str
    dingtalk_event_aes_key: str
    dingtalk_card_template_id: str = ""
    dingtalk_card_secret: str = ""


@dataclass(frozen=True)
class Persona:
    """One phone: `label` is the person's role in Chinese, `platform` wecom or dingtalk.

    With `plain_wechat` the person reads WeCom through the WeChat plug-in, which shows neither
    markdown nor template cards.
    """

    name: str
    label: str
    platform: str
    user_id: str
    plain_wechat: bool = False


@dataclass(frozen=True)
class GroupChat:
    """One group with its robots.

    `robot_key` is the WeCom webhook key or the DingTalk custom robot's access_token,
    `robot_secret` its signing secret (DingTalk, `SEC...`), `conversation_id` the
    openConversationId when the app's own robot sits in the group too.
    """

    name: str
    platform: str
    robot_key: str
    robot_secret: str = ""
    conversation_id: str = ""


@dataclass(frozen=True)
class Limits:
    """The platforms' published limits: messages per window, requests per second, bytes."""

    wecom_member_minute: int = 30
    wecom_member_hour: int = 1000
    robot_minute: int = 20
    dingtalk_qps: int = 20
    work_notices_per_day: int = 500
    card_value_bytes: int = 1024


def same_user(platform: str, left: str, right: str) -> bool:
    """Tell whether two ids name one person; WeCom ignores case, DingTalk does not."""
    return chat_key(platform, left) == chat_key(platform, right)


def chat_key(platform: str, user_id: str) -> str:
    """Return the spelling under which a person's chat is kept."""
    return user_id.lower() if platform == "wecom" else user_id
