"""The receiving side of WeCom: documented vectors, every kind of event, and garbage."""

import subprocess
import sys
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy.enterprise.crypto import WeChatCrypto

from bots.envelope import MAX_BODY, BadCallback, signature_of
from bots.wecom.callback import WecomCallback

TOKEN = "ShopBotToken01"
KEY = "kZ3mQ7vT1xR9bN5cW2yH8gJ4fL6pD0sAeUiOoPqXwE0"
CORP = "ww00aa11bb22cc33dd"
NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)

ECHO = "BoMqjGsQzwB4au0Bm9Z227I1799W6UnJYa8yNA78gPFepvCUJSqqvOljZnh+HWoQGeu5zGljYxNvIrrY00xGxA=="
ECHO_ARGS = {
    "timestamp": "1767225600",
    "nonce": "n0nce01",
    "msg_signature": "789ec94cd8003f3bc7b743d6179960941239c3b7",
    "echostr": ECHO,
}
EMOJI = (
    "3B8MoEAfxbfuFFDgZWnU8S02ENiTHQeVZwQnLQWTB1Ke1hMqR6ZaOJc2k9hM9gS0GL11/M5Uxs1lWZlZqGDMRTK8/ZmTgoqM"
    "/sA1k1KimHPxMBdIxvlDieHLU3kbawmcT+71bhmEKonjeR4wMm2xVC6DoRDEBcT9t8Bgajwm1il2OwYsdmZ2vwGJCGNnLqtV"
    "kp8sPBZ8Kw/ehdg4n/OXRd80GsJtQK4MdIzXQ3D9zHD+3Qzkh2ruYB9wc8G4iB8aHQFL9mAN9MPos+YeRT/F9Yubjw8giQ9Y"
    "RDc3ztNi8O1WM0VdUOvRCcmdt8k96xrZKpI+YQjP/2l+0Wt/LqV+1cWoJs2HJzXmwaNQoL2yw2S0ddkhKJscXc0u/37iwM90"
    "hQettdC4GsH6LqxZF+YLcZaXeBqUpuZAoB0V4NTVVv6dURLx8gjKW63zKec0o7GYioK14cTchqj3bj5PitbqFQ=="
)
EMOJI_ARGS = {
    "timestamp": "1767225601",
    "nonce": "n0nce02",
    "msg_signature": "ad6a270979894d8e8b575910dc55f46cea5a272a",
}

callback = WecomCallback(TOKEN, KEY, CORP, 1000002)
platform = WeChatCrypto(TOKEN, KEY, CORP)


def sealed(plain: str, crypto: WeChatCrypto = platform) -> tuple[dict[str, str], bytes]:
    """Encrypt `plain` as the platform does and return query and body."""
    envelope = crypto.encrypt_message(plain, "nonce", "1767225601")
    outer = xmltodict.parse(envelope)["xml"]
    args = {
        "timestamp": "1767225601",
        "nonce": "nonce",
        "msg_signature": outer["MsgSignature"],
    }
    body = f"<xml><ToUserName>{CORP}</ToUserName><Encrypt>{outer['Encrypt']}</Encrypt></xml>"
    return args, body.encode()


def inner_xml(kind: str, rest: str = "", user: str = "Owner01", agent: str = "1000002") -> str:
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName>\n"
        f"<FromUserName><![CDATA[{user}]]></FromUserName>"
        f"<CreateTime>1767225601</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>"
        f"{rest}<AgentID>{agent}</AgentID></xml>"
    )


def received(kind: str, rest: str = "", user: str = "Owner01"):
    inner = callback.open_envelope(*sealed(inner_xml(kind, rest, user)))
    return callback.parse(inner, NOW)


def event(name: str, rest: str = ""):
    return received("event", f"<Event>{name}</Event>{rest}")


def test_verify_url_documented_vector() -> None:
    assert callback.verify_url(ECHO_ARGS) == "8136572904417755021"


def test_verify_url_repairs_plus_decoded_twice() -> None:
    assert callback.verify_url({**ECHO_ARGS, "echostr": ECHO.replace("+", " ")}) == ("8136572904417755021")


