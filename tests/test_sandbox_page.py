"""The sandbox's page: state, acts, faults, media, and that no data becomes markup."""

import base64
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, expect, sync_playwright
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from sandbox.app import create_sandbox
from sandbox.wsgi import WsgiAdapter
from tests.sandbox_kit import KEYS, Kit

STATIC = Path(__file__).parent.parent / "sandbox" / "static"


def act(kit: Kit, **fields: Any) -> tuple[int, dict[str, Any]]:
    answer = kit.client.post("http://sandbox/act", json=fields)
    return answer.status_code, answer.json()


def state(kit: Kit, **query: Any) -> dict[str, Any]:
    return dict(kit.client.get("http://sandbox/state", params=query).json())


def send_card(kit: Kit) -> int:
    kit.wecom(
        "message/send",
        {
            "touser": "owner01",
            "msgtype": "template_card",
            "agentid": KEYS.wecom_agent_id,
            "template_card": {
                "card_type": "button_interaction",
                "task_id": "t1",
                "main_title": {"title": "请清点"},
                "button_list": [{"text": "好", "key": "ok"}],
            },
        },
    )
    return kit.world.chat("wecom", "owner01")[-1].id


def test_page_has_the_banner_and_forbids_foreign_scripts() -> None:
    answer = Kit().client.get("http://sandbox/")
    assert "沙盒：模拟的企业微信和钉钉，不会发出真实消息" in answer.text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "<script>" not in answer.text


def test_page_uses_addresses_below_its_mount() -> None:
    kit = Kit()
    whole = DispatcherMiddleware(Flask("outer"), {"/sandbox": create_sandbox(kit.world)})
    client = requests.Session()
    client.mount("http://outer", WsgiAdapter(whole))
    page = client.get("http://outer/sandbox/").text
    assert 'src="/sandbox/static/sandbox.js"' in page
    assert 'data-root="/sandbox/"' in page
    assert client.get("http://outer/sandbox/static/sandbox.js").status_code == 200
    assert client.get("http://outer/sandbox/state").json()["people"]


def test_state_tells_only_what_changed() -> None:
    kit = Kit()
    first = state(kit)
    assert [person["name"] for person in first["people"]] == ["刘老板", "赵老板", "王芳", "李经理"]
    assert {group["name"]: group["listens"] for group in first["groups"]}["喊话群"] is False
    kit.world.say("wecom", "Owner01", "你好")
    second = state(kit, epoch=first["epoch"], since=first["version"])
    assert [bubble["body"] for bubble in second["bubbles"]] == ["你好"]
    third = state(kit, epoch=first["epoch"], since=second["version"])
    assert third["bubbles"] == []
    assert len(state(kit, epoch="other", since=second["version"])["bubbles"]) == 1


def test_acts_cause_callbacks() -> None:
    kit = Kit()
    card = send_card(kit)
    png = base64.b64encode(b"\x89PNG picture").decode()
    group = {"platform": "dingtalk", "group": "销售群", "user": "rep01", "text": "预警"}
    acts: list[dict[str, Any]] = [
        {"act": "say", "platform": "dingtalk", "user": "rep01", "text": "hi"},
        {"act": "scan", "user": "Owner01", "text": "code"},
        {"act": "menu", "user": "Owner01", "key": "help"},
        {"act": "enter", "user": "Owner01"},
        {"act": "subscribe", "user": "Owner01"},
        {"act": "location", "user": "Owner01", "lat": 30, "lon": 104, "label": "店"},
        {"act": "image", "platform": "wecom", "user": "Owner01", "name": "a", "content": png},
        {"act": "group_say", **group},
        {
            "act": "press",
            "platform": "wecom",
            "user": "Owner01",
            "bubble": card,
            "key": "ok",
            "choices": {},
        },
    ]
    assert [act(kit, **fields) for fields in acts] == [(200, {"ok": True, "message": ""})] * 9
    assert len(kit.application.heard) == 9


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "不认识"),
        ({"act": "fly"}, "不认识"),
        ({"act": "say"}, "不完整"),
        ({"act": "say", "platform": "wecom", "user": "ghost", "text": "x"}, "没有这个人"),
        ({"act": "say", "platform": "wecom", "user": 5, "text": "x"}, "不完整"),
        ({"act": "image", "user": "Owner01", "name": "a", "content": "?"}, "图片"),
        (
            {
                "act": "press",
                "platform": "wecom",
                "user": "Owner01",
                "bubble": 999,
                "key": "k",
                "choices": {},
            },
            "不在了",
        ),
        ({"act": "location", "user": "Owner01", "lat": "x", "lon": 1, "label": ""}, "不完整"),
    ],
)
def test_impossible_acts_answer_a_sentence(fields: dict[str, Any], sentence: str) -> None:
    status, told = act(Kit(), **fields)
    assert (status, told["ok"]) == (400, False)
    assert sentence in told["message"]


def test_failed_delivery_is_told() -> None:
    kit = Kit()
    kit.answer_with(("no", 500))
    status, told = act(kit, act="say", platform="wecom", user="Owner01", text="x")
    assert (status, told["ok"]) == (200, False)
    assert "HTTP 500" in told["message"]
    assert "HTTP 500" in state(kit)["notes"][-1]["text"]


