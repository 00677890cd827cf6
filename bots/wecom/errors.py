"""What WeCom's error codes mean for a letter: wait, or give up."""

from collections.abc import Mapping
from typing import Any

import structlog

from bots.cut import cut_chars
from bots.http import Answer, redact, retry_after
from workflows.letters import Refused, SendError, TryLater

log = structlog.get_logger()

STALE_TOKEN = frozenset({40014, 41001, 42001})
# Code -> (seconds to wait, whether the whole channel waits). What is not here is refused.
_LATER: dict[int, tuple[float, bool]] = {
    **dict.fromkeys((-1, 6000, 45035, 301022, 301096, 2000111, 2000141), (0, False)),  # busy
    **dict.fromkeys((45033, 45036, 2010003), (5, False)),  # too many at once
    **dict.fromkeys((45009, *STALE_TOKEN), (60, True)),  # too often; the new token refused, too
    **dict.fromkeys((60020, 301042), (300, True)),  # our address is on no allow list
    # Settings: asking again at once with a wrong secret bans our address for an hour.
    **dict.fromkeys((40001, 40013, 40056, 40091, 45031, 50003, 60031, 301002), (600, True)),
    **dict.fromkeys(range(48001, 48007), (600, True)),
}


def error_code(data: Mapping[str, Any]) -> int:
    """Return `errcode`, 0 when absent; some answers write it as a string."""
    try:
        return int(data.get("errcode", 0))
    except (TypeError, ValueError):
        return -1


def data_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON of an answer whatever its errcode.

    Raises TryLater when the server is not well or answers with something else.
    """
    if answer.is_passing_failure:
        raise TryLater(f"http_{answer.status}", "企业微信暂时不可用", after=retry_after(answer))
    data = answer.json()
    if data is None:
        raise TryLater(f"http_{answer.status}", "企业微信的答复不是 JSON")
    return data


def checked(data: dict[str, Any]) -> dict[str, Any]:
    """Return `data` of a call that succeeded. Raises TryLater or Refused otherwise."""
    code = error_code(data)
    if code:
        raise failure(code, str(data.get("errmsg", "")))
    if "wrong json format" in str(data.get("errmsg", "")):
        log.error("wecom_body_partly_understood")
    return data


def failure(code: int, message: str) -> SendError:
    """Return what an error code means; the hint of the platform is kept for the operator."""
    sentence = f"企业微信答复：{cut_chars(redact(message), 200)}"
    if code not in _LATER:
        return Refused(str(code), sentence)
    after, whole_channel = _LATER[code]
    return TryLater(str(code), sentence, after=after, whole_channel=whole_channel)
