"""Speaking to DingTalk: cards, the fallback ladder, robots, groups, webhooks and errors."""

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.dingtalk import cards
from bots.dingtalk.callback import hmac_base64
from bots.dingtalk.client import DingtalkClient
from bots.dingtalk.robot import CustomRobot, DingtalkRobotSender
from bots.dingtalk.sender import DingtalkAppSender, DingtalkGroupSender
from bots.dingtalk.settings import DingtalkSettings
from bots.tokens import MemoryTokens
from tests.fake_transport import Canned, FakePlatform, http_to
from texts.message import Button, Message
from workflows.letters import Letter, Refused, TryLater

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = "http://127.0.0.1:9/sandbox/dingtalk"
ASK = Message(
    title="退货待审批",
    body="城东店申请退货",
    fields=[("单号", "R17"), ("数量", "24 瓶")],
    buttons=[
        Button("同意", "task:7:approve:2", style="primary"),
        Button("驳回", "task:7:refuse:2", style="danger"),
    ],
)
LIST = "/card/instances/createAndDeliver"
OTO = "/oToMessages/batchSend"
DELIVERED = {
    "success": True,
    "result": {"outTrackId": "t_7", "deliverResults": [{"success": True, "carrierId": "pqk1"}]},
}


def settings_with(template: str = "tpl.schema") -> DingtalkSettings:
    return DingtalkSettings(
        corp_id="ding1",
        client_id="dingapp",
        client_secret="s3cret",
        robot_code="dingrobot",
        agent_id="9",
        event_token="t",
        event_aes_key="k",
        card_template_id=template,
        card_secret="c4rd",
        api_base=BASE,
        oapi_base=BASE,
        public_url="https://j.example/",
    )


class World:
    """A DingTalk that answers, and one app talking to it."""

    def __init__(self, template: str = "tpl.schema") -> None:
        self.platform = FakePlatform()
        self.tokens_given = 0
        self.platform.on("/oauth2/accessToken", self._token)
        self.platform.on(LIST, DELIVERED)
        self.platform.on("/v1.0/card/instances", {"success": True, "result": True})
        self.platform.on(OTO, {"processQueryKey": "pqk2"})
        self.platform.on("/groupMessages/send", {"processQueryKey": "pqk3"})
        self.platform.on("/media/upload", {"errcode": 0, "media_id": "@lM1"})
        self.platform.on("/robot/send", {"errcode": 0, "errmsg": "ok"})
        http = http_to(self.platform)
        self.client = DingtalkClient(settings_with(template), MemoryTokens(lambda: NOW), http)
        self.app = DingtalkAppSender(self.client, lambda user, key: f"https://j.example/t/{user}-{quote(key)}")
        self.group = DingtalkGroupSender(self.client)
        robots = {"华东": CustomRobot("hook-token", "SEC1"), "华北": CustomRobot("plain-token")}
        self.robot = DingtalkRobotSender(robots, http, BASE, lambda: NOW, self.client)

    def _token(self, _seen) -> dict:
        self.tokens_given += 1
        return {"accessToken": f"token{self.tokens_given}", "expireIn": 7200}

    def send(self, message: Message = ASK, **changes):
        fields = {
            "key": "k1",
            "channel": "dingtalk:app",
            "recipient": "manager1",
            "kind": "send",
            "card_ref": "t_7",
        }
        return self.app.send(Letter(message=message, **{**fields, **changes}))

    def said(self, end: str = OTO) -> list[tuple[str, dict]]:
        bodies = [seen.body for seen in self.platform.calls(end)]
        return [(body["msgKey"], json.loads(body["msgParam"])) for body in bodies]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cardless() -> World:
    return World(template="")


