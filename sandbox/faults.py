"""Misbehaviour on demand: each switch fires for the next N calls or by chance."""

from dataclasses import dataclass, field
from random import Random
from threading import Lock


@dataclass
class Switch:
    """Fires for the `next` N occasions, then with probability `chance`."""

    label: str
    next: int = 0
    chance: float = 0.0


@dataclass
class Faults:
    """All switches of both platforms.

    A late answer is given after the work was done, so the caller cannot know; a server error is
    given before any work. `late_seconds` and `slow_seconds` are real seconds.
    """

    seed: int = 0
    late_seconds: float = 12.0
    slow_seconds: float = 3.0
    late: Switch = field(default_factory=lambda: Switch("接口超时（做完才迟迟回答）"))
    server_error: Switch = field(default_factory=lambda: Switch("接口返回 HTTP 500"))
    token_expired: Switch = field(default_factory=lambda: Switch("令牌提前失效"))
    busy: Switch = field(default_factory=lambda: Switch("接口限流（45009 / QPS）"))
    duplicated: Switch = field(default_factory=lambda: Switch("回调重复投递"))
    reordered: Switch = field(default_factory=lambda: Switch("回调乱序（扣住一条，排到下一条之后）"))
    slow: Switch = field(default_factory=lambda: Switch("回调迟到"))
    lost: Switch = field(default_factory=lambda: Switch("回调丢失"))
    dropped: Switch = field(default_factory=lambda: Switch("消息静默丢弃（回答成功但没送到）"))

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - repeatable misbehaviour, no secret
        self._lock = Lock()

    @property
    def switches(self) -> dict[str, Switch]:
        """Every switch by name, in the order the page shows them."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Switch)}

    def fires(self, switch: Switch) -> bool:
        """Tell whether the switch strikes now, and count it."""
        with self._lock:
            if switch.next > 0:
                switch.next -= 1
                return True
            return switch.chance > 0 and self._random.random() < switch.chance

    def calm(self) -> None:
        """Turn every switch off."""
        with self._lock:
            for switch in self.switches.values():
                switch.next, switch.chance = 0, 0.0
