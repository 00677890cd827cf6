"""Speaking to WeCom: tokens, cards and their lengths, the plug-in, repainting, robots, errors."""

import base64
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.cut import cut_bytes, cut_chars, split_bytes
from bots.http import redact
from bots.tokens import MemoryTokens
from bots.wecom import cards
from bots.wecom.client import WecomClient
from bots.wecom.menu import menu
from bots.wecom.robot import WecomRobotSender
from bots.wecom.sender import WecomAppSender
from bots.wecom.settings import WecomSettings
from tests.fake_transport import Canned, FakePlatform, http_to
from texts.message import Button, Message
from workflows.letters import Letter, Refused, TryLater

BASE = "http://127.0.0.1:9/sandbox/wecom"
SETTINGS = WecomSettings("ww1", 1000002, "s3cret", "t", "k", BASE)
ASK = Message(
    title="请确认退货",
    body="请在今天 18:00 前回复",
    fields=[("单号", "R17"), ("数量", "24 瓶")],
    buttons=[
        Button("同意", "task:7:confirm:2", style="primary"),
        Button("驳回", "task:7:refuse:2", style="danger"),
    ],
)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class World:
    """A WeCom that answers, and one app talking to it."""

    def __init__(self) -> None:
        self.platform = FakePlatform()
        self.clock = Clock()
        self.plugin_users: set[str] = set()
        self.platform.on("/gettoken", self._token)
        self.platform.on("/message/send", {"errcode": 0, "msgid": "m1", "response_code": "rc1"})
        self.platform.on("/message/update_template_card", {"errcode": 0})
        self.tokens_given = 0
        http = http_to(self.platform)
        self.client = WecomClient(SETTINGS, MemoryTokens(self.clock), http)
        self.sender = WecomAppSender(
            self.client,
            lambda user: user not in self.plugin_users,
            lambda user, key: f"https://j.example/t/{user}-{key.replace(':', '_')}",
        )
        self.robot = WecomRobotSender({"华东": "robot-key"}, http, BASE)

    def _token(self, _seen) -> dict:
        self.tokens_given += 1
        return {"errcode": 0, "access_token": f"token{self.tokens_given}", "expires_in": 7200}

    def send(self, message: Message = ASK, **changes):
        fields = {
            "key": "k1",
            "channel": "wecom:app",
            "recipient": "owner01",
            "kind": "send",
            "card_ref": "t_7",
        }
        return self.sender.send(Letter(message=message, **{**fields, **changes}))

    def sent(self) -> list[dict]:
        return [seen.body for seen in self.platform.calls("/message/send")]

    def fail(self, *codes: int) -> None:
        answers = [{"errcode": code, "errmsg": "hint"} for code in codes]
        self.platform.on("/message/send", *answers)


@pytest.fixture
def world() -> World:
    return World()


def test_card_goes_out_with_buttons_and_code(world) -> None:
    receipt = world.send()
    [body] = world.sent()
    assert (receipt.platform_ref, receipt.response_code) == ("m1", "rc1")
    assert body["touser"] == "owner01"
    assert body["agentid"] == 1000002
    assert body["enable_duplicate_check"] == 1
    assert body["template_card"] == {
        "card_type": "button_interaction",
        "task_id": "t_7",
        "main_title": {"title": "请确认退货"},
        "sub_title_text": "请在今天 18:00 前回复",
        "horizontal_content_list": [
            {"keyname": "单号", "value": "R17"},
            {"keyname": "数量", "value": "24 瓶"},
        ],
        "button_list": [
            {"text": "同意", "style": 1, "type": 0, "key": "task:7:confirm:2"},
            {"text": "驳回", "style": 3, "type": 0, "key": "task:7:refuse:2"},
        ],
    }