def test_card_goes_to_one_person(world) -> None:
    assert world.send().platform_ref == "pqk1"
    [seen] = world.platform.calls(LIST)
    assert seen.path == f"/sandbox/dingtalk/v1.0{LIST}"
    assert seen.headers["x-acs-dingtalk-access-token"] == "token1"
    assert "退货待审批".encode() in seen.raw
    body = seen.body
    assert body["outTrackId"] == "t_7"
    assert body["openSpaceId"] == "dtv1.card//IM_ROBOT.manager1"
    assert (body["callbackType"], body["userIdType"]) == ("HTTP", 1)
    assert body["callbackRouteKey"].startswith("jiuhui-")
    assert body["imRobotOpenSpaceModel"]["supportForward"] is False
    assert body["imRobotOpenDeliverModel"] == {"spaceType": "IM_ROBOT", "robotCode": "dingrobot"}
    params = body["cardData"]["cardParamMap"]
    assert json.loads(params["contents"]) == [
        {"label": "单号", "text": "R17"},
        {"label": "数量", "text": "24 瓶"},
    ]
    assert json.loads(params["buttons"]) == [
        {"text": "同意", "key": "task:7:approve:2", "color": "blue"},
        {"text": "驳回", "key": "task:7:refuse:2", "color": "red"},
    ]


def test_card_goes_to_a_group(world) -> None:
    world.group.send(Letter("k", "dingtalk:group:华东", "cidX==", "send", ASK, "t_8"))
    [seen] = world.platform.calls(LIST)
    assert seen.body["openSpaceId"] == "dtv1.card//IM_GROUP.cidX=="
    assert seen.body["imGroupOpenDeliverModel"] == {"robotCode": "dingrobot"}


def test_card_not_delivered_in_spite_of_status_200(world) -> None:
    result = {"deliverResults": [{"success": False, "errorMsg": "robot not in group"}]}
    world.platform.on(LIST, {"success": True, "result": result})
    with pytest.raises(Refused, match="robot not in group"):
        world.send()


def test_card_with_no_delivery_at_all(world) -> None:
    world.platform.on(LIST, {"success": True, "result": {"outTrackId": "t_7"}})
    with pytest.raises(Refused):
        world.send()


def test_card_that_exists_is_the_earlier_success(world) -> None:
    code = {"code": "param.cardAlreadyExist", "message": "exists", "requestid": "r"}
    world.platform.on(LIST, Canned(code, status=400))
    assert world.send(attempt=2).platform_ref == ""


def test_card_repainted_for_everybody_by_key(world) -> None:
    world.send(Message(title="退货待审批", status="已由 王芳 同意"), kind="update")
    [seen] = world.platform.calls("/v1.0/card/instances")
    assert seen.method == "PUT"
    assert seen.body["outTrackId"] == "t_7"
    assert seen.body["cardUpdateOptions"]["updateCardDataByKey"] is True
    params = seen.body["cardData"]["cardParamMap"]
    assert (params["status"], params["buttons"]) == ("已由 王芳 同意", "[]")
    assert world.said() == []


def test_card_that_is_gone_is_told_in_words(world) -> None:
    gone = Canned({"code": "param.cardNotExist", "message": "no"}, status=400)
    world.platform.on("/v1.0/card/instances", gone)
    world.send(Message(title="退货待审批", status="已由 王芳 同意"), kind="update")
    [(key, param)] = world.said()
    assert key == "sampleMarkdown"
    assert "已由 王芳 同意" in param["text"]


@pytest.mark.parametrize(
    "code",
    ["param.templateUnpublished", "Forbidden.AccessDenied.AccessTokenPermissionDenied"],
)
def test_cards_that_do_not_work_become_words_with_links(world, code) -> None:
    world.platform.on(LIST, Canned({"code": code, "message": "no"}, status=403))
    world.send()
    assert world.said()[0][0] == "sampleActionCard6"


def test_long_text_follows_the_card_whole(world) -> None:
    world.send(Message(title="周报", body="汉" * 600, buttons=ASK.buttons))
    [(key, param)] = world.said()
    assert key == "sampleMarkdown"
    assert param["text"].count("汉") == 600


def test_ladder_two_buttons_side_by_side(cardless) -> None:
    assert cardless.send().platform_ref == "pqk2"
    [(key, param)] = cardless.said()
    assert key == "sampleActionCard6"
    assert param["buttonTitle1"] == "同意"
    assert param["buttonUrl1"] == "https://j.example/t/manager1-task%3A7%3Aapprove%3A2"
    assert cardless.platform.calls(LIST) == []


