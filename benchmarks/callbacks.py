"""Who answers callbacks: the bare echo, ours asked for 进度, ours taking a 确认 with all its effects."""

from itertools import count
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks.calls import Caller, answered
from benchmarks.contest import Prepared
from benchmarks.distributor import NOW, approve, fill, open_house, start_campaign
from benchmarks.echo import echo_app
from running.build import Running, flask_app

STORES_ASKING = 200  # who ask for 进度 in turn


def echo(_url: str, folder: Path, _total: int) -> Prepared:
    """The floor."""
    settings = open_house("sqlite://", folder).settings
    wecom = settings.wecom
    app = echo_app(wecom.token.get_secret_value(), wecom.encoding_aes_key.get_secret_value(), wecom.corp_id)
    return _messages(app, Caller(settings, int(NOW.timestamp())), "进度", STORES_ASKING)


def progress(url: str, folder: Path, _total: int) -> Prepared:
    """Store owners with one open task each ask how far it is."""
    running = _asked_stores(url, folder, STORES_ASKING)
    return _messages(_app(running), Caller(running.settings, int(NOW.timestamp())), "进度", STORES_ASKING)


def confirm(url: str, folder: Path, total: int) -> Prepared:
    """Each store owner confirms the one task of the store: every message moves something."""
    running = _asked_stores(url, folder, total)
    return _messages(_app(running), Caller(running.settings, int(NOW.timestamp())), "确认", total)


def _asked_stores(url: str, folder: Path, stores: int) -> Running:
    running = open_house(url, folder)
    fill(running, stores)
    approve(running, start_campaign(running))
    return running


def _app(running: Running) -> Flask:
    return flask_app(running)


def _messages(app: Flask, caller: Caller, words: str, users: int) -> Prepared:
    numbers = count(0)

    def make(wanted: int) -> list[dict[str, Any]]:
        return [caller.request(f"o{next(numbers) % users + 1}", words) for _ in range(wanted)]

    def answer(environ: dict[str, Any]) -> None:
        assert answered(app, environ), "an answer in words was expected"

    return make, answer