def test_chinese_goes_out_unescaped_in_one_prefixed_path(world) -> None:
    world.send()
    [seen] = world.platform.calls("/message/send")
    assert seen.path == "/sandbox/wecom/cgi-bin/message/send"
    assert "请确认退货".encode() in seen.raw
    assert seen.query == {"access_token": "token1"}


def test_retry_is_byte_identical_and_other_letters_differ(world) -> None:
    hello = Message(title="没有待办")
    for key in ("k1", "k1", "k2"):
        world.send(hello, key=key)
    first, second, other = [seen.raw for seen in world.platform.calls("/message/send")]
    assert first == second
    assert first != other


def test_message_without_buttons_or_link_is_text(world) -> None:
    world.send(Message(title="盘点完成", body="谢谢", fields=[("合计", "24 瓶")]))
    [body] = world.sent()
    assert body["text"] == {"content": "盘点完成\n谢谢\n合计：24 瓶"}


def test_message_with_link_is_a_notice(world) -> None:
    world.send(Message(title="周报", link="https://j.example/r"))
    [body] = world.sent()
    assert body["template_card"] == {
        "card_type": "text_notice",
        "main_title": {"title": "周报"},
        "card_action": {"type": 1, "url": "https://j.example/r"},
    }


def test_long_body_is_shown_whole_after_the_card(world) -> None:
    long = "汉" * 900
    receipt = world.send(Message(title="标题", body=long, buttons=ASK.buttons))
    card, *texts = world.sent()
    assert len(card["template_card"]["sub_title_text"]) == 160
    assert "".join(one["text"]["content"] for one in texts).count("汉") == 900
    assert receipt.response_code == "rc1"


def test_plugin_user_gets_a_page_and_what_to_reply(world) -> None:
    world.plugin_users.add("owner01")
    world.send()
    [body] = world.sent()
    assert body["msgtype"] == "textcard"
    assert body["textcard"]["url"] == "https://j.example/t/owner01-task_7_confirm_2"
    assert "可直接回复：同意、驳回" in body["textcard"]["description"]


def test_plugin_user_without_any_page_gets_text(world) -> None:
    world.plugin_users.add("owner01")
    world.send(Message(title="盘点完成"))
    assert world.sent()[0]["msgtype"] == "text"


def test_textcard_takes_no_tags_from_names() -> None:
    body = cards.textcard_body(Message(title="t", body="<div>酒</div>"), "https://a.example")
    assert "<" not in body["textcard"]["description"]


def test_files_follow_and_are_uploaded_once(world, tmp_path) -> None:
    file = tmp_path / "回收单.pdf"
    file.write_bytes(b"%PDF-1.7 words")
    world.platform.on("/media/upload", {"errcode": 0, "media_id": "M1"})
    message = Message(title="单据", files=[str(file)])
    world.send(message)
    world.send(message, key="k2", recipient="owner02")
    [upload] = world.platform.calls("/media/upload")
    assert upload.query["type"] == "file"
    assert "回收单.pdf".encode() in upload.raw
    assert b"%PDF-1.7 words" in upload.raw
    assert [body["msgtype"] for body in world.sent()] == ["text", "file", "text", "file"]
    assert world.sent()[1]["file"] == {"media_id": "M1"}


def test_expired_media_is_uploaded_again_once(world, tmp_path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"1234567")
    world.platform.on("/media/upload", {"media_id": "OLD"}, {"media_id": "NEW"})
    fine = {"errcode": 0, "msgid": "m"}
    world.platform.on("/message/send", fine, {"errcode": 40007}, fine)
    world.send(Message(title="单据", files=[str(file)]))
    assert world.sent()[-1]["file"] == {"media_id": "NEW"}


def test_missing_file_is_refused(world) -> None:
    with pytest.raises(Refused, match="附件不存在"):
        world.send(Message(title="单据", files=["/nowhere/a.pdf"]))