@pytest.mark.parametrize(("count", "key"), [(3, "sampleActionCard3"), (5, "sampleActionCard5")])
def test_ladder_many_buttons_one_below_the_other(cardless, count, key) -> None:
    buttons = [Button(f"选项{n}", f"k{n}") for n in range(count)]
    cardless.send(Message(title="选", buttons=buttons))
    [(found, param)] = cardless.said()
    assert found == key
    assert {f"actionTitle{n}" for n in range(1, count + 1)} <= set(param)
    assert {f"actionURL{n}" for n in range(1, count + 1)} <= set(param)


def test_ladder_more_than_five_buttons_are_words_to_reply(cardless) -> None:
    buttons = [Button(f"选项{n}", f"k{n}") for n in range(7)]
    cardless.send(Message(title="选", buttons=buttons))
    [(key, param)] = cardless.said()
    assert key == "sampleActionCard5"
    assert "可直接回复：选项5、选项6" in param["text"]


def test_ladder_one_link_and_none(cardless) -> None:
    cardless.send(Message(title="周报", link="https://j.example/r"))
    cardless.send(Message(title="收到"))
    (one, single), (none, _) = cardless.said()
    assert (one, single["singleURL"]) == ("sampleActionCard", "https://j.example/r")
    assert none == "sampleMarkdown"


def test_ladder_in_a_group_never_shows_a_personal_page(cardless) -> None:
    cardless.group.send(Letter("k", "dingtalk:group:华东", "cidX==", "send", ASK, "t_8"))
    [(key, param)] = cardless.said("/groupMessages/send")
    assert key == "sampleMarkdown"
    assert "j.example" not in json.dumps(param)
    assert "可直接回复：同意、驳回" in param["text"]


def test_picture_and_files_follow(world, tmp_path) -> None:
    picture, file = tmp_path / "c.png", tmp_path / "报表.xlsx"
    picture.write_bytes(b"PNG-bytes")
    file.write_bytes(b"PK-bytes")
    world.send(Message(title="周报", image=str(picture), files=[str(file)]))
    assert world.said() == [
        ("sampleImageMsg", {"photoURL": "@lM1"}),
        ("sampleFile", {"mediaId": "@lM1", "fileName": "报表.xlsx", "fileType": "xlsx"}),
    ]
    first = world.platform.calls("/media/upload")[0]
    assert first.query == {"access_token": "token1"}
    assert b'name="type"' in first.raw
    assert b"PNG-bytes" in first.raw


def test_public_picture_goes_by_address(world) -> None:
    world.send(Message(title="周报", image="https://j.example/c.png"))
    assert world.said() == [("sampleImageMsg", {"photoURL": "https://j.example/c.png"})]


def test_file_type_the_robot_cannot_send(world, tmp_path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"a,b,c,d")
    with pytest.raises(Refused, match="不能发送"):
        world.send(Message(title="周报", files=[str(file)]))


def test_retry_goes_on_after_the_card(world) -> None:
    world.platform.on(OTO, {"flowControlledStaffIdList": ["manager1"]}, {"processQueryKey": "p"})
    message = Message(title="周报", image="https://j.example/c.png")
    with pytest.raises(TryLater):
        world.send(message)
    assert world.send(message, attempt=2).platform_ref == "pqk1"
    assert len(world.platform.calls(LIST)) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("flowControlledStaffIdList", TryLater),
        ("invalidStaffIdList", Refused),
        ("filteredStaffIdList", Refused),
    ],
)
def test_person_not_reached(cardless, name, kind) -> None:
    cardless.platform.on(OTO, {"processQueryKey": "p", name: ["manager1"]})
    with pytest.raises(kind):
        cardless.send()


@pytest.mark.parametrize("status", [400, 401])
def test_stale_token_is_refreshed_once(world, status) -> None:
    stale = Canned({"code": "InvalidAuthentication", "message": "no"}, status=status)
    world.platform.on(LIST, stale, DELIVERED)
    world.send()
    tokens = [seen.headers["x-acs-dingtalk-access-token"] for seen in world.platform.calls(LIST)]
    assert tokens == ["token1", "token2"]


def test_token_refused_for_ever_asks_twice_and_waits(world) -> None:
    world.platform.on(LIST, Canned({"code": "InvalidAuthentication"}, status=401))
    with pytest.raises(TryLater) as later:
        world.send()
    assert later.value.whole_channel
    assert (world.tokens_given, len(world.platform.calls(LIST))) == (2, 2)


