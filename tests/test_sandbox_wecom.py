"""The sandbox's WeCom: real envelopes, real refusals."""

import base64
import hashlib
from typing import Any

import pytest
import requests
import xmltodict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wechatpy.enterprise.crypto import WeChatCrypto

from sandbox import wecom_xml
from sandbox.envelopes import BadEnvelope, Envelope
from sandbox.people import CannotAct, Limits
from sandbox.wecom_bodies import APP_BODIES
from sandbox.wecom_cards import CHECKS
from tests.sandbox_kit import KEYS, Heard, Kit

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def crypto() -> WeChatCrypto:
    return WeChatCrypto(KEYS.wecom_token, KEYS.wecom_encoding_aes_key, KEYS.wecom_corp_id)


def opened(heard: Heard) -> dict[str, Any]:
    args = heard.args
    text = crypto().decrypt_message(heard.body.decode(), args["msg_signature"], args["timestamp"], args["nonce"])
    return dict(xmltodict.parse(text)["xml"])


def passive(kind: str, inner: str, to: str = "Owner01") -> str:
    text = f"<xml><ToUserName>{to}</ToUserName><MsgType>{kind}</MsgType>{inner}</xml>"
    return str(crypto().encrypt_message(text, "nonce1", "1767225600"))


def button_card(task_id: str = "task-1", **more: Any) -> dict[str, Any]:
    return {
        "card_type": "button_interaction",
        "task_id": task_id,
        "main_title": {"title": "请清点库存", "desc": "城东店"},
        "horizontal_content_list": [{"keyname": "数量", "value": "24 瓶"}],
        "button_list": [
            {"text": "同意", "style": 1, "key": "recall:1:agree:0"},
            {"text": "驳回", "style": 2, "key": "recall:1:refuse:0"},
        ],
        **more,
    }


def vote_card(task_id: str = "vote-1") -> dict[str, Any]:
    options = [{"id": "a", "text": "整箱", "is_checked": True}]
    options.append({"id": "b", "text": "散瓶", "is_checked": False})
    return {
        "card_type": "vote_interaction",
        "task_id": task_id,
        "main_title": {"title": "退哪些"},
        "checkbox": {"question_key": "what", "mode": 1, "option_list": options},
        "submit_button": {"text": "提交", "key": "submit"},
    }


def letter(msgtype: str, content: Any, touser: str = "owner01", **more: Any) -> dict[str, Any]:
    head = {"touser": touser, "msgtype": msgtype, "agentid": KEYS.wecom_agent_id}
    return {**head, msgtype: content, **more}


def text(words: str, **more: Any) -> dict[str, Any]:
    return letter("text", {"content": words}, **more)


def test_envelope_vector_of_the_handbook() -> None:
    envelope = Envelope(KEYS.wecom_token, KEYS.wecom_encoding_aes_key, KEYS.wecom_corp_id)
    sealed = "BoMqjGsQzwB4au0Bm9Z227I1799W6UnJYa8yNA78gPFepvCUJSqqvOljZnh+HWoQGeu5zGljYxNvIrrY00xGxA=="
    signature = "789ec94cd8003f3bc7b743d6179960941239c3b7"
    assert envelope.open(sealed, signature, "1767225600", "n0nce01") == "8136572904417755021"


@given(words=st.text(st.characters(codec="utf-8")))
def test_envelope_opens_what_it_seals(words: str) -> None:
    envelope = Envelope(KEYS.wecom_token, KEYS.wecom_encoding_aes_key, KEYS.wecom_corp_id)
    sealed = envelope.seal(words)
    assert envelope.open(sealed, envelope.sign("1", "2", sealed), "1", "2") == words


@given(st.text("ABCabc0123456789+/=\n酒", max_size=80))
def test_envelope_refuses_garbage_signed_rightly(garbage: str) -> None:
    envelope = Envelope(KEYS.wecom_token, KEYS.wecom_encoding_aes_key, KEYS.wecom_corp_id)
    with pytest.raises(BadEnvelope):
        envelope.open(garbage, envelope.sign("1", "2", garbage), "1", "2")