def test_retry_goes_on_after_the_part_that_went_out(world, tmp_path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"PNG-bytes")
    world.platform.on("/media/upload", {"errcode": -1}, {"media_id": "M1"})
    message = Message(title="图", buttons=ASK.buttons, image=str(picture))
    with pytest.raises(TryLater):
        world.send(message)
    receipt = world.send(message, attempt=2)
    assert [body["msgtype"] for body in world.sent()] == ["template_card", "image"]
    assert receipt.response_code == "rc1"


def test_public_picture_is_an_article(world) -> None:
    world.send(Message(title="走势", image="https://j.example/c.png"))
    article = world.sent()[-1]["news"]["articles"][0]
    assert article["picurl"] == "https://j.example/c.png"


def test_invalid_user_is_refused_whatever_the_case(world) -> None:
    world.platform.on("/message/send", {"errcode": 0, "invaliduser": "a|owner01"})
    with pytest.raises(Refused) as refused:
        world.send(recipient="Owner01")
    assert refused.value.code == "invaliduser"


def test_unlicensed_user_is_refused(world) -> None:
    world.platform.on("/message/send", {"errcode": 0, "unlicenseduser": "owner01"})
    with pytest.raises(Refused) as refused:
        world.send()
    assert refused.value.code == "unlicenseduser"


def test_used_task_id_on_a_retry_is_the_earlier_success(world) -> None:
    world.fail(42014)
    assert world.send(attempt=2).platform_ref == ""
    with pytest.raises(Refused):
        world.send(attempt=1)


DECIDED = Message(title="请确认退货", status="已由 王芳 同意", fields=ASK.fields)


def test_update_repaints_with_the_code(world) -> None:
    world.send(DECIDED, kind="update", response_code="rc9")
    [seen] = world.platform.calls("/update_template_card")
    assert seen.body["userids"] == ["owner01"]
    assert seen.body["response_code"] == "rc9"
    card = seen.body["template_card"]
    assert card["replace_text"] == "已由 王芳 同意"
    assert [button["key"] for button in card["button_list"]] == ["done"]
    assert "task_id" not in card
    assert world.sent() == []


@pytest.mark.parametrize("code", ["", "spent"])
def test_update_too_late_is_sent_anew(world, code) -> None:
    world.platform.on("/message/update_template_card", {"errcode": 60140, "errmsg": "used"})
    world.send(DECIDED, kind="update", response_code=code)
    [body] = world.sent()
    assert "已由 王芳 同意" in body["text"]["content"]


def test_update_superseded_with_buttons_has_a_new_task_id(world) -> None:
    first = world.send(ASK, kind="update", key="u1")
    world.send(ASK, kind="update", key="u1")
    one, again = world.sent()
    assert first.response_code == "rc1"
    assert one["template_card"]["task_id"] == again["template_card"]["task_id"] != "t_7"


def test_update_of_somebody_who_left_is_sent_anew(world) -> None:
    world.platform.on("/message/update_template_card", {"errcode": 0, "invaliduser": ["owner01"]})
    world.send(DECIDED, kind="update", response_code="rc9", recipient="Owner01")
    assert len(world.sent()) == 1


def test_update_waits_when_wecom_is_busy(world) -> None:
    world.platform.on("/message/update_template_card", {"errcode": -1})
    with pytest.raises(TryLater):
        world.send(DECIDED, kind="update", response_code="rc9")


@pytest.mark.parametrize("stale", [40014, 42001])
def test_stale_token_is_refreshed_once(world, stale) -> None:
    world.platform.on("/message/send", {"errcode": stale}, {"errcode": 0, "msgid": "m2"})
    assert world.send().platform_ref == "m2"
    tokens = [seen.query["access_token"] for seen in world.platform.calls("/message/send")]
    assert tokens == ["token1", "token2"]


def test_token_refused_for_ever_asks_twice_and_waits(world) -> None:
    world.fail(42001)
    with pytest.raises(TryLater) as later:
        world.send()
    assert later.value.whole_channel
    assert world.tokens_given == 2
    assert len(world.sent()) == 2


