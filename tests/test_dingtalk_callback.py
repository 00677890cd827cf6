"""The receiving side of DingTalk: documented vectors, the several shapes of a press, garbage."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from dingtalk.crypto import DingTalkCrypto
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.dingtalk.callback import (
    CardCallback,
    RobotCallback,
    card_reply,
    hmac_base64,
    robot_reply,
)
from bots.dingtalk.events import DingtalkEvents, parse_event
from bots.envelope import MAX_BODY, BadCallback, signature_of

A = DingtalkEvents("mryue", "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7", "ding6ccabc44d2c8d38b")
A_ARGS = {
    "timestamp": "1608001896814",
    "nonce": "WL4PK6yA",
    "signature": "03044561471240d4a14bb09372dfcfd4fd0e40cb",
}
A_ENCRYPT = (
    "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZ"
    "eKju4yhELOFchzNukR+t8SB/qk4ROMu3"
)
B_TOKEN, B_KEY, B_OWNER = (
    "123456",
    "1234567890123456789012345678901234567890123",
    "dingsnotzck6pm5veliw",
)
B = DingtalkEvents(B_TOKEN, B_KEY, B_OWNER)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MILLIS = str(int(NOW.timestamp() * 1000))


def push(data: object, owner: str = B_OWNER) -> tuple[dict[str, str], bytes]:
    sealed = DingTalkCrypto(B_TOKEN, B_KEY, owner).encrypt_message(json.dumps(data), "n1", MILLIS)
    args = {
        "msg_signature": sealed["msg_signature"],
        "timeStamp": sealed["timeStamp"],
        "nonce": sealed["nonce"],
    }
    return args, json.dumps({"encrypt": sealed["encrypt"]}).encode()


def test_event_documented_vector_a() -> None:
    body = json.dumps({"encrypt": A_ENCRYPT}).encode()
    event = A.open_event(A_ARGS, body, NOW)
    assert event.is_check
    assert event.data == {"EventType": "check_url"}


def test_event_documented_vector_b() -> None:
    args = {
        "timestamp": "1614767836",
        "nonce": "A7Co0cJLMzIDtMMI",
        "msg_signature": "9a95a004dd16f5c307e849b994173f76aa26e5eb",
    }
    encrypted = "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA=="
    assert B.decrypted(args, encrypted) == "success"


def test_event_envelope_in_any_spelling() -> None:
    event = B.open_event(
        *push({"EventType": "user_add_org", "eventId": "e1", "CorpId": "ding1", "timeStamp": MILLIS}),
        NOW,
    )
    assert (event.kind, event.key, event.corp_id) == ("user_add_org", "dingtalk|event|e1", "ding1")
    assert event.at == NOW
    lower = parse_event({"eventType": "X", "EventId": "e2", "corpId": "d"}, NOW)
    assert (lower.kind, lower.key, lower.corp_id) == ("x", "dingtalk|event|e2", "d")


def test_event_without_id_is_known_by_its_content() -> None:
    one = parse_event({"EventType": "x", "staffId": "1"}, NOW)
    same = parse_event({"staffId": "1", "EventType": "x"}, NOW)
    other = parse_event({"EventType": "x", "staffId": "2"}, NOW)
    assert one.key == same.key != other.key


def test_event_for_the_corp_id_instead_of_the_client_id() -> None:
    with pytest.raises(BadCallback, match="another app"):
        B.open_event(*push({"EventType": "x"}, owner="dingcorp"), NOW)


def test_event_tampered() -> None:
    args, body = push({"EventType": "x"})
    with pytest.raises(BadCallback, match="signature"):
        B.open_event({**args, "nonce": "other"}, body, NOW)


def test_reply_success_is_what_dingtalk_decrypts() -> None:
    reply = B.reply_success("n7", NOW)
    assert set(reply) == {"msg_signature", "timeStamp", "nonce", "encrypt"}
    plain = DingTalkCrypto(B_TOKEN, B_KEY, B_OWNER).decrypt_message(
        {"encrypt": reply["encrypt"]}, reply["msg_signature"], reply["timeStamp"], reply["nonce"]
    )
    assert plain == "success"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"encrypt":1}', b"[" * 100_000, b"\xff"])
def test_event_malformed_body(body: bytes) -> None:
    with pytest.raises(BadCallback):
        B.open_event(A_ARGS, body, NOW)


@pytest.mark.parametrize("plain", ["", "words", "[1]", "[" * 100_000])
def test_event_signed_but_malformed_inside(plain: str) -> None:
    sealed = DingTalkCrypto(B_TOKEN, B_KEY, B_OWNER).encrypt_message(plain, "n1", MILLIS)
    body = json.dumps({"encrypt": sealed["encrypt"]}).encode()
    args = {"msg_signature": sealed["msg_signature"], "timestamp": MILLIS, "nonce": "n1"}
    with pytest.raises(BadCallback):
        B.open_event(args, body, NOW)


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_event_signed_garbage_is_a_bad_callback(encrypted: str) -> None:
    args = {"timestamp": "1", "nonce": "2", "signature": signature_of(B_TOKEN, "1", "2", encrypted)}
    with pytest.raises(BadCallback):
        B.decrypted(args, encrypted)


# --- robot


def test_robot_sign_documented_vector() -> None:
    secret = "this is a secret"
    assert hmac_base64(secret, f"1577262236757\n{secret}") == ("DJrE6qdyVGCQz9z5r2MDuNcNAhwYnuAkyj13cx169CA=")


SECRET = "secret"
robot = RobotCallback(SECRET)


def robot_headers(at: str = MILLIS, secret: str = SECRET) -> dict[str, str]:
    return {"Timestamp": at, "Sign": hmac_base64(secret, f"{at}\n{secret}")}


def said(**changes: object):
    data = {
        "msgId": "msg1",
        "createAt": int(MILLIS) - 1000,
        "conversationId": "cidX==",
        "conversationType": "1",
        "senderStaffId": "manager1",
        "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=abc",
        "msgtype": "text",
        "text": {"content": " 同意 42 "},
        **changes,
    }
    return robot.open_message(robot_headers(), json.dumps(data).encode(), NOW)


def test_robot_text_in_a_single_chat() -> None:
    incoming = said()
    assert (incoming.kind, incoming.text, incoming.user) == ("text", "同意 42", "manager1")
    assert incoming.key == "dingtalk|robot|msg1"
    assert incoming.at == NOW - timedelta(seconds=1)
    assert incoming.conversation == ""
    assert incoming.session_webhook.endswith("session=abc")


def test_robot_text_in_a_group_and_at_the_top() -> None:
    incoming = said(conversationType="2", text=None, content="帮助")
    assert (incoming.conversation, incoming.text) == ("cidX==", "帮助")


def test_robot_sender_from_outside_is_nobody() -> None:
    assert said(senderStaffId=None).user == ""


def test_robot_webhook_elsewhere_is_dropped() -> None:
    assert said(sessionWebhook="https://evil.example/robot").session_webhook == ""
    assert said(sessionWebhook="https://oapi.dingtalk.com.evil.example/").session_webhook == ""


def test_robot_audio_picture_and_rich_text() -> None:
    audio = said(msgtype="audio", content={"downloadCode": "D1", "recognition": "还有三箱"})
    picture = said(msgtype="picture", content={"downloadCode": "D2"})
    rich = said(
        msgtype="richText",
        content={"richText": [{"text": "坏了"}, {"type": "picture", "downloadCode": "D3"}, 7]},
    )
    assert (audio.kind, audio.text, audio.media_id) == ("voice", "还有三箱", "D1")
    assert (picture.kind, picture.media_id) == ("image", "D2")
    assert (rich.kind, rich.text, rich.media_id) == ("text", "坏了", "D3")


def test_robot_odd_types_are_other() -> None:
    assert said(msgtype="file", content={"downloadCode": "D4"}).kind == "other"
    assert said(msgtype="unknownMsgType").kind == "other"
    assert said(msgtype=None).kind == "other"
    assert said(msgtype="richText", content={"richText": "x"}).kind == "image"


def test_robot_out_of_quota_has_no_text_and_still_parses() -> None:
    assert said(text=None, errorCode=20001).text == ""


@pytest.mark.parametrize("hours", [-1.1, 1.1])
def test_robot_old_or_early_request(hours: float) -> None:
    at = str(int((NOW + timedelta(hours=hours)).timestamp() * 1000))
    with pytest.raises(BadCallback, match="timestamp"):
        robot.open_message(robot_headers(at), b'{"msgId":"1"}', NOW)


@pytest.mark.parametrize("at", ["", "x", "٣٣", "-1", "9" * 40])
def test_robot_odd_timestamp(at: str) -> None:
    with pytest.raises(BadCallback):
        robot.open_message(robot_headers(at), b'{"msgId":"1"}', NOW)


def test_robot_wrong_sign_and_missing_secret() -> None:
    with pytest.raises(BadCallback, match="sign"):
        robot.open_message(robot_headers(secret="other"), b'{"msgId":"1"}', NOW)
    with pytest.raises(BadCallback, match="sign"):
        RobotCallback("").open_message(robot_headers(secret=""), b'{"msgId":"1"}', NOW)


def test_robot_body_too_large_or_without_id() -> None:
    with pytest.raises(BadCallback, match="large"):
        robot.open_message(robot_headers(), b"x" * (MAX_BODY + 1), NOW)
    with pytest.raises(BadCallback, match="msgId"):
        robot.open_message(robot_headers(), b"{}", NOW)


def test_robot_reply_words_or_silence() -> None:
    assert robot_reply("收到") == {"msgtype": "text", "text": {"content": "收到"}}
    assert robot_reply("") == {"msgtype": "empty"}


# --- cards


def test_card_signature_documented_vector() -> None:
    assert hmac_base64("example-secret", "1693221579964") == ("gJ0wui1KdleH9jjwQnUFcliBfJGdTnwaVxA3FyLhbqg=")


card = CardCallback("card-secret", "ding1")


def card_headers(at: str = MILLIS) -> dict[str, str]:
    return {
        "X-Ddpaas-Signature-Timestamp": at,
        "X-Ddpaas-Signature": hmac_base64("card-secret", at),
    }


def pressed(content: object, name: str = "content", **changes: object):
    data = {
        "type": "actionCallback",
        "outTrackId": "t_7",
        "corpId": "ding1",
        "userId": "manager1",
        "userIdType": 1,
        name: content,
        **changes,
    }
    return card.open_press(card_headers(), json.dumps(data).encode(), NOW)


INSIDE = {"cardPrivateData": {"actionIds": ["agree"], "params": {"action": "task:7:agree:2"}}}
BESIDE = {"cardPrivateData": {"actionIds": ["agree"]}, "params": {"action": "task:7:agree:2"}}


@pytest.mark.parametrize("name", ["content", "value"])
@pytest.mark.parametrize("shape", [INSIDE, BESIDE])
@pytest.mark.parametrize("as_text", [True, False])
def test_card_press_in_every_documented_shape(name, shape, as_text) -> None:
    press = pressed(json.dumps(shape) if as_text else shape, name)
    assert (press.kind, press.button, press.user) == ("button", "task:7:agree:2", "manager1")
    assert press.card_ref == "t_7"


def test_card_press_without_params_takes_the_action_id() -> None:
    press = pressed({"cardPrivateData": {"actionIds": ["reject"]}})
    assert (press.button, press.choices) == ("reject", {})


def test_card_form_answers_become_choices() -> None:
    form = {
        "reason": {"index": 1, "value": "日期太老"},
        "kinds": {"index": [0, 2], "value": ["a", "b"]},
        "agree": True,
        "note": "备注",
        "count": 3,
        "nothing": None,
        "deep": {"value": {"value": "x"}},
    }
    params = {"action": "a", "form": form, "bizId": "7"}
    press = pressed({"cardPrivateData": {"actionIds": ["form"], "params": params}})
    assert press.choices == {
        "bizId": ["7"],
        "reason": ["日期太老"],
        "kinds": ["a", "b"],
        "agree": ["true"],
        "note": ["备注"],
        "count": ["3"],
        "nothing": [],
        "deep": [],
    }


@pytest.mark.parametrize("content", ["", "words", 7, None, [], "[" * 5000, {"cardPrivateData": 1}])
def test_card_press_with_odd_content_presses_nothing(content) -> None:
    assert pressed(content).button == ""


def test_card_press_by_union_id_is_nobody() -> None:
    assert pressed(INSIDE, userIdType=2).user == ""


def test_card_press_from_another_company() -> None:
    with pytest.raises(BadCallback, match="another company"):
        pressed(INSIDE, corpId="ding2")


def test_card_key_repeats_only_for_the_same_press() -> None:
    other_user = pressed(INSIDE, userId="manager2")
    assert pressed(INSIDE).key == pressed(BESIDE).key != other_user.key


def test_card_press_too_old() -> None:
    at = str(int((NOW - timedelta(minutes=6)).timestamp() * 1000))
    with pytest.raises(BadCallback, match="timestamp"):
        card.open_press(card_headers(at), b"{}", NOW)


def test_card_press_wrong_signature_or_no_secret() -> None:
    headers = {**card_headers(), "X-Ddpaas-Signature": "x"}
    with pytest.raises(BadCallback, match="signature"):
        card.open_press(headers, b"{}", NOW)
    with pytest.raises(BadCallback):
        CardCallback("", "ding1").open_press(card_headers(), b"{}", NOW)


def test_card_press_without_card() -> None:
    with pytest.raises(BadCallback, match="outTrackId"):
        pressed(INSIDE, outTrackId=None)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["params", "cardPrivateData", "form", "actionIds", "action", "value"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_card_press_with_any_json_never_breaks(content) -> None:
    assert pressed(content).kind == "button"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_unencrypted_random_bytes_are_bad_callbacks(body: bytes) -> None:
    with pytest.raises(BadCallback):
        robot.open_message(robot_headers(), body, NOW)
    with pytest.raises(BadCallback):
        card.open_press(card_headers(), body, NOW)


def test_card_reply_repaints_or_leaves() -> None:
    assert card_reply("") == {}
    assert card_reply("已同意")["cardData"]["cardParamMap"] == {"status": "已同意", "buttons": "[]"}
    kept = card_reply("请先填数量", keep_buttons=True)
    assert kept["cardData"]["cardParamMap"] == {"status": "请先填数量"}
    assert kept["cardUpdateOptions"]["updateCardDataByKey"] is True