@given(words=st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_xml_carries_any_text(words: str) -> None:
    read = wecom_xml.read(wecom_xml.write({"Content": words, "Item": [{"A": "]]>"}, {"A": 5}]}))
    assert (read["Content"] or "") == wecom_xml.NOT_XML.sub("", words)
    assert [item["A"] for item in read["Item"]] == ["]]>", "5"]


def test_envelope_refuses_another_owner_and_signature() -> None:
    envelope = Envelope(KEYS.wecom_token, KEYS.wecom_encoding_aes_key, "other")
    own = Envelope(KEYS.wecom_token, KEYS.wecom_encoding_aes_key, KEYS.wecom_corp_id)
    sealed = envelope.seal("x")
    with pytest.raises(BadEnvelope, match="owner"):
        own.open(sealed, own.sign("1", "2", sealed), "1", "2")
    with pytest.raises(BadEnvelope, match="signature"):
        own.open(sealed, "0" * 40, "1", "2")


def test_text_reaches_the_application_encrypted() -> None:
    kit = Kit()
    delivery = kit.world.say("wecom", "owner01", "盘点😀 <24> ]]> 瓶")
    message = opened(kit.application.heard[0])
    assert (delivery.attempts, delivery.problem) == (1, "")
    assert kit.application.heard[0].path == "/wecom/callback"
    assert message["FromUserName"] == "Owner01"
    assert message["Content"] == "盘点😀 <24> ]]> 瓶"
    assert (message["MsgType"], message["AgentID"]) == ("text", "1000002")
    assert message["CreateTime"] == str(int(kit.time.timestamp()))
    assert int(message["MsgId"]) > 2**60


def test_passive_reply_becomes_a_bubble_cut_by_bytes() -> None:
    kit = Kit()
    kit.answer_with(passive("text", f"<Content>{'酒' * 1000}</Content>"))
    kit.world.say("wecom", "Owner01", "你好")
    mine, reply = kit.world.chat("wecom", "OWNER01")
    assert (mine.sender, reply.sender) == ("刘老板", "bot")
    assert reply.body == "酒" * 682


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("<xml><Encrypt>abc</Encrypt></xml>", "缺少 MsgSignature"),
        ("收到", "不是 XML"),
        (passive("text", "<Content>x</Content>", to="somebody"), "ToUserName"),
        (passive("video", ""), "不认识"),
    ],
)
def test_bad_passive_reply_is_reported_not_shown(answer: str, problem: str) -> None:
    kit = Kit()
    kit.answer_with(answer)
    delivery = kit.world.say("wecom", "Owner01", "你好")
    assert problem in delivery.problem
    assert len(kit.world.chat("wecom", "Owner01")) == 1


def test_callback_is_repeated_three_times_without_answer() -> None:
    kit = Kit()
    kit.break_down(9)
    delivery = kit.world.say("wecom", "Owner01", "在吗")
    assert delivery.attempts == 4
    assert "没有得到应答" in delivery.problem
    assert len({heard.body for heard in kit.application.heard}) == 1


def test_callback_stops_repeating_when_answered() -> None:
    kit = Kit()
    kit.break_down(1)
    delivery = kit.world.say("wecom", "Owner01", "在吗")
    assert (delivery.attempts, delivery.status, delivery.problem) == (2, 200, "")


def test_refused_callback_is_reported_and_not_repeated() -> None:
    kit = Kit()
    kit.answer_with(("no", 403))
    delivery = kit.world.say("wecom", "Owner01", "在吗")
    assert (delivery.attempts, delivery.status) == (1, 403)
    assert "HTTP 403" in delivery.problem


def test_scan_menu_enter_and_subscribe_events() -> None:
    kit = Kit()
    kit.world.scan("Owner01", "https://jiuhui.example/s/S01")
    kit.world.menu_click("Owner01", "help")
    kit.world.enter("Owner01")
    kit.world.subscribe("Owner01")
    scan, click, enter, subscribe = [opened(heard) for heard in kit.application.heard]
    assert scan["Event"] == "scancode_waitmsg"
    assert scan["ScanCodeInfo"]["ScanResult"] == "https://jiuhui.example/s/S01"
    assert (click["Event"], click["EventKey"]) == ("click", "help")
    assert [enter["Event"], subscribe["Event"]] == ["enter_agent", "subscribe"]
    assert "MsgId" not in scan