def test_wrong_secret_stops_the_channel(world) -> None:
    wrong = Canned({"code": "invalidClientIdOrSecret", "message": "no"}, status=400)
    world.platform.on("/oauth2/accessToken", wrong)
    with pytest.raises(TryLater) as later:
        world.send()
    assert (later.value.after, later.value.whole_channel) == (600, True)


QPS = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
QPM = "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi"


@pytest.mark.parametrize(
    ("status", "code", "after", "whole"),
    [
        (403, QPS, 1, True),
        (403, QPM, 60, True),
        (400, "send.too.fast", 5, True),
        (500, "system.error", 0, False),
        (500, "unknownError", 0, False),
        (403, "Forbidden.AccessDenied.IpNotInWhiteList", 600, True),
    ],
)
def test_error_that_passes(world, status, code, after, whole) -> None:
    world.platform.on(LIST, Canned({"code": code, "message": "no"}, status=status))
    with pytest.raises(TryLater) as later:
        world.send()
    assert (later.value.after, later.value.whole_channel) == (after, whole)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "param.contentUnsafe"),
        (500, "param.userIdNotExist"),
        (403, "Forbidden.AccessDenied.ApiCountLimitForOrg"),
    ],
)
def test_error_that_stays(world, status, code) -> None:
    world.platform.on(LIST, Canned({"code": code, "message": "no"}, status=status))
    with pytest.raises(Refused) as refused:
        world.send()
    assert refused.value.code == code


def test_page_of_an_address_ban_stops_everything(world) -> None:
    ban = {"status": 1111, "wait": 5, "punish": "deny"}
    for answer in (Canned(raw=b"<html>"), Canned(ban, status=403)):
        world.platform.on(LIST, answer)
        with pytest.raises(TryLater) as later:
            world.send()
        assert (later.value.after, later.value.whole_channel) == (300, True)


def test_gateway_time_out_asks_to_wait(world) -> None:
    world.platform.on(LIST, Canned(status=504, raw=b"", headers={"Retry-After": "7"}))
    with pytest.raises(TryLater) as later:
        world.send()
    assert later.value.after == 7


def test_card_callback_is_registered_once_when_it_is_ours(world) -> None:
    mine = {"callbackUrl": "https://j.example/dingtalk/cards", "apiSecret": "c4rd"}
    world.platform.on("/card/callbacks/register", {"success": True, "result": mine})
    world.client.register_card_callback()
    [seen] = world.platform.calls("/card/callbacks/register")
    assert seen.body["forceUpdate"] is False
    assert seen.body["callbackUrl"] == "https://j.example/dingtalk/cards"


@pytest.mark.parametrize(
    "first",
    [
        Canned({"success": True, "result": {"callbackUrl": "https://old.example"}}),
        Canned({"code": "param.callbackRouteKeyExist"}, status=500),
    ],
)
def test_card_callback_of_an_earlier_address_is_replaced(world, first) -> None:
    world.platform.on("/card/callbacks/register", first, {"success": True, "result": {}})
    world.client.register_card_callback()
    calls = world.platform.calls("/card/callbacks/register")
    assert [seen.body["forceUpdate"] for seen in calls] == [False, True]


def test_download_file(world) -> None:
    url = "https://files.example/a/%E7%85%A7%E7%89%87.jpg?sig=1"
    world.platform.on("/messageFiles/download", {"downloadUrl": url})
    world.platform.on(".jpg", Canned(raw=b"\xff\xd8\xff"))
    assert world.client.download_file("D1") == (b"\xff\xd8\xff", "照片.jpg")
    asked = world.platform.calls("/messageFiles/download")[0]
    assert asked.body == {"downloadCode": "D1", "robotCode": "dingrobot"}
    fetched = world.platform.calls(".jpg")[0]
    assert "x-acs-dingtalk-access-token" not in fetched.headers


def test_download_file_that_has_expired(world) -> None:
    world.platform.on("/messageFiles/download", {"downloadUrl": "https://files.example/a.jpg"})
    world.platform.on(".jpg", Canned(status=403, raw=b"<Error/>"))
    with pytest.raises(Refused):
        world.client.download_file("D1")