@pytest.mark.parametrize("missing", ["timestamp", "nonce", "msg_signature", "echostr"])
def test_verify_url_missing_part(missing: str) -> None:
    args = {name: value for name, value in ECHO_ARGS.items() if name != missing}
    with pytest.raises(BadCallback):
        callback.verify_url(args)


def test_text_documented_vector() -> None:
    body = (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[1000002]]></AgentID>"
        f"<Encrypt><![CDATA[{EMOJI}]]></Encrypt></xml>"
    )
    incoming = callback.parse(callback.open_envelope(EMOJI_ARGS, body.encode()), NOW)
    assert (incoming.kind, incoming.user, incoming.text) == ("text", "owner01", "盘点😀")
    assert incoming.key.endswith("|1000002|owner01|7459035031717794886")
    assert incoming.platform == "wecom"


def test_user_id_is_case_folded_and_time_is_the_platforms() -> None:
    incoming = received("text", "<Content>好</Content><MsgId>1</MsgId>", user="ZhangSan")
    assert incoming.user == "zhangsan"
    assert incoming.at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_time_from_the_future_is_now() -> None:
    inner = {"MsgType": "text", "CreateTime": "99999999999", "FromUserName": "a"}
    assert callback.parse(inner, NOW).at == NOW
    assert callback.parse({**inner, "CreateTime": "9" * 40}, NOW).at == NOW


def test_text_empty_content() -> None:
    assert received("text", "<Content></Content><MsgId>1</MsgId>").text == ""


def test_image_and_voice_carry_media() -> None:
    image = received("image", "<PicUrl>http://x</PicUrl><MediaId>M1</MediaId><MsgId>1</MsgId>")
    voice = received("voice", "<MediaId>M2</MediaId><Format>amr</Format><MsgId>2</MsgId>")
    assert (image.kind, image.media_id) == ("image", "M1")
    assert (voice.kind, voice.media_id) == ("voice", "M2")


def test_location_message_and_report() -> None:
    sent = received(
        "location",
        "<Location_X>30.66</Location_X><Location_Y>104.06</Location_Y><Label>春熙路</Label><MsgId>1</MsgId>",
    )
    report = event("LOCATION", "<Latitude>30.5</Latitude><Longitude>104.1</Longitude>")
    assert (sent.kind, sent.place, sent.text) == ("location", (30.66, 104.06), "春熙路")
    assert (report.kind, report.place) == ("location", (30.5, 104.1))


@pytest.mark.parametrize(("x", "y"), [("abc", "1"), ("", ""), ("nan", "1"), ("95", "10")])
def test_location_impossible_has_no_place(x: str, y: str) -> None:
    rest = f"<Location_X>{x}</Location_X><Location_Y>{y}</Location_Y><MsgId>1</MsgId>"
    assert received("location", rest).place is None


def test_simple_events() -> None:
    assert event("enter_agent", "<EventKey/>").kind == "enter"
    assert event("subscribe").kind == "subscribe"
    gone = event("unsubscribe")
    assert (gone.kind, gone.text) == ("other", "unsubscribe")


def test_menu_click_and_page() -> None:
    click = event("click", "<EventKey>my_tasks</EventKey>")
    view = event("view", "<EventKey>https://a.example/t</EventKey>")
    assert (click.kind, click.button) == ("menu", "my_tasks")
    assert (view.kind, view.button, view.text) == ("menu", "", "https://a.example/t")


@pytest.mark.parametrize("name", ["scancode_push", "scancode_waitmsg"])
def test_scan(name: str) -> None:
    rest = (
        "<EventKey>scan_return</EventKey><ScanCodeInfo><ScanType>qrcode</ScanType>"
        "<ScanResult>https://a.example/s/S01?x=1&amp;y=2</ScanResult></ScanCodeInfo>"
    )
    scan = event(name, rest)
    assert (scan.kind, scan.button) == ("scan", "scan_return")
    assert scan.text == "https://a.example/s/S01?x=1&y=2"


