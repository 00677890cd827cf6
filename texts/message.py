"""What is said to a person, before any platform gives it a shape."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Style = Literal["plain", "primary", "danger"]


@dataclass(frozen=True)
class Button:
    """One thing a person can press.

    `key` is `flow:object id:event:version` for a press that comes back to us, or empty when
    `url` opens a page instead.
    """

    label: str
    key: str = ""
    url: str = ""
    style: Style = "plain"


@dataclass(frozen=True)
class Choice:
    """One question with one to ten answers to pick from: (id, words)."""

    key: str
    title: str
    options: list[tuple[str, str]]


@dataclass(frozen=True)
class Message:
    """A platform-free message: adapters turn it into WeCom and DingTalk fields.

    `how` says what to press or to reply; it goes once somebody has decided. `fields` are short (label, value) rows; `link` is the page behind the whole card; `files` are
    paths of documents sent along, `image` the path of one picture. `status` replaces the buttons
    once somebody has decided ("已由 王芳 同意"). With `choices` the first button submits what was picked.
    """

    title: str
    body: str = ""
    how: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    link: str = ""
    status: str = ""
    image: str = ""
    files: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Body and instructions together, for shapes that have one place for both."""
        return "\n".join(part for part in (self.body, self.how) if part)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready data for the outbox row."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Message":
        """Rebuild the message stored in an outbox row."""
        return cls(
            title=data["title"],
            body=data.get("body", ""),
            how=data.get("how", ""),
            fields=[(label, value) for label, value in data.get("fields", [])],
            buttons=[Button(**button) for button in data.get("buttons", [])],
            link=data.get("link", ""),
            status=data.get("status", ""),
            image=data.get("image", ""),
            files=list(data.get("files", [])),
            choices=[_choice(choice) for choice in data.get("choices", [])],
        )


def _choice(data: dict[str, Any]) -> Choice:
    return Choice(data["key"], data["title"], [(option, words) for option, words in data["options"]])