def test_location_is_latitude_then_longitude() -> None:
    kit = Kit()
    kit.world.send_location("Owner01", 30.5, 104.25, "锦江区")
    place = opened(kit.application.heard[0])
    assert (place["Location_X"], place["Location_Y"], place["Label"]) == ("30.5", "104.25", "锦江区")


def test_picture_of_a_person_can_be_fetched_for_three_days() -> None:
    kit = Kit()
    kit.world.send_image("Owner01", PNG, "柜台.png")
    media_id = opened(kit.application.heard[0])["MediaId"]
    url = "http://sandbox/wecom/cgi-bin/media/get"
    query = {"access_token": kit.wecom_token(), "media_id": media_id}
    answer = kit.client.get(url, params=query)
    assert answer.content == PNG
    assert answer.headers["Content-Disposition"] == f"attachment; filename={media_id}.png"
    kit.wait(days=3)
    query["access_token"] = kit.wecom_token()
    assert kit.client.get(url, params=query).json()["errcode"] == 40007


def test_console_check_of_the_callback_address() -> None:
    kit = Kit()

    def echo(asked: Any) -> str:
        args = asked.args
        return str(crypto().check_signature(args["msg_signature"], args["timestamp"], args["nonce"], args["echostr"]))

    kit.application.answer = echo
    assert kit.world.check_wecom_url()
    kit.answer_with("wrong")
    assert not kit.world.check_wecom_url()


def test_token_wrong_missing_expired_and_early_dead() -> None:
    kit = Kit()
    token = kit.wecom_token()
    assert kit.wecom_token() == token
    assert kit.wecom("message/send", text("x"), access_token="no")["errcode"] == 40014
    assert kit.wecom("message/send", text("x"), other="1")["errcode"] == 41001
    kit.wait(seconds=7200)
    assert kit.wecom("message/send", text("x"), access_token=token)["errcode"] == 42001
    kit.world.faults.token_expired.next = 1
    fresh = kit.wecom_token()
    assert kit.wecom("message/send", text("x"), access_token=fresh)["errcode"] == 42001
    assert kit.wecom("message/send", text("x"))["errcode"] == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"corpsecret": "wecom-secret"}, 41002),
        ({"corpid": KEYS.wecom_corp_id}, 41004),
        ({"corpid": "ww", "corpsecret": "wecom-secret"}, 40013),
        ({"corpid": KEYS.wecom_corp_id, "corpsecret": "秘密"}, 40001),
    ],
)
def test_gettoken_refusals(query: dict[str, str], code: int) -> None:
    url = "http://sandbox/wecom/cgi-bin/gettoken"
    assert Kit().client.get(url, params=query).json()["errcode"] == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**text("x"), "agentid": None}, 41011),
        ({**text("x"), "agentid": "app"}, 40056),
        ({**text("x"), "agentid": 7}, 301002),
        ({**text("x"), "msgtype": "carrier_pigeon"}, 40008),
        (text(""), 44004),
        (text("x", touser=""), 81012),
        (text("x", touser="nobody|noone"), 81013),
        (letter("markdown", {"content": "酒" * 683}), 45002),
        (letter("textcard", {"title": "t", "description": "d", "url": "jiuhui.example"}), 45034),
        (letter("textcard", {"title": "t", "url": "https://x"}), 41016),
        (letter("image", {"media_id": "unknown"}), 40007),
        (letter("news", {"articles": [{"title": "t"}] * 9}), 45008),
        (letter("news", {"articles": [{"title": "t"}]}, safe=1), 40074),
        (letter("template_card", {"card_type": "unknown"}), 40058),
        (b"{broken", 40058),
        (b"[]", 40058),
        (b'{"touser":"owner01","text":{"content":"\\u9152"}}', 40033),
    ],
)
def test_send_refusals(body: Any, code: int) -> None:
    kit = Kit()
    assert kit.wecom("message/send", body)["errcode"] == code
    assert kit.world.chat("wecom", "Owner01") == []


