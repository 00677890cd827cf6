"""What the WeCom adapter must know about its own app."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class WecomSettings:
    """One self-built app of one company; `api_base` ends before `/cgi-bin`."""

    corp_id: str
    agent_id: int
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    api_base: str = "https://qyapi.weixin.qq.com"
