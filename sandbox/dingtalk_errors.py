"""DingTalk's refusals, in the shapes of its two generations of interfaces."""


class DingTalkError(Exception):
    """New interface: an HTTP status and `{"code", "requestid", "message"}`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status


def bad_shape(message: str) -> DingTalkError:
    """Return the refusal of a body of the wrong shape."""
    return DingTalkError("InvalidParameter", message)


def bad_old_shape(message: str) -> "OapiError":
    """Return the old interface's refusal of a body of the wrong shape."""
    return OapiError(40035, message)


class OapiError(Exception):
    """Old interface: HTTP 200 with `errcode` and `errmsg`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