def without(name: str, card: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in card.items() if key != name}


ROW = {"keyname": "k", "value": "v"}
NOTICE = {"card_type": "text_notice", "main_title": {"title": "t"}}


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (button_card(vertical_content_list=[{"title": "t"}] * 5), 42036),
        (button_card(horizontal_content_list=[ROW] * 7), 42035),
        (button_card(horizontal_content_list=[{"value": "v"}]), 42027),
        (button_card(horizontal_content_list=[{**ROW, "type": 2}]), 42029),
        (button_card(horizontal_content_list=[{**ROW, "type": 3}]), 42050),
        (button_card(jump_list=[{"title": "t"}] * 4), 42042),
        (button_card(button_list=[{"key": "k"}]), 42038),
        (button_card(button_list=[{"text": "t"}]), 42039),
        (button_card(button_list=[{"text": "t", "key": "k"}] * 2), 42018),
        (button_card(button_list=[{"text": "t", "key": "k" * 1025}]), 42017),
        (button_card(button_list=[{"text": "t", "key": str(i)} for i in range(7)]), 40058),
        (button_card(task_id="任务"), 40058),
        (without("task_id", button_card()), 40058),
        (without("main_title", button_card()), 40058),
        (NOTICE, 42045),
        ({**NOTICE, "card_action": {"type": 1, "url": "x"}}, 45034),
        ({**NOTICE, "card_action": {"type": 1, "url": "https://" + "x" * 2048}}, 40039),
        ({"card_type": "text_notice", "card_action": {"type": 1, "url": "https://x"}}, 40058),
        (without("submit_button", vote_card()), 42046),
        ({**vote_card(), "submit_button": {"text": "t"}}, 42049),
        ({**without("checkbox", vote_card()), "card_type": "multiple_interaction"}, 42047),
    ],
)
def test_card_refusals(card: dict[str, Any], code: int) -> None:
    assert Kit().wecom("message/send", letter("template_card", card))["errcode"] == code


CARD_WORDS = [
    *("card_type", "task_id", "main_title", "title", "desc", "button_list", "text", "key", "type"),
    *("horizontal_content_list", "keyname", "value", "card_action", "url", "checkbox", "mode"),
    *("option_list", "id", "is_checked", "submit_button", "question_key", "select_list"),
    *("action_menu", "action_list", "quote_area", "source", "jump_list", "content", "articles"),
]
KINDS = [*APP_BODIES, *CHECKS, "https://x", "a", ""]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 5) | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(CARD_WORDS), inner, max_size=8),
    max_leaves=25,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(list(APP_BODIES)), junk=JUNK, base=st.booleans())
def test_junk_is_refused_with_a_code(kind: str, junk: Any, base: bool) -> None:
    kit = Kit()
    if base and isinstance(junk, dict):
        junk = {**button_card(), **junk}
    for path, body in (
        ("message/send", {**letter(kind, junk), "duplicate_check_interval": junk}),
        ("message/update_template_card", {"agentid": KEYS.wecom_agent_id, "template_card": junk, "button": junk}),
        ("menu/create", junk),
    ):
        query = {"access_token": kit.wecom_token(), "agentid": str(KEYS.wecom_agent_id)}
        assert isinstance(kit.wecom(path, body, **query)["errcode"], int)
    assert isinstance(kit.wecom("webhook/send", letter(kind, junk), key="wecom-robot-key")["errcode"], int)


def test_partly_wrong_receivers_are_named_lower_cased() -> None:
    kit = Kit()
    answer = kit.wecom("message/send", text("通知", touser="OWNER01|Ghost"))
    assert (answer["errcode"], answer["invaliduser"]) == (0, "ghost")
    assert [bubble.body for bubble in kit.world.chat("wecom", "owner01")] == ["通知"]


def test_long_text_is_cut_at_2048_bytes() -> None:
    kit = Kit()
    kit.wecom("message/send", text("酒" * 900))
    assert kit.world.chat("wecom", "owner01")[0].body == "酒" * 682


