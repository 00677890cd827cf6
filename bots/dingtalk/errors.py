"""What the error codes of DingTalk's two APIs mean for a letter: wait, or give up."""

from typing import Any

from bots.cut import cut_chars
from bots.http import Answer, redact, retry_after
from workflows.letters import Refused, SendError, TryLater

_STALE_TOKEN = frozenset({"40014", "42001", "40001", "33001", "InvalidAuthentication"})

# Code -> (seconds to wait, whether the whole channel waits). What is not here is refused.
_LATER: dict[str, tuple[float, bool]] = {
    **dict.fromkeys(("-1", "15", "34015", "88", "system.error"), (0, False)),
    **dict.fromkeys(("system.busy", "systemBusy", "serviceBusy"), (0, False)),
    **dict.fromkeys(("90018", "90002"), (1, True)),
    **dict.fromkeys(("send.too.fast", "send.toofast", "send.byToken.tooFast"), (5, True)),
    **dict.fromkeys(("too.many.group", "too.many.people"), (5, True)),
    **dict.fromkeys(("90001", "1111"), (300, True)),
    "45009": (300, True),
    # A group robot that spoke too often is silent for ten minutes.
    **dict.fromkeys(("410100", "130101", "130102", "130103"), (600, True)),
    # Settings that a person must put right; letters wait for it.
    **dict.fromkeys(("60011", "60020", "40089", "invalidClientIdOrSecret"), (600, True)),
    **dict.fromkeys(_STALE_TOKEN, (60, True)),
}

# Parts of the long names of the new API's throttles and permissions.
_LATER_PARTS: tuple[tuple[str, tuple[float, bool]], ...] = (
    ("QpsLimit", (1, True)),
    ("QpmLimit", (60, True)),
    ("AccessTokenPermissionDenied", (600, True)),
    ("IpNotInWhiteList", (600, True)),
    ("invalidParameter.robotCode", (600, True)),
)


def code_of(answer: Answer) -> str:
    """Return the platform's error code of an answer, "" when it succeeded.

    Old API: `errcode` (a number or a string, 88 hides the real one in `sub_code`); new API:
    `code` beside an HTTP status of 400 and more.
    """
    data = answer.json()
    if data is None:
        return f"http_{answer.status}"
    if "errcode" in data:
        code = str(data["errcode"])
        if code == "88":
            code = str(data.get("sub_code") or "88")
        return "" if code == "0" else code
    if data.get("status") == 1111:
        return "1111"
    return str(data.get("code") or f"http_{answer.status}") if answer.status >= 300 else ""


def has_stale_token(answer: Answer) -> bool:
    """Whether a fresh access token may help."""
    return code_of(answer) in _STALE_TOKEN or answer.status == 401


def checked(answer: Answer) -> dict[str, Any]:
    """Return the JSON of a call that succeeded. Raises TryLater or Refused otherwise."""
    data = answer.json()
    if data is None:
        raise _no_json(answer)
    if code := code_of(answer):
        message = str(data.get("errmsg") or data.get("message") or data.get("sub_msg") or "")
        raise failure(code, message, answer)
    return data


def failure(code: str, message: str, answer: Answer | None = None) -> SendError:
    """Return what an error code means; the platform's own words are kept for the operator."""
    sentence = f"钉钉答复：{cut_chars(redact(message), 200)}"
    if (rule := _rule(code)) is not None:
        return TryLater(code, sentence, after=rule[0], whole_channel=rule[1])
    # `param.*` is wrong input even where it comes with status 500.
    if answer is not None and answer.is_passing_failure and not code.startswith("param."):
        return TryLater(code, sentence, after=retry_after(answer))
    return Refused(code, sentence)


def _rule(code: str) -> tuple[float, bool] | None:
    if code in _LATER:
        return _LATER[code]
    return next((rule for part, rule in _LATER_PARTS if part in code), None)


def _no_json(answer: Answer) -> SendError:
    # The page of an address ban is HTML with a status of success.
    if answer.status < 500 and answer.status != 429:
        return TryLater("not_json", "钉钉没有按接口答复，可能封了本机地址", 300, whole_channel=True)
    return TryLater(f"http_{answer.status}", "钉钉暂时不可用", after=retry_after(answer))