def card_event(items: str):
    return event(
        "template_card_event",
        "<EventKey>task:7:confirm:2</EventKey><TaskId>t_7</TaskId><CardType>multiple_interaction</CardType>"
        f"<ResponseCode>RC1</ResponseCode><SelectedItems>{items}</SelectedItems>",
    )


def selected(question: str, *options: str) -> str:
    ids = "".join(f"<OptionId>{option}</OptionId>" for option in options)
    return f"<SelectedItem><QuestionKey>{question}</QuestionKey><OptionIds>{ids}</OptionIds></SelectedItem>"


def test_card_press_with_one_choice() -> None:
    press = card_event(selected("reason", "slow"))
    assert (press.kind, press.button) == ("button", "task:7:confirm:2")
    assert (press.card_ref, press.response_code) == ("t_7", "RC1")
    assert press.choices == {"reason": ["slow"]}


def test_card_press_with_many_choices() -> None:
    press = card_event(selected("reason", "slow", "old") + selected("when", "today"))
    assert press.choices == {"reason": ["slow", "old"], "when": ["today"]}


def test_card_press_without_choices() -> None:
    assert card_event("").choices == {}
    assert card_event("words").choices == {}
    assert card_event("<SelectedItem>words</SelectedItem>").choices == {}


def test_card_menu_press() -> None:
    press = event(
        "template_card_menu_event",
        "<EventKey>mute</EventKey><TaskId>t_9</TaskId><ResponseCode>RC2</ResponseCode>",
    )
    assert (press.kind, press.button, press.card_ref) == ("button", "mute", "t_9")


@pytest.mark.parametrize("kind", ["link", "video", "file", "hologram", ""])
def test_unknown_message_is_other(kind: str) -> None:
    assert received(kind, "<MsgId>1</MsgId>").kind == "other"


def test_unknown_event_is_other_with_its_name() -> None:
    found = event("inactive_alert", "<EffectTime>1</EffectTime>")
    assert (found.kind, found.text) == ("other", "inactive_alert")


def test_key_redelivery_is_equal_although_ciphertext_differs() -> None:
    plain = inner_xml("event", "<Event>click</Event><EventKey>a</EventKey>")
    first, second = sealed(plain), sealed(plain)
    assert first[1] != second[1]
    keys = {callback.parse(callback.open_envelope(*one), NOW).key for one in (first, second)}
    assert len(keys) == 1


def test_key_two_events_in_one_second_differ() -> None:
    one = event("click", "<EventKey>a</EventKey>")
    other = event("click", "<EventKey>b</EventKey>")
    assert one.key != other.key


def test_key_same_message_id_of_two_senders_differs() -> None:
    rest = "<Content>1</Content><MsgId>5</MsgId>"
    assert received("text", rest, user="a").key != received("text", rest, user="b").key


def test_key_is_bounded() -> None:
    assert len(event("e" * 2000).key) <= 240


def test_envelope_for_another_company() -> None:
    other = WeChatCrypto(TOKEN, KEY, "ww99")
    with pytest.raises(BadCallback, match="another company"):
        callback.open_envelope(*sealed(inner_xml("text"), other))


def test_envelope_for_another_app() -> None:
    with pytest.raises(BadCallback, match="another app"):
        callback.open_envelope(*sealed(inner_xml("text", agent="1000003")))


def test_envelope_without_agent_is_a_directory_event() -> None:
    plain = inner_xml("event", "<Event>change_contact</Event>").replace("<AgentID>1000002</AgentID>", "")
    assert callback.parse(callback.open_envelope(*sealed(plain)), NOW).kind == "other"


def test_envelope_tampered_signature() -> None:
    args, body = sealed(inner_xml("text"))
    with pytest.raises(BadCallback, match="signature"):
        callback.open_envelope({**args, "nonce": "other"}, body)


def test_envelope_too_large() -> None:
    with pytest.raises(BadCallback, match="large"):
        callback.open_envelope({}, b"<" * (MAX_BODY + 1))