def test_card_texts_are_cut_as_the_client_cuts() -> None:
    kit = Kit()
    card = button_card(main_title={"title": "长" * 40})
    card["horizontal_content_list"] = [{"keyname": "很长的栏目名", "value": "v"}]
    kit.wecom("message/send", letter("template_card", card))
    bubble = kit.world.chat("wecom", "owner01")[0]
    assert bubble.title == "长" * 35 + "…"
    assert bubble.fields == [("很长的栏…", "v")]


def test_plugin_member_sees_text_but_no_markdown_nor_card() -> None:
    kit = Kit()
    for body in (
        letter("markdown", {"content": "**x**"}, touser="owner02"),
        letter("template_card", button_card(), touser="owner02"),
        text("看得见", touser="owner02"),
    ):
        assert kit.wecom("message/send", body)["errcode"] == 0
    assert [bubble.body for bubble in kit.world.chat("wecom", "owner02")] == ["看得见"]
    assert [bubble.kind for bubble in kit.world.invisible] == ["markdown", "card"]


def test_member_gets_thirty_a_minute_and_the_rest_silently_not() -> None:
    kit = Kit()
    codes = {kit.wecom("message/send", text(f"第 {i} 条"))["errcode"] for i in range(32)}
    assert codes == {0}
    assert len(kit.world.chat("wecom", "owner01")) == 30
    assert len(kit.world.dropped) == 2
    kit.wait(seconds=61)
    kit.wecom("message/send", text("再来"))
    assert len(kit.world.chat("wecom", "owner01")) == 31


def test_hourly_limit_counts_over_minutes() -> None:
    kit = Kit(limits=Limits(wecom_member_hour=3))
    for number in range(5):
        kit.wecom("message/send", text(str(number)))
        kit.wait(minutes=5)
    assert len(kit.world.chat("wecom", "owner01")) == 3


def test_identical_request_is_not_delivered_again_within_the_interval() -> None:
    kit = Kit()
    body = letter("template_card", button_card(), enable_duplicate_check=1)
    body["duplicate_check_interval"] = 600
    first, second = kit.wecom("message/send", body), kit.wecom("message/send", body)
    assert (first["errcode"], second["errcode"]) == (0, 0)
    assert first["msgid"] == second["msgid"]
    assert "response_code" not in second
    assert len(kit.world.chat("wecom", "owner01")) == 1
    kit.wait(seconds=601)
    assert kit.wecom("message/send", body)["errcode"] == 42014


def test_task_id_is_never_reused() -> None:
    kit = Kit()
    kit.wecom("message/send", letter("template_card", button_card()))
    again = kit.wecom("message/send", letter("template_card", button_card(), touser="owner02"))
    assert again["errcode"] == 42014


def test_press_sends_the_event_with_a_fresh_code() -> None:
    kit = Kit()
    sent = kit.wecom("message/send", letter("template_card", button_card()))
    card = kit.world.chat("wecom", "owner01")[0]
    kit.world.press("wecom", "owner01", card.id, "recall:1:agree:0")
    event = opened(kit.application.heard[0])
    assert event["Event"] == "template_card_event"
    assert (event["EventKey"], event["TaskId"]) == ("recall:1:agree:0", "task-1")
    assert event["CardType"] == "button_interaction"
    assert event["ResponseCode"] not in ("", sent["response_code"])


def test_passive_reply_to_a_card_press_is_ignored() -> None:
    kit = Kit()
    kit.wecom("message/send", letter("template_card", button_card()))
    card = kit.world.chat("wecom", "owner01")[0]
    kit.answer_with(passive("text", "<Content>好</Content>"))
    kit.world.press("wecom", "owner01", card.id, "recall:1:agree:0")
    assert len(kit.world.chat("wecom", "owner01")) == 1
    assert "被动回复" in kit.world.notes[-1].text


def test_press_reports_the_choices() -> None:
    kit = Kit()
    kit.wecom("message/send", letter("template_card", vote_card()))
    card = kit.world.chat("wecom", "owner01")[0]
    kit.world.press("wecom", "owner01", card.id, "submit", {"what": ["a", "b"]})
    item = opened(kit.application.heard[0])["SelectedItems"]["SelectedItem"]
    assert (item["QuestionKey"], item["OptionIds"]["OptionId"]) == ("what", ["a", "b"])
    for wrong in ({"what": ["z"]}, {"where": ["a"]}):
        with pytest.raises(CannotAct):
            kit.world.press("wecom", "owner01", card.id, "submit", wrong)