def test_token_is_kept_until_it_ends(world) -> None:
    world.send()
    world.clock.now += timedelta(seconds=6800)
    world.send()
    assert world.tokens_given == 1
    world.clock.now += timedelta(seconds=200)
    world.send()
    assert world.tokens_given == 2


def test_token_rejected_for_two_callers_is_fetched_once() -> None:
    tokens = MemoryTokens(Clock())
    fetched: list[str] = []

    def fetch() -> tuple[str, int]:
        fetched.append(f"token{len(fetched) + 1}")
        time.sleep(0.02)
        return fetched[-1], 7200

    tokens.refresh("wecom", None, fetch)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(tokens.refresh, "wecom", "token1", fetch) for _ in range(4)]
        assert {call.result() for call in calls} == {"token2"}
    assert fetched == ["token1", "token2"]


def test_answer_without_token_is_no_crash(world) -> None:
    world.platform.on("/gettoken", {"errcode": 0})
    with pytest.raises(TryLater) as later:
        world.send()
    assert later.value.code == "odd_answer"


def test_wrong_secret_stops_the_channel(world) -> None:
    world.platform.on("/gettoken", {"errcode": 40001, "errmsg": "invalid credential"})
    with pytest.raises(TryLater) as later:
        world.send()
    assert (later.value.after, later.value.whole_channel) == (600, True)


@pytest.mark.parametrize(
    ("code", "after", "whole"),
    [(-1, 0, False), (45009, 60, True), (45033, 5, False), (60020, 300, True), (48002, 600, True)],
)
def test_error_code_that_passes(world, code, after, whole) -> None:
    world.fail(code)
    with pytest.raises(TryLater) as later:
        world.send()
    assert (later.value.code, later.value.after, later.value.whole_channel) == (
        str(code),
        after,
        whole,
    )


@pytest.mark.parametrize("code", [81013, 40058, 43012, 999999])
def test_error_code_that_stays(world, code) -> None:
    world.fail(code)
    with pytest.raises(Refused):
        world.send()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (requests.ReadTimeout("https://q/?access_token=token1"), "read_timeout"),
        (requests.ConnectTimeout("https://q/?access_token=token1"), "connection"),
        (requests.exceptions.ChunkedEncodingError("access_token=token1"), "network"),
        (Canned(status=502, raw=b"<html>"), "http_502"),
        (Canned(status=200, raw=b"<html>"), "http_200"),
    ],
)
def test_network_trouble_passes_and_tells_no_secret(world, answer, code) -> None:
    world.platform.on("/message/send", answer)
    with pytest.raises(TryLater) as later:
        world.send()
    assert later.value.code == code
    assert "token1" not in str(later.value)
    assert later.value.__cause__ is None
    assert later.value.__suppress_context__ is (code in {"read_timeout", "connection", "network"})


def test_redact_hides_every_secret() -> None:
    url = "https://q/x?corpid=ww1&corpsecret=abc&access_token=tok&key=k-1&sign=s%3D&x=1"
    hidden = redact(f"GET {url} failed")
    assert hidden == ("GET https://q/x?corpid=ww1&corpsecret=***&access_token=***&key=***&sign=***&x=1 failed")


def test_settings_show_no_secret() -> None:
    assert "s3cret" not in repr(SETTINGS)


def test_media_get_returns_bytes_and_a_plain_name(world) -> None:
    headers = {
        "Content-Type": "image/jpeg",
        "Content-Disposition": 'attachment; filename="../../p.jpg"',
    }
    world.platform.on("/media/get", Canned(raw=b"\xff\xd8\xff123", headers=headers))
    assert world.client.media_get("M1") == (b"\xff\xd8\xff123", "p.jpg")