def test_fault_switches_turn() -> None:
    kit = Kit()
    url = "http://sandbox/faults"
    assert kit.client.post(url, json={"name": "late", "next": 2, "chance": 0.5}).json()["ok"]
    assert (kit.world.faults.late.next, kit.world.faults.late.chance) == (2, 0.5)
    for wrong in ({"name": "seed"}, {"name": "late", "next": -1}, {"name": "late", "chance": "x"}):
        assert kit.client.post(url, json=wrong).status_code == 400
    kit.client.post(url, json={"calm": True})
    assert all(not item["next"] and not item["chance"] for item in state(kit)["faults"])


def test_held_callback_is_shown_and_released() -> None:
    kit = Kit()
    kit.world.faults.reordered.next = 1
    kit.world.say("wecom", "Owner01", "一")
    assert state(kit)["holding"] is True
    kit.client.post("http://sandbox/faults", json={"release": True})
    assert state(kit)["holding"] is False
    assert len(kit.application.heard) == 1


def test_group_card_state_has_what_single_people_see() -> None:
    kit = Kit()
    body = {
        "cardTemplateId": KEYS.dingtalk_card_template_id,
        "outTrackId": "g1",
        "cardData": {"cardParamMap": {"title": "大家"}},
        "privateData": {"rep01": {"cardParamMap": {"title": "您"}}},
        "openSpaceId": "dtv1.card//IM_GROUP.cidTEAM==",
        "imGroupOpenDeliverModel": {"robotCode": KEYS.dingtalk_robot_code},
    }
    kit.ding("POST", "card/instances/createAndDeliver", body)
    bubble = state(kit)["bubbles"][0]
    assert (bubble["title"], bubble["personal"]["rep01"]["title"]) == ("大家", "您")


def test_media_never_runs_as_a_page() -> None:
    kit = Kit()
    kit.world.send_image("Owner01", b"<script>alert(1)</script>", "x.html")
    media_id = kit.world.chat("wecom", "Owner01")[0].media_id
    answer = kit.client.get(f"http://sandbox/media/{media_id}")
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert kit.client.get("http://sandbox/media/none").status_code == 404


def test_scripts_make_no_markup_from_data() -> None:
    for script in STATIC.glob("*.js"):
        source = script.read_text("utf-8")
        for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert danger not in source, (script.name, danger)


@contextmanager
def served(kit: Kit) -> Iterator[str]:
    """Serve the sandbox on a free loopback port."""
    server = make_server("127.0.0.1", 0, create_sandbox(kit.world), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_sandbox_over_a_real_socket() -> None:
    with served(Kit()) as url:
        people = requests.get(f"{url}state", timeout=5).json()["people"]
    assert people[0]["name"] == "刘老板"


@pytest.fixture
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.browser
def test_person_types_presses_and_sees_the_card_change(chromium: Browser) -> None:
    kit = Kit()
    send_card(kit)
    with served(kit) as url:
        page = chromium.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.goto(url)
        phone = page.get_by_label("刘老板", exact=True)
        phone.get_by_placeholder("说点什么").fill("清点 24 瓶")
        with page.expect_response("**/act"):
            phone.get_by_role("button", name="发送").click()
        expect(phone.get_by_text("清点 24 瓶")).to_be_visible()
        with page.expect_response("**/act"):
            phone.get_by_role("button", name="好", exact=True).click()
        update = {"agentid": KEYS.wecom_agent_id, "atall": 1, "button": {"replace_name": "已确认"}}
        code = next(iter(kit.world.wecom_state.codes))
        kit.wecom("message/update_template_card", {**update, "response_code": code})
        expect(phone.get_by_text("已确认")).to_be_visible()
        expect(phone.get_by_role("button", name="好", exact=True)).to_have_count(0)
        assert len(kit.application.heard) == 2
        assert problems == []


@pytest.mark.browser
def test_texts_of_people_stay_texts(chromium: Browser) -> None:
    kit = Kit()
    kit.world.say("wecom", "Owner01", "<img src=x onerror=alert(1)> https://jiuhui.example/s/1")
    words = "**<b>粗</b>** [点](javascript:alert(1)) [查](https://jiuhui.example/t/1) \\[不是链接\\](https://x.example)"
    body = {"touser": "owner01", "msgtype": "markdown", "agentid": KEYS.wecom_agent_id}
    kit.wecom("message/send", {**body, "markdown": {"content": words}})
    with served(kit) as url:
        page = chromium.new_page()
        page.goto(url)
        phone = page.get_by_label("刘老板", exact=True)
        expect(phone.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
        expect(phone.get_by_role("link", name="查", exact=True)).to_be_visible()
        links = [link.get_attribute("href") for link in phone.locator(".chat a").all()]
        assert links == ["https://jiuhui.example/s/1", "https://jiuhui.example/t/1"]
        assert phone.locator(".chat img").count() == 0
        assert phone.locator(".chat strong").inner_text() == "<b>粗</b>"
        expect(phone.get_by_text("[不是链接](https://x.example)")).to_be_visible()


def test_many_threads_lose_no_bubble() -> None:
    kit = Kit()
    token = kit.wecom_token()

    def work(name: str) -> None:
        for number in range(20):
            body = {"msgtype": "text", "text": {"content": f"{name} {number}"}}
            kit.wecom("webhook/send", body, key="wecom-robot-key", access_token=token)
            kit.world.say("wecom", "Owner01", f"{name} {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "甲乙丙"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kit.world.chat("wecom", "Owner01")) == 60
    assert len(kit.world.group("wecom", "门店群")) == 20
    assert len({bubble.id for bubble in kit.world.chat("wecom", "Owner01")}) == 60