BOMB = b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<xml/>",
        b"<other/>",
        b"<xml><Encrypt><a/></Encrypt></xml>",
        b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>",
        b"\xff\xfe<xml/>",
        b'<?xml version="1.0" encoding="nonsense"?><xml><Encrypt>a</Encrypt></xml>',
        BOMB,
    ],
)
def test_envelope_malformed_body(body: bytes) -> None:
    with pytest.raises(BadCallback):
        callback.open_envelope(EMOJI_ARGS, body)


@pytest.mark.parametrize("plain", ["", "words", "<xml/>", "<a>1</a>", BOMB.decode()])
def test_envelope_signed_but_malformed_inside(plain: str) -> None:
    with pytest.raises(BadCallback):
        callback.open_envelope(*sealed(plain))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_envelope_random_bytes_are_bad_callbacks(body: bytes) -> None:
    with pytest.raises(BadCallback):
        callback.open_envelope(EMOJI_ARGS, body)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=30), st.text(max_size=30))
def test_signed_garbage_is_a_bad_callback(encrypted: str, timestamp: str, nonce: str) -> None:
    args = {"timestamp": timestamp, "nonce": nonce, "echostr": encrypted}
    args["msg_signature"] = signed(timestamp, nonce, encrypted.replace(" ", "+"))
    with pytest.raises(BadCallback):
        callback.verify_url(args)


def signed(timestamp: str, nonce: str, encrypted: str) -> str:
    return signature_of(TOKEN, timestamp, nonce, encrypted)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["MsgType", "Event", "EventKey", "CreateTime", "SelectedItems", "MsgId"]),
        st.one_of(st.none(), st.text(max_size=20), st.lists(st.text(max_size=5), max_size=2)),
    )
)
def test_parse_any_dictionary_gives_an_incoming(inner: dict) -> None:
    assert callback.parse(inner, NOW).platform == "wecom"


def opened(reply: bytes) -> dict:
    outer = xmltodict.parse(reply)["xml"]
    plain = platform.decrypt_message(reply, outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"])
    return xmltodict.parse(plain)["xml"]


def test_passive_reply_swaps_the_parties() -> None:
    reply = opened(callback.passive_reply({"FromUserName": "Owner01"}, "收到", "n1", NOW))
    assert reply == {
        "ToUserName": "Owner01",
        "FromUserName": CORP,
        "CreateTime": str(int(NOW.timestamp())),
        "MsgType": "text",
        "Content": "收到",
    }


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=900))
def test_passive_reply_any_text_stays_one_content_of_2048_bytes(text: str) -> None:
    hostile = text + "]]></Content><x>&a;"
    reply = opened(callback.passive_reply({"FromUserName": "a]]>"}, hostile, "n", NOW))
    assert set(reply) == {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"}
    assert len((reply["Content"] or "").encode()) <= 2048


def test_passive_reply_cut_at_a_character() -> None:
    content = opened(callback.passive_reply({}, "汉" * 1000, "n", NOW))["Content"]
    assert content == "汉" * 681 + "…"


def test_may_reply_only_where_wecom_shows_it() -> None:
    assert callback.may_reply({"MsgType": "text"})
    assert callback.may_reply({"MsgType": "event", "Event": "LOCATION"})
    assert not callback.may_reply({"MsgType": "event", "Event": "template_card_event"})
    assert not callback.may_reply({"MsgType": "event", "Event": "scancode_push"})


@pytest.mark.parametrize("key", ["short", "", KEY + "A", "*" * 43])
def test_wrong_aes_key_is_found_at_start(key: str) -> None:
    with pytest.raises(ValueError, match="AES key"):
        WecomCallback(TOKEN, key, CORP, 1)


def test_import_leaves_the_dingtalk_sdk_out() -> None:
    code = "import bots.wecom.callback, sys; sys.exit('dingtalk' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False)
    assert done.returncode == 0


def test_text_with_xml_characters_survives() -> None:
    text = "<b>&\"'"
    assert received("text", f"<Content>{escape(text)}</Content><MsgId>1</MsgId>").text == text