def test_update_by_code_greys_all_copies_once() -> None:
    kit = Kit()
    sent = kit.wecom("message/send", letter("template_card", button_card()))
    update = {
        "agentid": KEYS.wecom_agent_id,
        "response_code": sent["response_code"],
        "atall": 1,
        "button": {"replace_name": "已同意"},
    }
    assert kit.wecom("message/update_template_card", update)["invaliduser"] == []
    card = kit.world.chat("wecom", "owner01")[0]
    assert (card.status, card.buttons, card.title) == ("已同意", [], "请清点库存")
    assert kit.wecom("message/update_template_card", update)["errcode"] == 60140
    with pytest.raises(CannotAct, match="不能按"):
        kit.world.press("wecom", "owner01", card.id, "recall:1:agree:0")


def test_update_code_dies_after_72_hours() -> None:
    kit = Kit()
    sent = kit.wecom("message/send", letter("template_card", button_card()))
    kit.wait(hours=72)
    update = {"agentid": KEYS.wecom_agent_id, "response_code": sent["response_code"], "atall": 1}
    update["button"] = {"replace_name": "已同意"}
    assert kit.wecom("message/update_template_card", update)["errcode"] == 60140


def test_update_replaces_the_card_and_names_strangers() -> None:
    kit = Kit()
    sent = kit.wecom("message/send", letter("template_card", button_card()))
    new = {**button_card(), "main_title": {"title": "已清点"}, "replace_text": "已由 王芳 同意"}
    update = {
        "agentid": KEYS.wecom_agent_id,
        "response_code": sent["response_code"],
        "userids": ["OWNER01", "owner02"],
        "template_card": without("task_id", new),
    }
    assert kit.wecom("message/update_template_card", update)["invaliduser"] == ["owner02"]
    card = kit.world.chat("wecom", "owner01")[0]
    assert (card.title, card.status, card.buttons) == ("已清点", "已由 王芳 同意", [])


def test_recall_only_within_a_day() -> None:
    kit = Kit()
    first = kit.wecom("message/send", text("错了"))["msgid"]
    assert kit.wecom("message/recall", {"msgid": first})["errcode"] == 0
    assert kit.world.chat("wecom", "owner01")[0].kind == "recalled"
    kit.wait(hours=25)
    assert kit.wecom("message/recall", {"msgid": first})["errcode"] == 42052
    assert kit.wecom("message/recall", {"msgid": "?"})["errcode"] == 40058


@pytest.mark.parametrize(
    ("kind", "name", "content", "code"),
    [
        ("image", "a.png", PNG, 0),
        ("image", "a.png", b"GIF89a....", 40005),
        ("file", "a.pdf", b"tiny", 40006),
        ("file", "a.pdf", b"", 44001),
        ("painting", "a.pdf", b"long enough", 40004),
        ("voice", "a.amr", b"#!AMR" + b"0" * 2 * 1024 * 1024, 45001),
    ],
)
def test_upload_rules(kind: str, name: str, content: bytes, code: int) -> None:
    kit = Kit()
    answer = kit.client.post(
        "http://sandbox/wecom/cgi-bin/media/upload",
        params={"access_token": kit.wecom_token(), "type": kind},
        files={"media": (name, content)},
    ).json()
    assert answer["errcode"] == code


def test_uploaded_file_is_sent_under_its_chinese_name() -> None:
    kit = Kit()
    media = kit.client.post(
        "http://sandbox/wecom/cgi-bin/media/upload",
        params={"access_token": kit.wecom_token(), "type": "file"},
        files={"media": ("回收单.pdf", b"%PDF-1.7 ...")},
    ).json()
    kit.wecom("message/send", letter("file", {"media_id": media["media_id"]}))
    assert kit.world.chat("wecom", "owner01")[0].title == "回收单.pdf"


