"""Single parts against the least that could do the same: sending letters, walking the history, opening callbacks."""

import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import make_url
from wechatpy.enterprise import parse_message
from wechatpy.enterprise.crypto import WeChatCrypto

from benchmarks.calls import Account, Caller
from benchmarks.distributor import NOW, approve, fill, open_house, start_campaign
from bots.wecom.callback import WecomCallback
from running.build import Running
from workflows import outbox
from workflows.history import verify
from workflows.letters import Letter, Receipt


class Postbox:
    """A sender that is done at once, so that only our own work is measured."""

    def send(self, letter: Letter) -> Receipt:
        """Nothing goes anywhere."""
        return Receipt(letter.key)


def a_running_campaign(url: str, folder: Path, stores: int) -> Running:
    """A house whose outbox and history are full: a letter and a step for each store."""
    running = open_house(url, folder)
    fill(running, stores)
    approve(running, start_campaign(running))
    return running


def letters_a_second(running: Running) -> float:
    """The outbox emptied through claims, leases, limits and the archive; time passes so that limits allow it."""
    senders = {name: Postbox() for name in ("wecom", "dingtalk")}
    sent, moment, begin = 0, NOW, time.perf_counter()
    while done := outbox.deliver_due(running.database, senders, moment, worker="bench").sent:
        sent += done
        moment += timedelta(seconds=1)
    return sent / (time.perf_counter() - begin)


def letters_a_second_by_hand(source: str, folder: Path) -> float:
    """A plain loop in SQL: claim 16, archive 16, in two transactions; no limits, no order, no cards."""
    database = sqlite3.connect(_copy(source, folder), isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    sent, begin = 0, time.perf_counter()
    while batch := _claimed(database):
        database.execute("BEGIN IMMEDIATE")
        for number, *rest in batch:
            values = (number, *rest[:7], rest[7], 1, "")
            database.execute("INSERT INTO sent VALUES (?,?,?,?,?,?,?,?,?,?,?)", values)
            database.execute("DELETE FROM outbox WHERE id = ?", (number,))
        database.execute("COMMIT")
        sent += len(batch)
    seconds = time.perf_counter() - begin
    database.close()
    return sent / seconds


def rows_a_second(running: Running) -> float:
    """History verified, every hash."""
    with running.database.read() as session:
        begin = time.perf_counter()
        assert verify(session, running.house.secret) == []
    return _history_length(running) / (time.perf_counter() - begin)


def rows_a_second_by_hand(running: Running) -> float:
    """The least: every row read and hashed once, without rebuilding what it says."""
    database = sqlite3.connect(make_url(running.database.url).database or "")
    begin, rows, secret, previous = time.perf_counter(), 0, b"secret", ""
    for row in database.execute("SELECT * FROM history ORDER BY id"):
        text = json.dumps(row, ensure_ascii=False)
        previous = hmac.new(secret, (previous + text).encode(), hashlib.sha256).hexdigest()
        rows += 1
    seconds = time.perf_counter() - begin
    database.close()
    return rows / seconds


def opened_a_second(count: int) -> tuple[float, float]:
    """Callbacks opened and read: ours, and wechatpy alone."""
    account = Account()
    ours = WecomCallback(account.token, account.aes_key, account.corp_id, account.agent_id)
    plain = WeChatCrypto(account.token, account.aes_key, account.corp_id)

    def by_us(body: bytes, args: dict[str, str]) -> None:
        ours.parse(ours.open_envelope(args, body), NOW)

    def by_wechatpy(body: bytes, args: dict[str, str]) -> None:
        parse_message(plain.decrypt_message(body, args["msg_signature"], args["timestamp"], args["nonce"]))

    return _opened(count, by_us), _opened(count, by_wechatpy)


def _opened(count: int, open_one: Callable[[bytes, dict[str, str]], None]) -> float:
    caller = Caller(Account(), int(NOW.timestamp()))
    sealed = [caller.sealed(f"o{number}", "确认") for number in range(count)]
    calls = [(body, dict(parse_qsl(query))) for body, query in sealed]
    begin = time.perf_counter()
    for body, args in calls:
        open_one(body, args)
    return count / (time.perf_counter() - begin)


def _claimed(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
    database.execute("BEGIN IMMEDIATE")
    batch = database.execute(
        "SELECT id, key, channel, recipient, kind, message, card_ref, created_at, due_at FROM outbox"
        " WHERE owner = '' ORDER BY due_at, id LIMIT 16"
    ).fetchall()
    database.executemany("UPDATE outbox SET owner = 'me' WHERE id = ?", [(row[0],) for row in batch])
    database.execute("COMMIT")
    return batch


def _copy(source: str, folder: Path) -> str:
    target = str(folder / "by_hand.db")
    with sqlite3.connect(make_url(source).database or "") as one, sqlite3.connect(target) as other:
        one.backup(other)
    other.close()
    one.close()
    return target


def _history_length(running: Running) -> int:
    with running.database.read() as session:
        return int(session.connection().exec_driver_sql("SELECT count(*) FROM history").scalar_one())
