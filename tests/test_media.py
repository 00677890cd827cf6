"""Pictures sent in a chat become evidence of the open task, whatever the platform does on the way."""

import io
from datetime import timedelta

from PIL import Image
from sqlalchemy import select

from models.engine import StoredFile, WantedMedia
from models.recall import Photo
from tests.world import World


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), "brown").save(buffer, "PNG")
    return buffer.getvalue()


def asked(world: World) -> None:
    world.says("li", "发起回收 青溪老窖 滞销 9月30日前", "dingtalk")
    world.presses("qian", "同意", "dingtalk")


def photos(world: World) -> list[tuple[int, bytes]]:
    with world.looking() as session:
        query = select(Photo.task_id, StoredFile.content).join(StoredFile, StoredFile.sha256 == Photo.sha256)
        return [(task, content) for task, content in session.execute(query)]


def test_picture_is_kept_with_the_open_task(world):
    asked(world)

    world.sandbox.send_image("zhang", picture(), "shelf.png", "wecom")
    world.worker.fetch()

    assert photos(world) == [(world.task("S01").id, picture())]


def test_picture_of_nobodys_task_is_answered_and_not_kept(world):
    world.sandbox.send_image("zhang", picture(), "shelf.png", "wecom")
    world.worker.fetch()

    assert photos(world) == []
    assert "没有归档" in world.titles("zhang")[-1]


def test_platform_that_fails_is_asked_again_later(world):
    asked(world)
    world.sandbox.send_image("zhang", picture(), "shelf.png", "wecom")
    world.sandbox.faults.server_error.next = 3

    world.worker.fetch()
    assert photos(world) == []
    world.clock.now += timedelta(minutes=5)
    world.sandbox.faults.calm()
    world.worker.fetch()

    assert len(photos(world)) == 1
    with world.looking() as session:
        assert session.scalars(select(WantedMedia)).all() == []


def test_what_is_no_picture_is_dropped_and_logged(world):
    asked(world)

    world.sandbox.send_image("zhang", b"GIF89a" + b"\0" * 40, "x.gif", "wecom")
    world.worker.fetch()

    assert photos(world) == []