def test_media_get_error_comes_as_json(world) -> None:
    world.platform.on("/media/get", {"errcode": 40007, "errmsg": "invalid media_id"})
    with pytest.raises(Refused) as refused:
        world.client.media_get("M1")
    assert refused.value.code == "40007"


def test_media_get_refreshes_the_token(world) -> None:
    headers = {"Content-Disposition": "attachment; filename=a.amr"}
    world.platform.on("/media/get", {"errcode": 42001}, Canned(raw=b"#!AMR", headers=headers))
    assert world.client.media_get("M1") == (b"#!AMR", "a.amr")


def test_menu_keeps_the_limits(world) -> None:
    world.platform.on("/menu/create", {"errcode": 0})
    world.client.menu_create(menu("https://j.example/me"))
    [seen] = world.platform.calls("/menu/create")
    buttons = seen.body["button"]
    assert seen.query["agentid"] == "1000002"
    assert 1 <= len(buttons) <= 3
    assert all(len(button["name"].encode()) <= 16 for button in buttons)
    assert all(len(button.get("sub_button", [])) <= 5 for button in buttons)


def test_user_get(world) -> None:
    world.platform.on("/user/get", {"errcode": 0, "userid": "owner01", "name": "王芳"})
    assert world.client.user_get("owner01")["name"] == "王芳"


words = st.text(max_size=400)
messages = st.builds(
    Message,
    title=words,
    body=words,
    fields=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=60)), max_size=12),
    buttons=st.lists(
        st.builds(Button, label=st.text(max_size=30), key=st.text(min_size=1, max_size=40)),
        max_size=9,
    ),
    link=st.just("https://j.example/x"),
    status=st.text(max_size=60),
)


@settings(max_examples=60, deadline=None)
@given(messages)
def test_cards_keep_every_limit(message: Message) -> None:
    for card in (
        cards.button_card(message, "a/b:c"),
        cards.decided_card(message),
        cards.notice_card(message),
    ):
        assert len(card["main_title"]["title"]) <= 36
        assert len(card.get("sub_title_text", "")) <= 160
        rows = card.get("horizontal_content_list", [])
        assert len(rows) <= 6
        assert all(0 < len(row["keyname"]) <= 5 and len(row["value"]) <= 30 for row in rows)
        buttons = card.get("button_list", [])
        assert len(buttons) <= 6
        assert all(len(button["text"]) <= 10 for button in buttons)


@settings(max_examples=60, deadline=None)
@given(messages)
def test_no_field_is_lost(message: Message) -> None:
    whole = cards.plain_text(message)
    card = cards.notice_card(message)
    shown = {(row["keyname"], row["value"]) for row in card.get("horizontal_content_list", [])}
    overflow = [row for row in message.fields if row not in shown]
    assert cards.is_cut(message) or all(f"{label}：{value}" in card["sub_title_text"] for label, value in overflow)
    assert all(value in whole for _, value in message.fields)


def test_task_id_has_only_allowed_letters() -> None:
    assert cards.task_id("recall:7/a#b" + "x" * 200) == "recall_7_a_b" + "x" * 116


def test_choice_card_asks_and_submits() -> None:
    card = cards.choice_card(
        "原因",
        [("why", "为什么退货", [("slow", "卖得慢"), ("old", "日期太老")])],
        ("提交", "task:7:reason:1"),
        "t_8",
    )
    assert card["card_type"] == "multiple_interaction"
    assert card["select_list"][0]["option_list"][1] == {"id": "old", "text": "日期太老"}
    assert card["submit_button"] == {"text": "提交", "key": "task:7:reason:1"}
    with pytest.raises(ValueError, match="1 to 3"):
        cards.choice_card("x", [], ("a", "b"), "t")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=500), st.integers(min_value=8, max_value=200))
def test_cutting_keeps_limits_and_splitting_keeps_words(text: str, limit: int) -> None:
    assert len(cut_bytes(text, limit).encode()) <= limit
    assert len(cut_chars(text, limit)) <= limit
    pieces = split_bytes(text, limit)
    assert all(len(piece.encode()) <= limit for piece in pieces)
    assert "".join(pieces).replace("\n", "") == text.replace("\n", "")


