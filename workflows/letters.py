"""The port every outgoing channel fills; the outbox knows nothing else of a platform."""

from dataclasses import dataclass
from typing import Protocol

from texts.message import Message


@dataclass(frozen=True)
class Letter:
    """One outbox row on its way out.

    `channel` is `wecom:app`, `wecom:robot:<group name>`, `dingtalk:app` (cards and robot messages to
    a person), `dingtalk:group:<group name>` (the app's robot or card in a group) or
    `dingtalk:robot:<group name>` (a custom group robot). `recipient` is a platform user id, or the
    group's id. `kind` is `send` or `update`; `card_ref` is our own id of the card (WeCom task_id,
    DingTalk outTrackId), equal on every retry. `response_code` is WeCom's single-use code.
    """

    key: str
    channel: str
    recipient: str
    kind: str
    message: Message
    card_ref: str = ""
    response_code: str = ""
    attempt: int = 1


@dataclass(frozen=True)
class Receipt:
    """What the platform said: its message id and, for WeCom cards, the next response_code.

    `messages` is how many messages people got, `calls` how many requests that took: both are rationed.
    """

    platform_ref: str = ""
    response_code: str = ""
    messages: int = 1
    calls: int = 1


class Sender(Protocol):
    """Sends one letter or raises `TryLater` or `Refused`; never loops, always with time-outs."""

    def send(self, letter: Letter) -> Receipt: ...


class SendError(Exception):
    """A letter did not go out. `code` is the platform's own, for the log and the desk."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


class TryLater(SendError):
    """A passing failure; `after` seconds at the earliest, and the whole channel waits if `whole_channel`."""

    def __init__(self, code: str, sentence: str, after: float = 0.0, *, whole_channel: bool = False) -> None:
        super().__init__(code, sentence)
        self.after = after
        self.whole_channel = whole_channel


class Refused(SendError):
    """The platform will never take this letter: it goes to the dead letters at once."""
