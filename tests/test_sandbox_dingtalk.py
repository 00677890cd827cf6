"""The sandbox's DingTalk: cards, robots, events, and both generations of interfaces."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from dingtalk.crypto import DingTalkCrypto
from flask import Request, Response, jsonify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.envelopes import hmac_base64
from sandbox.people import CannotAct, Limits
from tests.sandbox_kit import KEYS, MANAGER, REP, Kit

PRESS = "recall:1:agree:0"


def contents(*rows: tuple[str, str]) -> str:
    return json.dumps([{"label": label, "text": text} for label, text in rows], ensure_ascii=False)


def variables(**more: str) -> dict[str, str]:
    buttons = [
        {"text": "同意", "key": PRESS, "color": "blue"},
        {"text": "驳回", "key": "recall:1:refuse:0", "color": "red"},
    ]
    return {
        "title": "召回待审批",
        "markdown": "共 **3** 家门店",
        "contents": contents(("门店", "城东店"), ("数量", "24 瓶")),
        "status": "",
        "detail_url": "https://jiuhui.example/t/1",
        "buttons": json.dumps(buttons, ensure_ascii=False),
        **more,
    }


def card(space: str = f"IM_ROBOT.{REP.user_id}", **more: Any) -> dict[str, Any]:
    return {
        "cardTemplateId": KEYS.dingtalk_card_template_id,
        "outTrackId": "apv-1",
        "callbackType": "HTTP",
        "callbackRouteKey": "jiuhui",
        "cardData": {"cardParamMap": variables()},
        "openSpaceId": f"dtv1.card//{space}",
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT"},
        "imGroupOpenDeliverModel": {"robotCode": KEYS.dingtalk_robot_code},
        **more,
    }


def create(kit: Kit, **more: Any) -> dict[str, Any]:
    body = card(**more)
    return dict(kit.ding("POST", "card/instances/createAndDeliver", body).json())


def update(kit: Kit, **body: Any) -> dict[str, Any]:
    return dict(kit.ding("PUT", "card/instances", {"outTrackId": "apv-1", **body}).json())


def test_robot_signature_vector_of_the_handbook() -> None:
    secret = "this is a secret"
    signed = hmac_base64(secret, f"1577262236757\n{secret}")
    assert signed == "DJrE6qdyVGCQz9z5r2MDuNcNAhwYnuAkyj13cx169CA="
    assert hmac_base64("example-secret", "1693221579964") == "gJ0wui1KdleH9jjwQnUFcliBfJGdTnwaVxA3FyLhbqg="


def test_robot_message_is_signed_and_complete() -> None:
    kit = Kit()
    kit.world.say("dingtalk", "rep01", "待办")
    heard = kit.application.heard[0]
    body = json.loads(heard.body)
    secret = KEYS.dingtalk_client_secret
    digest = hmac.new(secret.encode(), f"{heard.headers['Timestamp']}\n{secret}".encode(), hashlib.sha256).digest()
    assert heard.path == "/dingtalk/robot"
    assert heard.headers["Sign"] == base64.b64encode(digest).decode()
    assert int(heard.headers["Timestamp"]) == int(kit.time.timestamp() * 1000)
    assert (body["senderStaffId"], body["text"]["content"]) == ("rep01", "待办")
    assert (body["conversationType"], body["msgtype"]) == ("1", "text")
    assert body["sessionWebhookExpiredTime"] - body["createAt"] == 5_400_000


def test_group_message_names_the_group_and_keeps_the_blank_of_the_mention() -> None:
    kit = Kit()
    kit.world.say_in_group("dingtalk", "销售群", "rep01", "预警")
    body = json.loads(kit.application.heard[0].body)
    assert (body["conversationType"], body["conversationId"]) == ("2", "cidTEAM==")
    assert body["conversationTitle"] == "销售群"
    assert (body["text"]["content"], body["isInAtList"]) == (" 预警", True)
    assert kit.world.group("dingtalk", "销售群")[0].body == "@机器人 预警"


def test_group_without_the_apps_robot_is_not_heard() -> None:
    kit = Kit()
    kit.world.say_in_group("dingtalk", "喊话群", "rep01", "在吗")
    assert kit.application.heard == []


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("", 1),
        ("{}", 1),
        ('{"msgtype":"empty"}', 1),
        ('{"msgtype":"text","text":{"content":"收到"}}', 2),
        ('{"msgtype":"markdown","markdown":{"title":"t","text":"**x**"}}', 2),
    ],
)
def test_robot_answer_in_the_response(answer: str, shown: int) -> None:
    kit = Kit()
    kit.answer_with(answer)
    assert kit.world.say("dingtalk", "rep01", "hi").problem == ""
    assert len(kit.world.chat("dingtalk", "rep01")) == shown


@pytest.mark.parametrize("answer", ["收到", "[]", '{"msgtype":"text"}', '{"msgtype":"smoke"}'])
def test_bad_robot_answer_is_reported(answer: str) -> None:
    kit = Kit()
    kit.answer_with(answer)
    assert "不被接受" in kit.world.say("dingtalk", "rep01", "hi").problem


def test_session_webhook_answers_for_ninety_minutes() -> None:
    kit = Kit()
    kit.world.say("dingtalk", "rep01", "hi")
    url = json.loads(kit.application.heard[0].body)["sessionWebhook"]
    message = {"msgtype": "text", "text": {"content": "回答"}}
    assert kit.client.post(url, json=message).json()["errcode"] == 0
    assert kit.world.chat("dingtalk", "rep01")[-1].body == "回答"
    kit.wait(minutes=90)
    assert "session.expired" in kit.client.post(url, json=message).json()["errmsg"]


def test_picture_is_downloaded_with_its_code() -> None:
    kit = Kit()
    kit.world.send_image("rep01", b"\x89PNG picture", "现场.png")
    body = json.loads(kit.application.heard[0].body)
    asked = {"downloadCode": body["content"]["downloadCode"], "robotCode": KEYS.dingtalk_robot_code}
    url = kit.ding("POST", "robot/messageFiles/download", asked).json()["downloadUrl"]
    assert body["msgtype"] == "picture"
    assert kit.client.get(url).content == b"\x89PNG picture"
    other = kit.ding("POST", "robot/messageFiles/download", {**asked, "robotCode": "x"})
    assert (other.status_code, other.json()["code"]) == (400, "invalidParameter.robotCode.auth")
    kit.wait(hours=2)
    late = kit.ding("POST", "robot/messageFiles/download", asked).json()
    assert late["code"] == "invalidParameter.robotCode.downloadCode"


def test_voice_brings_recognised_words() -> None:
    kit = Kit()
    kit.world.send_voice("rep01", b"#!AMR voice")
    assert json.loads(kit.application.heard[0].body)["msgtype"] == "audio"


def test_card_is_shown_with_fields_buttons_and_link() -> None:
    kit = Kit()
    answer = create(kit)
    assert answer["success"] is True
    assert answer["result"]["deliverResults"][0]["success"] is True
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    assert (bubble.kind, bubble.title, bubble.card_ref) == ("card", "召回待审批", "apv-1")
    assert bubble.fields == [("门店", "城东店"), ("数量", "24 瓶")]
    assert [(entry["key"], entry["style"]) for entry in bubble.buttons] == [
        (PRESS, "primary"),
        ("recall:1:refuse:0", "danger"),
    ]
    assert bubble.link == "https://jiuhui.example/t/1"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cardTemplateId": ""}, "param.cardTemplateIdEmpty"),
        ({"cardTemplateId": "x.schema"}, "param.templateNotExist"),
        ({"outTrackId": ""}, "param.outTrackIdEmpty"),
        ({"openSpaceId": ""}, "param.openSpaceIdEmpty"),
        ({"openSpaceId": "IM_ROBOT.rep01"}, "param.openSpaceIdInvalid"),
        ({"openSpaceId": "dtv1.card//IM_ROBOT.cidX=="}, "param.openSpaceIdInvalid"),
        ({"openSpaceId": "dtv1.card//im_group.cidX=="}, "param.openSpaceIdInvalid"),
        ({"imRobotOpenDeliverModel": None}, "param.spaceDeliverModelEmpty"),
        ({"imRobotOpenDeliverModel": {"extension": {}}}, "param.openDeliverModelError"),
        ({"callbackRouteKey": ""}, "param.callbackRouteKeyEmpty"),
        ({"cardData": {"cardParamMap": {"n": 5}}}, "invalidParameter.cardParamMap"),
        ({"cardData": {"cardParamMap": {"t": "酒" * 342}}}, "invalidParameter.cardParamMap"),
    ],
)
def test_card_refusals(change: dict[str, Any], code: str) -> None:
    kit = Kit()
    answer = kit.ding("POST", "card/instances/createAndDeliver", {**card(), **change})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert set(answer.json()) == {"code", "requestid", "message"}
    assert kit.world.chat("dingtalk", "rep01") == []


CARD_WORDS = [*card(), *variables(), "cardParamMap", "robotCode", "msgButtons", "sys_full_json_obj"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 5) | st.sampled_from(["", "a", "[1]", "{}", "IM_ROBOT"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(CARD_WORDS), inner, max_size=6),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from([*card()]), junk=JUNK)
def test_junk_is_refused_or_shown_but_never_breaks(name: str, junk: Any) -> None:
    kit = Kit()
    answers = [
        kit.ding("POST", "card/instances/createAndDeliver", card(**{name: junk})),
        kit.ding("PUT", "card/instances", {**card(), "cardUpdateOptions": junk, name: junk}),
        kit.ding("POST", "card/callbacks/register", {"callbackRouteKey": junk, "callbackUrl": junk}),
        kit.ding("POST", "robot/oToMessages/batchSend", people(userIds=junk)),
        kit.ding("POST", "robot/oToMessages/batchSend", people(msgParam=json.dumps(junk))),
    ]
    assert {answer.status_code for answer in answers} <= {200, 400}
    for kind in ("text", "actionCard", "feedCard", "link"):
        assert isinstance(shout(kit, {"msgtype": kind, kind: junk})["errcode"], int)
    kit.answer_with(json.dumps(junk))
    kit.world.say("dingtalk", "rep01", "hi")
    create(kit, outTrackId="press-me")
    bubble = next(one for one in kit.world.chat("dingtalk", "rep01") if one.card_ref == "press-me")
    kit.world.press("dingtalk", "rep01", bubble.id, PRESS)


def test_second_card_with_the_same_track_id_is_refused() -> None:
    kit = Kit()
    create(kit)
    assert create(kit)["code"] == "param.cardAlreadyExist"
    assert len(kit.world.chat("dingtalk", "rep01")) == 1


def test_undelivered_spaces_are_told_with_http_200() -> None:
    kit = Kit()
    answer = create(kit, space="IM_ROBOT.rep01;IM_ROBOT.ghost;IM_GROUP.cidOTHER==")
    results = answer["result"]["deliverResults"]
    assert [result["success"] for result in results] == [True, False, False]
    assert results[2]["errorMsg"] == "robot is not in the group"


def test_wrong_robot_in_the_group_model_is_not_delivered() -> None:
    kit = Kit()
    answer = create(kit, space="IM_GROUP.cidTEAM==", imGroupOpenDeliverModel={"robotCode": "x"})
    assert answer["result"]["deliverResults"][0]["success"] is False


def test_broken_json_variable_shows_object_object() -> None:
    kit = Kit()
    create(kit, cardData={"cardParamMap": variables(contents="{")})
    assert kit.world.chat("dingtalk", "rep01")[0].fields == [("", "[Object Object]")]


def test_update_replaces_everything_unless_by_key() -> None:
    kit = Kit()
    create(kit, space="IM_ROBOT.rep01;IM_ROBOT.boss01")
    by_key = {"updateCardDataByKey": True}
    status = {"cardParamMap": {"status": "已由 王芳 同意"}}
    assert update(kit, cardData=status, cardUpdateOptions=by_key) == {
        "success": True,
        "result": True,
    }
    for user in ("rep01", "boss01"):
        bubble = kit.world.chat("dingtalk", user)[0]
        assert (bubble.title, bubble.status) == ("召回待审批", "已由 王芳 同意")
        assert bubble.buttons == []
    update(kit, cardData={"cardParamMap": {"status": "完"}})
    assert kit.world.chat("dingtalk", "rep01")[0].title == ""


def test_update_refusals() -> None:
    kit = Kit()
    assert update(kit)["code"] == "param.cardDataAndPrivateDataBothEmpty"
    assert update(kit, cardData={"cardParamMap": {"a": "b"}})["code"] == "param.cardNotExist"


def test_press_is_signed_and_carries_json_strings() -> None:
    kit = Kit()
    create(kit)
    kit.answer_with("{}")
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    delivery = kit.world.press("dingtalk", "rep01", bubble.id, PRESS, {"reason": "路远"})
    heard = kit.application.heard[0]
    body = json.loads(heard.body)
    pressed = {"actionIds": [PRESS], "params": {"action": PRESS, "reason": "路远"}}
    assert delivery.problem == ""
    assert heard.path == "/dingtalk/cards"
    assert json.loads(body["content"]) == {"cardPrivateData": pressed}
    assert body["value"] == body["content"]
    assert (body["outTrackId"], body["userId"]) == ("apv-1", "rep01")
    assert body["corpId"] == KEYS.dingtalk_corp_id
    timestamp = heard.headers["X-Ddpaas-Signature-Timestamp"]
    assert heard.headers["X-Ddpaas-Signature"] == hmac_base64("card-secret", timestamp)


def test_press_answer_repaints_only_the_pressers_copy() -> None:
    kit = Kit()
    create(kit, space="IM_ROBOT.rep01;IM_ROBOT.boss01")
    shown = {"cardParamMap": {"status": "处理中"}}
    options = {"updateCardDataByKey": True}
    kit.answer_with({"cardData": shown, "cardUpdateOptions": options})
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    kit.world.press("dingtalk", "rep01", bubble.id, PRESS)
    assert kit.world.chat("dingtalk", "rep01")[0].status == "处理中"
    assert kit.world.chat("dingtalk", "rep01")[0].title == "召回待审批"
    assert kit.world.chat("dingtalk", "boss01")[0].status == ""
    with pytest.raises(CannotAct, match="不能按"):
        kit.world.press("dingtalk", "rep01", bubble.id, PRESS)
    status = {"cardParamMap": {"status": "已同意"}}
    update(kit, cardData=status, cardUpdateOptions={"updateCardDataByKey": True})
    assert kit.world.chat("dingtalk", "rep01")[0].status == "已同意"
    assert kit.world.chat("dingtalk", "boss01")[0].status == "已同意"


def test_press_answer_without_by_key_blanks_the_pressers_card() -> None:
    kit = Kit()
    create(kit)
    kit.answer_with({"cardData": {"cardParamMap": {"status": "好"}}})
    kit.world.press("dingtalk", "rep01", kit.world.chat("dingtalk", "rep01")[0].id, PRESS)
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    assert (bubble.status, bubble.title) == ("好", "")


def test_group_card_shows_private_values_to_one_person() -> None:
    kit = Kit()
    create(kit, space="IM_GROUP.cidTEAM==")
    private = {"cardParamMap": {"status": "您已投票"}}
    kit.answer_with({"userPrivateData": private})
    bubble = kit.world.group("dingtalk", "销售群")[0]
    kit.world.press("dingtalk", "rep01", bubble.id, PRESS)
    assert kit.world.group("dingtalk", "销售群", "rep01")[0].status == "您已投票"
    assert kit.world.group("dingtalk", "销售群", "boss01")[0].status == ""
    assert json.loads(kit.application.heard[0].body)["spaceId"] == "cidTEAM=="
    with pytest.raises(CannotAct):
        kit.world.press("dingtalk", "rep01", bubble.id, PRESS)


def test_private_data_wins_over_public_data() -> None:
    kit = Kit()
    private = {"boss01": {"cardParamMap": {"title": "只给您看"}}}
    create(kit, space="IM_ROBOT.rep01;IM_ROBOT.boss01", privateData=private)
    assert kit.world.chat("dingtalk", "boss01")[0].title == "只给您看"
    assert kit.world.chat("dingtalk", "rep01")[0].title == "召回待审批"


def test_card_of_another_person_cannot_be_pressed() -> None:
    kit = Kit()
    create(kit)
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    with pytest.raises(CannotAct, match="不在这个人"):
        kit.world.press("dingtalk", MANAGER.user_id, bubble.id, PRESS)
    with pytest.raises(CannotAct, match="不能按"):
        kit.world.press("dingtalk", "rep01", bubble.id, "nothing")


@pytest.mark.parametrize("kind", ["", "http", "STREAM"])
def test_card_without_http_callback_does_nothing(kind: str) -> None:
    kit = Kit()
    create(kit, callbackType=kind)
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    assert kit.world.press("dingtalk", "rep01", bubble.id, PRESS).problem
    assert kit.application.heard == []


def test_registered_route_is_used_and_kept_unless_forced() -> None:
    kit = Kit()
    route = {
        "callbackRouteKey": "jiuhui",
        "callbackUrl": "https://public.example/dingtalk/cards",
        "apiSecret": "first",
    }
    kit.ding("POST", "card/callbacks/register", route)
    again = {**route, "apiSecret": "second"}
    kept = kit.ding("POST", "card/callbacks/register", again).json()
    assert kept["result"]["apiSecret"] == "first"
    forced = {**again, "forceUpdate": True}
    kit.ding("POST", "card/callbacks/register", forced)
    create(kit)
    kit.world.press("dingtalk", "rep01", kit.world.chat("dingtalk", "rep01")[0].id, PRESS)
    heard = kit.application.heard[0]
    timestamp = heard.headers["X-Ddpaas-Signature-Timestamp"]
    assert heard.path == "/dingtalk/cards"
    assert heard.headers["X-Ddpaas-Signature"] == hmac_base64("second", timestamp)


def test_slow_card_answer_is_not_repeated() -> None:
    kit = Kit()
    create(kit)
    kit.break_down(1)
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    delivery = kit.world.press("dingtalk", "rep01", bubble.id, PRESS)
    assert (delivery.attempts, delivery.status) == (1, 0)


def success(asked: Request) -> Response:
    del asked
    crypto = DingTalkCrypto(KEYS.dingtalk_event_token, KEYS.dingtalk_event_aes_key, KEYS.dingtalk_client_id)
    return jsonify(crypto.encrypt_message("success"))


def test_event_is_encrypted_for_the_client_id() -> None:
    kit = Kit()
    kit.application.answer = success
    delivery = kit.world.dingtalk_event("user_leave_org", {"userId": ["rep01"]})
    heard = kit.application.heard[0]
    crypto = DingTalkCrypto(KEYS.dingtalk_event_token, KEYS.dingtalk_event_aes_key, KEYS.dingtalk_client_id)
    args = heard.args
    text = crypto.decrypt_message(json.loads(heard.body), args["signature"], args["timestamp"], args["nonce"])
    event = json.loads(text)
    assert (delivery.problem, heard.path) == ("", "/dingtalk/events")
    assert (event["EventType"], event["userId"]) == ("user_leave_org", ["rep01"])
    assert event["eventId"]


def test_event_is_repeated_after_ten_and_thirty_seconds() -> None:
    kit = Kit()
    kit.answer_with("success")
    delivery = kit.world.dingtalk_event("check_url", {})
    assert (delivery.attempts, kit.slept) == (3, [10.0, 30.0])
    kit.application.answer = success
    assert kit.world.dingtalk_event("check_url", {}).attempts == 1


def test_new_token_refusals() -> None:
    kit = Kit()
    url = "http://sandbox/dingtalk/v1.0/oauth2/accessToken"
    answer = kit.client.post(url, json={"appKey": KEYS.dingtalk_client_id, "appSecret": "密"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalidClientIdOrSecret")
    unified = f"http://sandbox/dingtalk/v1.0/oauth2/{KEYS.dingtalk_corp_id}/token"
    body = {
        "client_id": KEYS.dingtalk_client_id,
        "client_secret": KEYS.dingtalk_client_secret,
        "grant_type": "client_credentials",
    }
    assert kit.client.post(unified, json=body).json()["access_token"] == kit.ding_token()


def test_dead_token_is_refused_by_both_generations() -> None:
    kit = Kit()
    token = kit.ding_token()
    kit.wait(hours=3)
    headers = {"x-acs-dingtalk-access-token": token}
    url = "http://sandbox/dingtalk/v1.0/card/instances"
    assert kit.client.put(url, json={}, headers=headers).json()["code"] == "InvalidAuthentication"
    url = "http://sandbox/oapi/topapi/v2/user/get"
    old = kit.client.post(url, params={"access_token": token}, json={})
    assert old.json()["errcode"] == 42001
    unknown = kit.client.post(url, params={"access_token": "x"}, json={})
    assert unknown.json()["errcode"] == 40014


def people(**more: Any) -> dict[str, Any]:
    param = json.dumps({"title": "预警", "text": "**3** 家"}, ensure_ascii=False)
    return {
        "robotCode": KEYS.dingtalk_robot_code,
        "userIds": ["rep01", "ghost"],
        "msgKey": "sampleMarkdown",
        "msgParam": param,
        **more,
    }


def test_robot_message_to_people_names_the_unknown() -> None:
    kit = Kit()
    answer = kit.ding("POST", "robot/oToMessages/batchSend", people()).json()
    assert answer["invalidStaffIdList"] == ["ghost"]
    assert answer["processQueryKey"]
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    assert (bubble.kind, bubble.title, bubble.body) == ("markdown", "预警", "**3** 家")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"robotCode": ""}, "invalidParameter.robotCode.empty"),
        ({"robotCode": "x"}, "invalidParameter.robotCode.notExsit"),
        ({"userIds": []}, "invalidParameter.userId.empty"),
        ({"userIds": [str(number) for number in range(21)]}, "too.many.people"),
        ({"msgKey": ""}, "miss.param.msgKey"),
        ({"msgKey": "sampleSmoke"}, "invalid.param.msgParam"),
        ({"msgParam": {"title": "t"}}, "miss.param.msgParam"),
        ({"msgParam": "{"}, "invalid.param.msgParam"),
        ({"msgParam": '{"title":"t"}'}, "invalid.param.msgParam"),
    ],
)
def test_robot_message_refusals(change: dict[str, Any], code: str) -> None:
    kit = Kit()
    answer = kit.ding("POST", "robot/oToMessages/batchSend", people(**change))
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_action_card_buttons_open_pages() -> None:
    kit = Kit()
    param = {
        "title": "审批",
        "text": "请选择",
        "buttonTitle1": "同意",
        "buttonUrl1": "https://a",
        "buttonTitle2": "驳回",
        "buttonUrl2": "https://b",
    }
    body = people(msgKey="sampleActionCard6", msgParam=json.dumps(param))
    kit.ding("POST", "robot/oToMessages/batchSend", body)
    bubble = kit.world.chat("dingtalk", "rep01")[0]
    assert [(entry["label"], entry["url"]) for entry in bubble.buttons] == [
        ("同意", "https://a"),
        ("驳回", "https://b"),
    ]
    with pytest.raises(CannotAct):
        kit.world.press("dingtalk", "rep01", bubble.id, "")


def test_robot_message_to_a_group() -> None:
    kit = Kit()
    body = {**people(), "openConversationId": "cidTEAM=="}
    assert kit.ding("POST", "robot/groupMessages/send", body).json()["processQueryKey"]
    assert kit.world.group("dingtalk", "销售群")[0].title == "预警"
    other = kit.ding("POST", "robot/groupMessages/send", {**body, "openConversationId": "cidX=="})
    assert other.json()["code"] == "resource.not.found"
    long = json.dumps({"content": "x" * 15_000})
    body |= {"msgKey": "sampleText", "msgParam": long}
    refused = kit.ding("POST", "robot/groupMessages/send", body)
    assert refused.json()["code"] == "invalid.param.msgParam"


def test_twenty_calls_per_second_then_403() -> None:
    kit = Kit()
    headers = {"x-acs-dingtalk-access-token": kit.ding_token()}
    url = "http://sandbox/dingtalk/v1.0/robot/oToMessages/batchSend"
    answers = [kit.client.post(url, json=people(), headers=headers) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [403]
    assert answers[-1].json()["code"] == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    kit.wait(seconds=1)
    assert kit.client.post(url, json=people(), headers=headers).status_code == 200


def shout(kit: Kit, body: Any, **change: str) -> dict[str, Any]:
    timestamp = str(int(kit.time.timestamp() * 1000))
    query = {"access_token": "ding-robot-token", "timestamp": timestamp}
    query["sign"] = hmac_base64("SECabc", f"{timestamp}\nSECabc")
    url = "http://sandbox/oapi/robot/send"
    return dict(kit.client.post(url, params={**query, **change}, json=body).json())


def words(text: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": text}, **more}


def test_custom_robot_is_signed() -> None:
    kit = Kit()
    assert shout(kit, words("日报"))["errcode"] == 0
    assert kit.world.group("dingtalk", "销售群")[0].body == "日报"
    assert shout(kit, words("x"), sign="wrong")["errcode"] == 310000
    assert shout(kit, words("x"), timestamp="1577262236757")["errcode"] == 310000
    assert shout(kit, words("x"), access_token="other")["errcode"] == 300001


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"msgtype": "smoke"}, 400105),
        ({"msgtype": "text", "text": {}}, 40035),
        ({"msgtype": "actionCard", "actionCard": {"title": "t", "text": "x"}}, 40035),
        (words("x" * 20_000), 460101),
        ([], 40035),
    ],
)
def test_custom_robot_refusals(body: Any, code: int) -> None:
    assert shout(Kit(), body)["errcode"] == code


def test_custom_robot_is_blocked_for_ten_minutes() -> None:
    kit = Kit()
    codes = [shout(kit, words(str(number)))["errcode"] for number in range(22)]
    assert codes == [0] * 20 + [130101] * 2
    kit.wait(minutes=9)
    assert shout(kit, words("x"))["errcode"] == 130101
    kit.wait(minutes=1)
    assert shout(kit, words("x"))["errcode"] == 0


def test_custom_robot_repeats_nothing_with_the_same_uuid() -> None:
    kit = Kit()
    for _ in range(2):
        assert shout(kit, words("一次", msgUuid="u1"))["errcode"] == 0
    assert len(kit.world.group("dingtalk", "销售群")) == 1


def oapi(kit: Kit, path: str, **request: Any) -> dict[str, Any]:
    query = {
        "appkey": KEYS.dingtalk_client_id,
        "appsecret": KEYS.dingtalk_client_secret,
    }
    token = kit.client.get("http://sandbox/oapi/gettoken", params=query).json()["access_token"]
    url = f"http://sandbox/oapi/{path}"
    return dict(kit.client.post(url, params={"access_token": token}, **request).json())


def test_old_interface_tokens_people_and_refusals() -> None:
    kit = Kit()
    wrong = {"appkey": KEYS.dingtalk_client_id, "appsecret": "x"}
    answer = kit.client.get("http://sandbox/oapi/gettoken", params=wrong)
    assert (answer.status_code, answer.json()["errcode"]) == (200, 40089)
    found = oapi(kit, "topapi/v2/user/get", json={"userid": "rep01"})
    assert found["result"]["name"] == "王芳"
    assert oapi(kit, "topapi/v2/user/get", json={"userid": "ghost"})["errcode"] == 60121
    url = "http://sandbox/oapi/topapi/v2/user/get"
    assert kit.client.post(url, json={}).json()["errcode"] == 43007


@pytest.mark.parametrize(
    ("kind", "name", "content", "code"),
    [
        ("file", "回收单.pdf", b"%PDF", 0),
        ("file", "a.exe", b"MZ", 40005),
        ("file", "a.pdf", b"", 40035),
        ("tune", "a.pdf", b"%PDF", 40004),
        ("voice", "a.amr", b"0" * (2 * 1024 * 1024 + 1), 40006),
    ],
)
def test_media_upload_rules(kind: str, name: str, content: bytes, code: int) -> None:
    answer = oapi(Kit(), "media/upload", data={"type": kind}, files={"media": (name, content)})
    assert answer["errcode"] == code


def notice(text: str, **more: Any) -> dict[str, Any]:
    message = {"msgtype": "text", "text": {"content": text}}
    return {"agent_id": 1, "userid_list": "rep01,boss01", "msg": message, **more}


def test_work_notice_same_text_once_a_day() -> None:
    kit = Kit()
    path = "topapi/message/corpconversation/asyncsend_v2"
    for _ in range(2):
        assert oapi(kit, path, json=notice("明天送审"))["errcode"] == 0
    assert len(kit.world.chat("dingtalk", "rep01")) == 1
    assert len(kit.world.dropped) == 2
    kit.wait(days=1)
    oapi(kit, path, json=notice("明天送审"))
    assert len(kit.world.chat("dingtalk", "boss01")) == 2


def test_work_notice_forms_and_refusals() -> None:
    kit = Kit()
    path = "topapi/message/corpconversation/asyncsend_v2"
    fields = {**notice("x"), "msg": json.dumps({"msgtype": "text", "text": {"content": "表单"}})}
    assert oapi(kit, path, data=fields)["errcode"] == 0
    form = [{"key": "门店", "value": "城东店"}]
    sheet = {"message_url": "https://x", "body": {"title": "单据", "form": form}}
    oapi(kit, path, json=notice("", msg={"msgtype": "oa", "oa": sheet}))
    assert kit.world.chat("dingtalk", "rep01")[-1].fields == [("门店", "城东店")]
    assert oapi(kit, path, json=notice("酒" * 700))["errcode"] == 40035
    assert oapi(kit, path, json={**notice("x"), "agent_id": ""})["errcode"] == 40035
    assert oapi(kit, path, json=notice("x", msg={"msgtype": "oa"}))["errcode"] == 40035


def test_faults_in_dingtalk_forms() -> None:
    kit = Kit(limits=Limits(dingtalk_qps=1000))
    token = kit.ding_token()
    headers = {"x-acs-dingtalk-access-token": token}
    url = "http://sandbox/dingtalk/v1.0/robot/oToMessages/batchSend"
    kit.world.faults.busy.next = 1
    busy = kit.client.post(url, json=people(), headers=headers)
    assert (busy.status_code, busy.json()["code"].split(".")[0]) == (403, "Forbidden")
    kit.world.faults.token_expired.next = 1
    dead = kit.client.post(url, json=people(), headers=headers)
    assert (dead.status_code, dead.json()["code"]) == (400, "InvalidAuthentication")
    kit.world.faults.dropped.next = 1
    assert kit.ding("POST", "robot/oToMessages/batchSend", people()).status_code == 200
    assert kit.world.chat("dingtalk", "rep01") == []
    kit.world.faults.dropped.next = 1
    assert create(kit)["result"]["deliverResults"][0]["success"] is True
    assert kit.world.chat("dingtalk", "rep01") == []


def test_unknown_paths_answer_in_their_own_form() -> None:
    kit = Kit()
    assert kit.ding("POST", "robot/telepathy", {}).json()["code"] == "InvalidAction.NotFound"
    assert oapi(kit, "topapi/telepathy", json={})["errcode"] == 22
