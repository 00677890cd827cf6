"""WeCom's refusals."""


class WeComError(Exception):
    """Answered as HTTP 200 with `errcode` and `errmsg`; more fields by keyword."""

    def __init__(self, code: int, hint: str, **more: object) -> None:
        super().__init__(f"{code} {hint}")
        self.code = code
        self.hint = hint
        self.more = more


def bad_shape(hint: str) -> WeComError:
    """Return the catch-all refusal of invalid parameters."""
    return WeComError(40058, hint)
