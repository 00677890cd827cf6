"""What comes from outside: forged, replayed, oversized, malformed; never a 500, never a second effect."""

import json
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from structlog.testing import capture_logs

from models.engine import History, Inbox, Outbox
from models.recall import RecallTask, TaskState
from sandbox.envelopes import Envelope, hmac_base64
from tests.world import World

PATHS = ("/wecom/callback", "/dingtalk/events", "/dingtalk/robot", "/dingtalk/cards")


def wecom_envelope(world: World, xml: str, corp_id: str) -> tuple[dict[str, str], str]:
    """Query and body of a callback, signed with our own token for whatever company."""
    creds = world.sandbox.credentials
    envelope = Envelope(creds.wecom_token, creds.wecom_encoding_aes_key, corp_id)
    sealed = envelope.seal(xml)
    query = {"msg_signature": envelope.sign("1", "n", sealed), "timestamp": "1", "nonce": "n"}
    return query, f"<xml><ToUserName>{corp_id}</ToUserName><Encrypt>{sealed}</Encrypt></xml>"


def signed(world: World) -> dict[str, str]:
    """The robot's signature of this moment."""
    secret = world.sandbox.credentials.dingtalk_client_secret
    stamp = str(int(world.clock().timestamp() * 1000))
    return {"timestamp": stamp, "sign": hmac_base64(secret, f"{stamp}\n{secret}")}


def count(world: World, table) -> int:
    with world.looking() as session:
        return session.scalar(select(func.count()).select_from(table))


def asked(world: World) -> World:
    """A world whose stores have been asked."""
    world.says("li", "发起回收 青溪老窖 滞销 9月30日前", "dingtalk")
    world.presses("qian", "同意", "dingtalk")
    return world


def captured(world: World) -> list[tuple[str, bytes, dict[str, str]]]:
    """Every callback that went out of the sandbox from now on: address, body, headers."""
    kept: list[tuple[str, bytes, dict[str, str]]] = []

    def keep(response, *_args, **_kwargs):
        sent = response.request
        if "/sandbox/" not in sent.url:
            kept.append((sent.url, sent.body, dict(sent.headers)))

    world.web.hooks["response"].append(keep)
    return kept


GARBAGE = [b"", b"{}", b"<xml></xml>", b"\x00\xff" * 50, b'{"encrypt":"AAAA"}', b"[" * 5000, b"x" * 6_000_000]


def test_garbage_and_oversized_bodies_are_refused_and_never_an_error(world):
    client = world.app.test_client()

    codes = {client.post(path, data=body).status_code for path in PATHS for body in GARBAGE}

    assert codes <= {400, 403, 413}


def test_refusal_is_logged_without_content(world):
    with capture_logs() as logs:
        world.app.test_client().post(
            "/wecom/callback?msg_signature=x&timestamp=1&nonce=n", data=b"<xml>SECRETWORD</xml>"
        )

    assert [entry["event"] for entry in logs] == ["callback_refused"]
    assert "SECRETWORD" not in str(logs)


def test_entities_are_refused(world):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'

    assert world.app.test_client().post("/wecom/callback", data=bomb).status_code == 403


def test_forged_signature_changes_nothing(world):
    kept = captured(asked(world))
    world.says("zhang", "进度")
    url, body, headers = kept[-1]
    before = count(world, History)

    forged = url.replace("msg_signature=", "msg_signature=0")
    response = world.web.post(forged, data=body, headers=headers)

    assert response.status_code == 403
    assert count(world, History) == before


def test_another_company_is_refused(world):
    xml = "<xml><ToUserName>wwother</ToUserName><FromUserName>zhang</FromUserName><MsgType>text</MsgType></xml>"
    params, body = wecom_envelope(world, xml, "wwother")

    response = world.app.test_client().post("/wecom/callback", query_string=params, data=body)

    assert response.status_code == 403


def test_replayed_answer_has_one_effect(world):
    kept = captured(asked(world))
    world.says("zhang", "确认")
    url, body, headers = kept[-1]
    steps, letters = count(world, History), count(world, Outbox)

    for _ in range(5):
        assert world.web.post(url, data=body, headers=headers).status_code == 200

    assert (count(world, History), count(world, Outbox)) == (steps, letters)
    assert world.task("S01").state is TaskState.COLLECTING
    world.proves_itself()


def test_replayed_press_has_one_effect(world):
    kept = captured(world)
    world.says("li", "发起回收 青溪老窖 滞销 9月30日前", "dingtalk")
    world.presses("qian", "同意", "dingtalk")
    url, body, headers = next(item for item in reversed(kept) if "/dingtalk/cards" in item[0])
    tasks = count(world, RecallTask)

    for _ in range(3):
        assert world.web.post(url, data=body, headers=headers).status_code == 200

    assert count(world, RecallTask) == tasks


def test_slow_database_answers_dingtalk_in_time_and_acts_once(world):
    world.says("li", "发起回收 青溪老窖 滞销 9月30日前", "dingtalk")
    busy, free = threading.Event(), threading.Event()

    def hold_the_writer() -> None:
        with world.database.write() as session:
            session.execute(select(RecallTask.id).with_for_update())
            session.execute(Inbox.__table__.delete().where(Inbox.key == "nobody"))
            busy.set()
            free.wait(5)

    if not world.database.is_sqlite:
        pytest.skip("one writer at a time is SQLite's way")
    blocker = threading.Thread(target=hold_the_writer)
    blocker.start()
    busy.wait(2)
    card, key = world._button("dingtalk", "qian", "同意", "")
    started = time.monotonic()
    threading.Timer(2.0, free.set).start()
    world.sandbox.press("dingtalk", "qian", card.id, key)
    answered_in = time.monotonic() - started
    blocker.join()

    for _ in range(50):
        if world.campaign().state.value == "running":
            break
        time.sleep(0.05)
    assert answered_in < 1.9
    assert world.campaign().state.value == "running"
    assert count(world, RecallTask) == 2


def test_unknown_person_learns_whom_to_ask_and_nothing_else(world):
    asked(world)
    creds = world.sandbox.credentials
    xml = (
        f"<xml><ToUserName>{creds.wecom_corp_id}</ToUserName><FromUserName>stranger</FromUserName>"
        "<CreateTime>1</CreateTime><MsgType>text</MsgType><Content>进度</Content><MsgId>9</MsgId>"
        f"<AgentID>{creds.wecom_agent_id}</AgentID></xml>"
    )
    params, body = wecom_envelope(world, xml, creds.wecom_corp_id)

    response = world.app.test_client().post("/wecom/callback", query_string=params, data=body)

    assert response.status_code == 200
    assert "青溪" not in response.text


def test_health_and_readiness(world):
    client = world.app.test_client()

    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=400),
    path=st.sampled_from(PATHS),
    query=st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4),
)
def test_no_bytes_make_it_fall_over(world, body, path, query):
    response = world.app.test_client().post(path, data=body, query_string=query)

    assert response.status_code in {400, 403}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=8), c, max_size=3),
        max_leaves=8,
    )
)
def test_signed_nonsense_from_dingtalk_is_no_error(world, data):
    response = world.app.test_client().post("/dingtalk/robot", data=json.dumps(data), headers=signed(world))

    assert response.status_code in {200, 400, 403}