def robot_letter(message: Message, channel: str = "wecom:robot:华东") -> Letter:
    return Letter("k", channel, "华东", "send", message)


def posted(world) -> list[dict]:
    return [seen.body for seen in world.platform.calls("/webhook/send")]


def test_robot_posts_markdown_with_its_key(world) -> None:
    world.platform.on("/webhook/send", {"errcode": 0})
    world.robot.send(robot_letter(Message(title="日报", body="平稳", fields=[("预警", "3 家")])))
    [body] = posted(world)
    assert body["markdown"]["content"] == "**日报**\n平稳\n> 预警：3 家"
    assert world.platform.calls("/webhook/send")[0].query == {"key": "robot-key"}
    assert world.tokens_given == 0


def test_robot_splits_long_markdown(world) -> None:
    world.platform.on("/webhook/send", {"errcode": 0})
    world.robot.send(robot_letter(Message(title="日报", body="门店预警一行\n" * 600)))
    contents = [body["markdown"]["content"] for body in posted(world)]
    assert len(contents) == 3
    assert all(len(content.encode()) <= 4096 for content in contents)
    assert contents[1].startswith("（2/3）\n")


def test_robot_card_for_fields_and_link(world) -> None:
    world.platform.on("/webhook/send", {"errcode": 0})
    message = Message(title="日报", fields=[("预警", "3 家")], link="https://j.example/w")
    world.robot.send(robot_letter(message))
    [body] = posted(world)
    assert body["template_card"]["card_type"] == "text_notice"
    assert body["template_card"]["card_action"]["url"] == "https://j.example/w"


def test_robot_picture_and_file(world, tmp_path: Path) -> None:
    picture, file = tmp_path / "c.png", tmp_path / "报表.xlsx"
    picture.write_bytes(b"PNG-bytes")
    file.write_bytes(b"PK-bytes")
    world.platform.on("/webhook/send", {"errcode": 0})
    world.platform.on("/webhook/upload_media", {"errcode": 0, "media_id": "M9"})
    world.robot.send(robot_letter(Message(title="日报", image=str(picture), files=[str(file)])))
    _, image, document = posted(world)
    assert base64.b64decode(image["image"]["base64"]) == b"PNG-bytes"
    assert image["image"]["md5"] == hashlib.md5(b"PNG-bytes", usedforsecurity=False).hexdigest()
    assert document["file"] == {"media_id": "M9"}


def test_robot_picture_too_large(world, tmp_path: Path) -> None:
    picture = tmp_path / "c.png"
    picture.write_bytes(b"x" * 2_000_001)
    world.platform.on("/webhook/send", {"errcode": 0})
    with pytest.raises(Refused):
        world.robot.send(robot_letter(Message(title="日报", image=str(picture))))


def test_robot_unknown_group_and_removed_robot(world) -> None:
    with pytest.raises(Refused, match="没有配置"):
        world.robot.send(robot_letter(Message(title="x"), "wecom:robot:华北"))
    world.platform.on("/webhook/send", {"errcode": 93000, "errmsg": "invalid webhook url"})
    with pytest.raises(Refused):
        world.robot.send(robot_letter(Message(title="x")))


def test_robot_too_often_waits_a_minute(world) -> None:
    world.platform.on("/webhook/send", {"errcode": 45009})
    with pytest.raises(TryLater) as later:
        world.robot.send(robot_letter(Message(title="x")))
    assert (later.value.after, later.value.whole_channel) == (60, True)


def test_message_survives_the_outbox_row() -> None:
    again = Message.from_dict(json.loads(json.dumps(ASK.as_dict())))
    assert cards.button_card(again, "t") == cards.button_card(ASK, "t")