def test_menu_is_kept_and_scanned_with() -> None:
    kit = Kit()
    query = {"access_token": kit.wecom_token(), "agentid": str(KEYS.wecom_agent_id)}
    scan = {"type": "scancode_waitmsg", "name": "扫一扫", "key": "scan_code"}
    assert kit.wecom("menu/create", {"button": [scan]}, **query)["errcode"] == 0
    kit.world.scan("Owner01", "6901382103355")
    assert opened(kit.application.heard[0])["EventKey"] == "scan_code"
    assert kit.wecom("menu/create", {"button": [scan] * 4}, **query)["errcode"] == 40016
    long = {**scan, "name": "非常长的名字"}
    assert kit.wecom("menu/create", {"button": [long]}, **query)["errcode"] == 40018
    assert kit.wecom("menu/create", {"button": [scan]}, **{**query, "agentid": "1"})["errcode"] == 40056


def robot(words: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": words}}


def test_group_robot_shows_twenty_a_minute_then_refuses() -> None:
    kit = Kit()
    codes = [kit.wecom("webhook/send", robot(str(number)), key="wecom-robot-key")["errcode"] for number in range(21)]
    assert codes == [0] * 20 + [45009]
    assert len(kit.world.group("wecom", "门店群")) == 20
    kit.wait(seconds=61)
    assert kit.wecom("webhook/send", robot("x"), key="wecom-robot-key")["errcode"] == 0


@pytest.mark.parametrize(
    ("key", "body", "code"),
    [
        ("other", robot("x"), 93000),
        ("wecom-robot-key", {}, 93017),
        ("wecom-robot-key", {"msgtype": "markdown", "markdown": {"content": "酒" * 1366}}, 40058),
        ("wecom-robot-key", {"msgtype": "template_card", "template_card": button_card()}, 40058),
        ("wecom-robot-key", {"msgtype": "news", "news": {"articles": [{"title": "t"}]}}, 45034),
        (
            "wecom-robot-key",
            {"msgtype": "image", "image": {"base64": "AAAA", "md5": "0"}},
            301019,
        ),
    ],
)
def test_group_robot_refusals(key: str, body: Any, code: int) -> None:
    assert Kit().wecom("webhook/send", body, key=key)["errcode"] == code


def test_group_robot_picture_and_file() -> None:
    kit = Kit()
    picture = {
        "base64": base64.b64encode(PNG).decode(),
        "md5": hashlib.md5(PNG, usedforsecurity=False).hexdigest(),
    }
    body = {"msgtype": "image", "image": picture}
    assert kit.wecom("webhook/send", body, key="wecom-robot-key")["errcode"] == 0
    media = kit.client.post(
        "http://sandbox/wecom/cgi-bin/webhook/upload_media",
        params={"key": "wecom-robot-key", "type": "file"},
        files={"media": ("日报.xlsx", b"PK....")},
    ).json()
    body = {"msgtype": "file", "file": {"media_id": media["media_id"]}}
    assert kit.wecom("webhook/send", body, key="wecom-robot-key")["errcode"] == 0
    assert [bubble.kind for bubble in kit.world.group("wecom", "门店群")] == ["image", "file"]
    assert kit.wecom("message/send", letter("file", body["file"]))["errcode"] == 40007


def test_members_in_a_group_are_not_heard() -> None:
    kit = Kit()
    kit.world.say_in_group("wecom", "门店群", "Owner01", "大家好")
    assert kit.application.heard == []
    assert kit.world.group("wecom", "门店群")[0].sender == "刘老板"


def test_member_data_and_unknown_member() -> None:
    kit = Kit()
    url = "http://sandbox/wecom/cgi-bin/user/get"
    query = {"access_token": kit.wecom_token(), "userid": "owner01"}
    assert kit.client.get(url, params=query).json()["name"] == "刘老板"
    assert kit.client.get(url, params={**query, "userid": "x"}).json()["errcode"] == 60111
    with pytest.raises(CannotAct, match="没有这个人"):
        kit.world.say("wecom", "x", "hi")


def test_unknown_path_and_method_answer_in_wecom_form() -> None:
    kit = Kit()
    assert kit.wecom("message/telepathy", {})["errcode"] == 40058
    assert kit.client.get("http://sandbox/wecom/cgi-bin/message/send").json()["errcode"] == 40058


def test_fault_late_answer_times_out_after_the_work_was_done() -> None:
    kit = Kit()
    token = kit.wecom_token()
    kit.world.faults.late.next = 1
    with pytest.raises(requests.ReadTimeout):
        kit.client.post(
            "http://sandbox/wecom/cgi-bin/message/send",
            params={"access_token": token},
            json=text("late"),
            timeout=(3, 10),
        )
    assert kit.slept == [12.0]
    assert len(kit.world.chat("wecom", "owner01")) == 1


def test_fault_server_error_and_busy_do_no_work() -> None:
    kit = Kit()
    query = {"access_token": kit.wecom_token()}
    kit.world.faults.server_error.next = 1
    url = "http://sandbox/wecom/cgi-bin/message/send"
    assert kit.client.post(url, params=query, json=text("x")).status_code == 500
    kit.world.faults.busy.next = 1
    assert kit.wecom("message/send", text("x"), **query)["errcode"] == 45009
    assert kit.world.chat("wecom", "owner01") == []


def test_fault_dropped_message_still_answers_success() -> None:
    kit = Kit()
    kit.world.faults.dropped.next = 1
    assert kit.wecom("message/send", text("x"))["errcode"] == 0
    assert kit.world.chat("wecom", "owner01") == []
    assert kit.world.dropped[0].face.body == "x"


def test_fault_duplicated_callback_is_the_same_message_twice() -> None:
    kit = Kit()
    kit.answer_with(passive("text", "<Content>好</Content>"))
    kit.world.faults.duplicated.next = 1
    delivery = kit.world.say("wecom", "Owner01", "24 瓶")
    first, second = kit.application.heard
    assert first.body == second.body
    assert delivery.attempts == 2
    assert len(kit.world.chat("wecom", "Owner01")) == 2


def test_fault_reordered_callback_comes_after_the_next() -> None:
    kit = Kit()
    kit.world.faults.reordered.next = 1
    assert kit.world.say("wecom", "Owner01", "一").held
    kit.world.say("wecom", "Owner01", "二")
    assert [opened(heard)["Content"] for heard in kit.application.heard] == ["二", "一"]


def test_held_callback_can_be_released() -> None:
    kit = Kit()
    kit.world.faults.reordered.next = 1
    kit.world.say("wecom", "Owner01", "一")
    kit.world.courier.release()
    assert [opened(heard)["Content"] for heard in kit.application.heard] == ["一"]
    assert kit.world.courier.release() is None


def test_fault_slow_and_lost_callbacks() -> None:
    kit = Kit()
    kit.world.faults.slow.next = 1
    kit.world.say("wecom", "Owner01", "慢")
    assert kit.slept == [3.0]
    kit.world.faults.lost.next = 1
    assert kit.world.say("wecom", "Owner01", "丢").attempts == 0
    assert len(kit.application.heard) == 1


def test_chance_faults_repeat_with_the_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Kit(seed=seed).world.faults
        faults.lost.chance = 0.5
        return [faults.fires(faults.lost) for _ in range(20)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


def test_watchers_hear_new_bubbles_and_real_changes() -> None:
    kit = Kit()
    fresh: list[str] = []
    changed: list[str] = []
    kit.world.on_bubble.append(lambda bubble: fresh.append(bubble.title))
    kit.world.on_change.append(lambda bubble: changed.append(bubble.status))
    sent = kit.wecom("message/send", letter("template_card", button_card()))
    update = {"agentid": KEYS.wecom_agent_id, "response_code": sent["response_code"], "atall": 1}
    kit.wecom("message/update_template_card", {**update, "button": {"replace_name": "已同意"}})
    assert (fresh, changed) == (["请清点库存"], ["已同意"])


def test_chat_keeps_the_last_500() -> None:
    kit = Kit()
    for number in range(505):
        kit.world.say("wecom", "Owner01", str(number))
    bubbles = kit.world.chat("wecom", "Owner01")
    assert (len(bubbles), bubbles[0].body) == (500, "5")
    with pytest.raises(CannotAct):
        kit.world.press("wecom", "Owner01", 1, "x")
