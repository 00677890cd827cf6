"""Plays the API's misbehaviour around every route of a blueprint."""

from collections.abc import Callable

from flask import Blueprint, Response

from sandbox.stage import Stage
from sandbox.wsgi import LATE_HEADER

PLATFORM_NAMES = {"wecom": "企业微信", "dingtalk": "钉钉"}


def misbehave(api: Blueprint, stage: Stage, platform: str, busy: Callable[[], Response]) -> None:
    """Answer 500 or a frequency error before any work, or late after the work was done."""
    faults, name = stage.faults, PLATFORM_NAMES[platform]

    @api.before_request
    def refuse() -> Response | None:
        if faults.fires(faults.server_error):
            stage.note(f"{name}接口按设定返回 HTTP 500")
            return Response("<html><body>Internal Server Error</body></html>", status=500)
        if faults.fires(faults.busy):
            stage.note(f"{name}接口按设定限流")
            return busy()
        return None

    @api.after_request
    def answer_late(response: Response) -> Response:
        if faults.fires(faults.late):
            stage.note(f"{name}接口按设定迟答 {faults.late_seconds:g} 秒")
            response.headers[LATE_HEADER] = str(faults.late_seconds)
            stage.pause(faults.late_seconds)
        return response
