"""The calls of DingTalk's new and old API that the app needs, each with one token refresh."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog

from bots.dingtalk.errors import checked, failure, has_stale_token
from bots.dingtalk.settings import DingtalkSettings
from bots.http import Answer, Http, Request, dumps, needed
from bots.tokens import TokenStore
from bots.uploads import Uploads, file_part
from workflows.letters import Refused, TryLater

log = structlog.get_logger()

MAX_UPLOAD = {"image": 20_000_000, "voice": 2_000_000, "video": 20_000_000, "file": 20_000_000}


class DingtalkClient:
    """One app's calls. All raise TryLater or Refused (`workflows.letters`)."""

    def __init__(self, settings: DingtalkSettings, tokens: TokenStore, http: Http) -> None:
        self.settings = settings
        self._tokens = tokens
        self._http = http
        self._uploads = Uploads()
        seed = f"{settings.client_id}|{settings.client_secret}"
        self._token_name = "dingtalk:" + hashlib.sha256(seed.encode()).hexdigest()[:24]

    def token(self, rejected: str | None = None) -> str:
        """Return an access token, a new one when `rejected` is the one in store."""
        if rejected is None and (known := self._tokens.get(self._token_name)):
            return known
        return self._tokens.refresh(self._token_name, rejected, self._fetch_token)

    def create_and_deliver(self, body: Mapping[str, Any]) -> str:
        """Create a card and put it into its chats; return the first chat's message id.

        A card that exists already is the success of an earlier try. Status 200 alone says
        nothing: Refused when any chat did not get the card.
        """
        try:
            data = self._new("POST", "card/instances/createAndDeliver", body)
        except Refused as refused:
            if refused.code == "param.cardAlreadyExist":
                return ""
            raise
        return _delivered(data)

    def update_card(self, card_ref: str, params: Mapping[str, str]) -> None:
        """Repaint a card for everybody; variables not in `params` stay as they are."""
        body = {
            "outTrackId": card_ref,
            "cardData": {"cardParamMap": dict(params)},
            "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
            "userIdType": 1,
        }
        self._new("PUT", "card/instances", body)

    def register_card_callback(self) -> None:
        """Tell DingTalk where presses go; run once when an installation is set up or moved.

        An earlier registration under our key comes back unchanged, and is then replaced.
        """
        result = self._register(force=False)
        mine = {
            "callbackUrl": self.settings.card_callback_url,
            "apiSecret": self.settings.card_secret,
        }
        if {name: result.get(name) for name in mine} != mine:
            self._register(force=True)

    def robot_send_to_users(self, users: list[str], key: str, param: Mapping[str, Any]) -> str:
        """Send one robot message to at most 20 people and return its processQueryKey.

        There is no idempotency key: a repeat after a time-out may be seen twice. Raises TryLater
        when DingTalk held somebody's message back and Refused when somebody cannot get it.
        """
        body = {
            "robotCode": self.settings.robot_code,
            "userIds": users,
            "msgKey": key,
            "msgParam": dumps(param),
        }
        data = self._new("POST", "robot/oToMessages/batchSend", body)
        _check_everybody(data)
        return str(data.get("processQueryKey", ""))

    def robot_send_to_group(self, conversation: str, key: str, param: Mapping[str, Any]) -> str:
        """Send one robot message to a group the robot is in; return its processQueryKey."""
        body = {
            "robotCode": self.settings.robot_code,
            "openConversationId": conversation,
            "msgKey": key,
            "msgParam": dumps(param),
        }
        data = self._new("POST", "robot/groupMessages/send", body)
        return str(data.get("processQueryKey", ""))

    def media_upload(self, path: str, kind: str = "file") -> str:
        """Upload a file (image, voice, video, file) once and return its reusable media_id."""
        return self._uploads.media_id(path, kind, partial(self._upload, path, kind))

    def download_file(self, download_code: str) -> tuple[bytes, str]:
        """Return bytes and file name of a picture or file somebody sent to the robot."""
        body = {"downloadCode": download_code, "robotCode": self.settings.robot_code}
        url = str(self._new("POST", "robot/messageFiles/download", body).get("downloadUrl", ""))
        if not url:
            raise Refused("no_download_url", "钉钉没有给出下载地址")
        answer = self._http.call(Request("GET", url), follow=True)
        if answer.is_passing_failure:
            raise TryLater(f"http_{answer.status}", "钉钉文件暂时下载不了")
        if answer.status != 200 or not answer.content:
            raise Refused(f"http_{answer.status}", "钉钉文件下载不了")
        return answer.content, Path(unquote(urlsplit(url).path)).name

    def _upload(self, path: str, kind: str) -> str:
        request = Request(
            "POST",
            f"{self.settings.oapi_base.rstrip('/')}/media/upload",
            form={"type": kind},
            files={"media": file_part(path, MAX_UPLOAD[kind])},
        )
        return needed(checked(self._answer(request)), "media_id")

    def _register(self, *, force: bool) -> dict[str, Any]:
        body = {
            "callbackRouteKey": self.settings.card_route_key,
            "callbackUrl": self.settings.card_callback_url,
            "apiSecret": self.settings.card_secret,
            "forceUpdate": force,
        }
        try:
            result = self._new("POST", "card/callbacks/register", body).get("result")
        except Refused as refused:
            if force or refused.code != "param.callbackRouteKeyExist":
                raise
            return {}
        return result if isinstance(result, dict) else {}

    def _new(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        url = f"{self.settings.api_base.rstrip('/')}/v1.0/{path}"
        return checked(self._answer(Request(method, url, body=body)))

    def _answer(self, request: Request) -> Answer:
        token = self.token()
        answer = self._http.call(self._with_token(request, token))
        if not has_stale_token(answer):
            return answer
        log.info("dingtalk_token_rejected")
        return self._http.call(self._with_token(request, self.token(rejected=token)))

    def _with_token(self, request: Request, token: str) -> Request:
        # The new API takes the same token in a header, the old one in the query.
        if "/v1.0/" not in request.url:
            return replace(request, params={**request.params, "access_token": token})
        return replace(request, headers={**request.headers, "x-acs-dingtalk-access-token": token})

    def _fetch_token(self) -> tuple[str, int]:
        request = Request(
            "POST",
            f"{self.settings.api_base.rstrip('/')}/v1.0/oauth2/accessToken",
            body={"appKey": self.settings.client_id, "appSecret": self.settings.client_secret},
        )
        data = checked(self._http.call(request))
        return needed(data, "accessToken"), int(data.get("expireIn", 7200))


def _delivered(data: Mapping[str, Any]) -> str:
    result = data.get("result")
    results = result.get("deliverResults") if isinstance(result, dict) else None
    found = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    if not found:
        raise Refused("not_delivered", "钉钉没有投放卡片")
    for one in found:
        if not one.get("success"):
            raise failure("not_delivered", str(one.get("errorMsg", "卡片没有投放成功")))
    return str(found[0].get("carrierId") or "")


def _check_everybody(data: Mapping[str, Any]) -> None:
    if data.get("flowControlledStaffIdList"):
        raise TryLater("flow_controlled", "钉钉限流，没有发给该成员", after=60)
    if data.get("invalidStaffIdList"):
        raise Refused("invalid_user", "钉钉里没有该成员，或不在应用可见范围内")
    if data.get("filteredStaffIdList"):
        raise Refused("filtered_user", "钉钉没有把消息发给该成员")