def robot_letter(message: Message, group: str = "华东") -> Letter:
    return Letter("key-1", f"dingtalk:robot:{group}", group, "send", message)


def test_webhook_is_signed_and_repeatable(world) -> None:
    world.robot.send(robot_letter(Message(title="日报", body="平稳", fields=[("预警", "3 家")])))
    [seen] = world.platform.calls("/robot/send")
    stamp = str(int(NOW.timestamp() * 1000))
    assert seen.query == {
        "access_token": "hook-token",
        "timestamp": stamp,
        "sign": hmac_base64("SEC1", f"{stamp}\nSEC1"),
    }
    assert seen.body["msgUuid"] == "key-1"
    assert seen.body["markdown"] == {
        "title": "日报",
        "text": "### 日报\n\n平稳\n\n- 预警：3 家",
    }
    assert world.tokens_given == 0


def test_webhook_without_secret_and_with_links(world) -> None:
    message = Message(title="日报", link="https://j.example/w")
    world.robot.send(robot_letter(message, "华北"))
    [seen] = world.platform.calls("/robot/send")
    assert seen.query == {"access_token": "plain-token"}
    assert seen.body["actionCard"]["btns"] == [{"title": "查看详情", "actionURL": "https://j.example/w"}]


def test_webhook_shows_pictures_and_names_files(world, tmp_path) -> None:
    picture = tmp_path / "c.png"
    picture.write_bytes(b"PNG-bytes")
    message = Message(title="日报", image=str(picture), files=["a.pdf"])
    world.robot.send(robot_letter(message))
    world.robot.send(robot_letter(Message(title="日报", image="https://j.example/c.png")))
    texts = [seen.body["markdown"]["text"] for seen in world.platform.calls("/robot/send")]
    assert "![日报](@lM1)" in texts[0]
    assert "附件 1 份" in texts[0]
    assert "![日报](https://j.example/c.png)" in texts[1]


@pytest.mark.parametrize(
    ("code", "kind"), [(310000, Refused), ("130101", TryLater), (410100, TryLater), (-1, TryLater)]
)
def test_webhook_errors(world, code, kind) -> None:
    world.platform.on("/robot/send", {"errcode": code, "errmsg": "no"})
    with pytest.raises(kind):
        world.robot.send(robot_letter(Message(title="x")))


def test_webhook_unknown_group(world) -> None:
    with pytest.raises(Refused, match="没有配置"):
        world.robot.send(robot_letter(Message(title="x"), "西南"))


def test_webhook_time_out_tells_no_secret(world) -> None:
    world.platform.on("/robot/send", requests.ReadTimeout("…access_token=hook-token&sign=s"))
    with pytest.raises(TryLater) as later:
        world.robot.send(robot_letter(Message(title="x")))
    assert "hook-token" not in repr(later.value)
    assert "hook-token" not in repr(CustomRobot("hook-token"))
    assert "s3cret" not in repr(settings_with())


def test_names_do_not_become_markdown() -> None:
    assert cards.escape("[点我](x) *52度* <b>") == r"\[点我\](x) \*52度\* \<b\>"


messages = st.builds(
    Message,
    title=st.text(max_size=400),
    body=st.text(max_size=1500),
    fields=st.lists(st.tuples(st.text(max_size=40), st.text(max_size=300)), max_size=12),
    buttons=st.lists(
        st.builds(Button, label=st.text(max_size=40), key=st.text(min_size=1, max_size=60)),
        max_size=12,
    ),
    status=st.text(max_size=300),
)


@settings(max_examples=60, deadline=None)
@given(messages)
def test_card_variables_are_strings_of_one_kilobyte(message: Message) -> None:
    params = cards.card_params(message)
    assert all(isinstance(value, str) for value in params.values())
    assert all(len(value.encode("utf-8", "replace")) <= 1024 for value in params.values())
    json.loads(params["contents"])
    json.loads(params["buttons"])


@settings(max_examples=40, deadline=None)
@given(messages)
def test_robot_messages_fit_a_group(message: Message) -> None:
    _, param = cards.robot_message(message, lambda _key: "")
    assert len(param["text"].encode("utf-8", "replace")) <= 12_000
