"""Our side of the race: asked for 进度, and taking a 确认 with all its effects."""

from pathlib import Path

from benchmarks.calls import Account, Caller, conversation
from benchmarks.contest import Prepared
from benchmarks.distributor import NOW, approve, fill, open_house, start_campaign
from running.build import flask_app

STORES_ASKING = 200  # who ask for 进度 in turn


def progress(url: str, folder: Path, _total: int) -> Prepared:
    """Store owners with one open task each ask how far it is."""
    return _stores_say("进度", url, folder, STORES_ASKING)


def confirm(url: str, folder: Path, total: int) -> Prepared:
    """Each store owner confirms the one task of the store: every message moves something."""
    return _stores_say("确认", url, folder, total)


def _stores_say(words: str, url: str, folder: Path, stores: int) -> Prepared:
    running = open_house(url, folder)
    fill(running, stores)
    approve(running, start_campaign(running))
    return conversation(flask_app(running), Caller(Account(), int(NOW.timestamp())), words, stores)
