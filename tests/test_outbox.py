"""Letters: claimed once, in order, within the limits, tried again, and never lost."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from models.database import Database
from models.engine import Outbox, Sent
from tests.world import World
from texts.message import Message
from workflows import outbox
from workflows.letters import Letter, Receipt, Refused, SendError, TryLater
from workflows.outbox import LEASE, MAX_ATTEMPTS, Delivered

NOW = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
ROBOT = "wecom:robot:城东"


class Platform:
    """Remembers what it was sent and when; fails as told."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.failures: list[SendError | Exception] = []
        self.lock = threading.Lock()

    def send(self, letter: Letter) -> Receipt:
        with self.lock:
            if self.failures:
                raise self.failures.pop(0)
            self.letters.append(letter)
            return Receipt(platform_ref=f"p{len(self.letters)}")

    @property
    def keys(self) -> list[str]:
        return [letter.key for letter in self.letters]


class Post:
    """An outbox, a platform, a clock."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.platform = Platform()
        self.now = NOW

    def put(self, *keys: str, channel: str = "wecom:app", kind: str = "send", card: str = "") -> None:
        with self.database.write() as session:
            for key in keys:
                outbox.put(session, key=key, channel=channel, recipient=f"member {key}", message=Message("标题", key),
                           now=self.now, kind=kind, card_ref=card)  # fmt: skip

    def deliver(self, worker: str = "w1") -> Delivered:
        senders = {"wecom:": self.platform, "dingtalk:": self.platform}
        return outbox.deliver_due(self.database, senders, self.now, worker=worker, clock=lambda: self.now)

    def deliver_all(self, worker: str = "w1") -> int:
        sent = 0
        for _ in range(50):
            done = self.deliver(worker)
            sent += done.sent
            if done == Delivered():
                break
        return sent

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)

    def waiting(self) -> list[Outbox]:
        with self.database.read() as session:
            return list(session.scalars(select(Outbox).order_by(Outbox.id)))

    def sent(self) -> set[str]:
        with self.database.read() as session:
            return set(session.scalars(select(Sent.key)))


@pytest.fixture
def post(migrated_url: str) -> Iterator[Post]:
    post = Post(migrated_url)
    yield post
    post.database.close()


@pytest.fixture
def pg_post(postgres_url: str) -> Iterator[Post]:
    post = Post(postgres_url)
    yield post
    post.database.close()


def test_letter_is_sent_once_and_kept(post: Post) -> None:
    post.put("a")
    post.deliver_all()
    post.deliver_all()

    assert post.platform.keys == ["a"]
    assert (post.waiting(), post.sent()) == ([], {"a"})


def test_key_that_is_known_is_not_written_again(post: Post) -> None:
    post.put("a", "a")
    post.deliver_all()
    post.put("a")
    post.deliver_all()

    assert post.platform.keys == ["a"]


def test_letter_of_a_step_taken_back_is_never_sent(post: Post) -> None:
    def step() -> None:
        with post.database.write() as session:
            outbox.put(session, key="a", channel="wecom:app", recipient="z", message=Message("x"), now=post.now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        step()

    assert post.deliver() == Delivered()


def test_failure_is_tried_again_after_growing_pauses(post: Post) -> None:
    post.put("a")
    pauses = []
    for _ in range(3):
        post.platform.failures = [TryLater("-1", "忙")]
        post.deliver()
        due = post.waiting()[0].due_at
        pauses.append((due - post.now).total_seconds())
        assert post.deliver() == Delivered()
        post.now = due
    post.deliver()

    assert post.platform.keys == ["a"]
    assert 1.6 <= pauses[0] <= 2.4
    assert 3.2 <= pauses[1] <= 4.8
    assert 6.4 <= pauses[2] <= 9.6


def test_pause_the_platform_asks_for_is_kept(post: Post) -> None:
    post.put("a")
    post.platform.failures = [TryLater("45009", "太快", after=90)]
    post.deliver()

    assert post.waiting()[0].due_at == post.now + timedelta(seconds=90)


def test_blocked_channel_waits_as_a_whole(post: Post) -> None:
    post.put("a", "b", channel=ROBOT)
    post.platform.failures = [TryLater("130101", "太快", after=600, whole_channel=True)]
    post.deliver()
    post.put("d", channel=ROBOT)
    post.put("c")
    post.deliver_all()
    early = post.platform.keys.copy()
    post.passes(seconds=601)
    post.deliver_all()

    assert "d" not in early
    assert "c" in early
    assert set(post.platform.keys) == {"a", "b", "c", "d"}


def test_last_try_leaves_the_letter_dead_and_it_can_be_revived(post: Post) -> None:
    post.put("a")
    post.platform.failures = [TryLater("-1", "忙") for _ in range(MAX_ATTEMPTS)]
    for _ in range(MAX_ATTEMPTS):
        post.deliver()
        post.passes(minutes=11)
    (dead,) = post.waiting()
    assert (dead.dead, dead.last_error) == (True, "-1: 忙")
    assert post.deliver() == Delivered()

    with post.database.write() as session:
        assert outbox.depth(session) == (0, 1)
        assert outbox.retry_dead(session, post.now) == 1
    post.deliver_all()
    assert post.platform.keys == ["a"]


def test_refused_letter_is_dead_at_once(post: Post) -> None:
    post.put("a", "b")
    post.platform.failures = [Refused("81013", "没有这个人")]
    done = post.deliver()

    assert (done.sent, done.dead) == (1, 1)
    assert post.platform.keys == ["b"]


def test_sender_with_a_fault_loses_nothing(post: Post) -> None:
    post.put("a")
    post.platform.failures = [ZeroDivisionError()]
    assert post.deliver().put_off == 1
    post.passes(seconds=10)
    post.deliver()

    assert post.platform.keys == ["a"]


def test_letters_of_one_card_go_in_order(post: Post) -> None:
    post.put("paint 1", "paint 2", "paint 3", card="card", kind="update")
    post.put("other")
    post.platform.failures = [TryLater("-1", "忙")]
    post.deliver_all()
    assert post.platform.keys == ["other"]
    for _ in range(5):
        post.passes(seconds=5)
        post.deliver_all()

    assert post.platform.keys == ["other", "paint 1", "paint 2", "paint 3"]


def test_card_that_waits_does_not_hold_up_other_channels(post: Post) -> None:
    post.put("first", card="card", channel="dingtalk:app")
    post.platform.failures = [TryLater("-1", "忙", after=300)]
    post.deliver()
    post.put("second", card="card", kind="update", channel="dingtalk:app")
    post.put("elsewhere")
    post.passes(seconds=1)
    for _ in range(3):
        post.deliver()

    assert post.platform.keys == ["elsewhere"]


@pytest.mark.parametrize("step", [1, 7, 13])
def test_limit_holds_in_every_sliding_window(post: Post, step: int) -> None:
    post.put(*(f"n{number}" for number in range(50)), channel=ROBOT)
    times: list[datetime] = []
    while len(post.platform.letters) < 50:
        before = len(post.platform.letters)
        post.deliver()
        times += [post.now] * (len(post.platform.letters) - before)
        post.passes(seconds=step)
        assert post.now < NOW + timedelta(minutes=10)

    windows = [sum(1 for at in times if start <= at < start + timedelta(seconds=60)) for start in times]
    assert max(windows) <= 18


def test_limit_holds_when_the_platform_is_slow(post: Post) -> None:
    post.put(*(f"n{number}" for number in range(40)), channel=ROBOT)
    arrived: list[datetime] = []
    send = post.platform.send

    def slowly(letter: Letter) -> Receipt:
        post.passes(seconds=0 if arrived else 50)  # the first request hangs, the others come after it
        arrived.append(post.now)
        return send(letter)

    post.platform.send = slowly  # type: ignore[method-assign]  # a slower platform
    while len(arrived) < 40:
        post.deliver()
        post.passes(seconds=1)

    windows = [sum(1 for at in arrived if start <= at < start + timedelta(seconds=60)) for start in arrived]
    assert max(windows) <= 18


def test_failed_tries_count_against_the_limit(post: Post) -> None:
    post.put(*(f"n{number}" for number in range(40)), channel=ROBOT)
    post.platform.failures = [TryLater("-1", "忙") for _ in range(10)]
    post.deliver_all()

    assert len(post.platform.letters) == 8


def test_worker_killed_between_claim_and_answer_gives_the_letter_back(post: Post) -> None:
    post.put("a")

    class Killed(BaseException):
        """What a SIGKILL looks like from inside: nothing after it runs."""

    class Dying:
        def send(self, _letter: Letter) -> Receipt:
            raise Killed

    with pytest.raises(Killed):
        outbox.deliver_due(post.database, {"wecom:": Dying()}, post.now, worker="dead")
    assert post.deliver("w2") == Delivered()
    post.passes(seconds=LEASE.total_seconds() - 1)
    assert post.deliver("w2") == Delivered()
    post.passes(seconds=2)
    post.deliver("w2")

    assert post.platform.keys == ["a"]
    assert post.platform.letters[0].attempt == 2


def test_answer_that_comes_after_the_lease_does_not_disturb_the_next_worker(post: Post) -> None:
    post.put("a")
    inner = post.platform

    class Slow:
        """While it waits, the lease ends and another worker takes the letter."""

        def send(self, _letter: Letter) -> Receipt:
            post.passes(seconds=LEASE.total_seconds() + 1)
            post.deliver("w2")
            return Receipt("late")

    outbox.deliver_due(post.database, {"wecom:": Slow()}, post.now, worker="w1")

    assert inner.keys == ["a"]
    with post.database.read() as session:
        assert session.scalars(select(Sent.platform_ref)).all() == ["p1"]


@pytest.mark.postgres
def test_two_workers_send_each_letter_once(pg_post: Post) -> None:
    post = pg_post
    post.put(*(f"n{number}" for number in range(120)))
    for number in range(10):
        post.put(*(f"card {number}.{paint}" for paint in range(3)), card=f"card {number}", kind="update")
    start = threading.Barrier(2)
    failures: list[Exception] = []

    def work(name: str) -> None:
        start.wait()
        try:
            for _ in range(60):
                post.deliver(name)
        except Exception as problem:  # noqa: BLE001 - told to the test below
            failures.append(problem)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    post.passes(seconds=2)
    post.deliver_all()

    assert failures == []
    assert len(post.platform.keys) == len(set(post.platform.keys)) == 150
    assert post.waiting() == []
    for number in range(10):
        own = [key for key in post.platform.keys if key.startswith(f"card {number}.")]
        assert own == sorted(own)


# With the platforms of the sandbox misbehaving


def speak(world: World) -> None:
    """A manager asks, a rep approves: letters to people and groups of both platforms."""
    world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月30日前", "dingtalk")
    settle(world)
    world.presses("li", "同意", "dingtalk")
    settle(world)


def settle(world: World) -> None:
    """Time for every try there is."""
    for _ in range(12):
        world.clock.now += timedelta(seconds=45)
        world.worker.deliver()


@pytest.mark.parametrize("fault", ["server_error", "token_expired", "busy"])
def test_platform_that_fails_loses_nothing(world: World, fault: str) -> None:
    getattr(world.sandbox.faults, fault).next = 3
    speak(world)

    all_is_said(world)


def all_is_said(world: World) -> None:
    with world.database.read() as session:
        assert session.scalars(select(Outbox.key)).all() == []
    for user in ("zhang", "wang"):
        assert sum("请退回" in title for title in world.titles(user)) == 1
    assert [title for title in world.titles("li", "dingtalk") if "待审批" in title] == ["回收单待审批 R1"]


def test_answer_that_comes_too_late_does_not_show_a_card_twice(world: World) -> None:
    world.sandbox.faults.late.next = 2
    speak(world)

    all_is_said(world)


def test_callbacks_delivered_twice_act_once(world: World) -> None:
    world.sandbox.faults.duplicated.chance = 1.0
    speak(world)
    world.says("zhang", "退12瓶")

    all_is_said(world)
    assert sum(line.declared for line in world.task().lines) == 12
    world.proves_itself()


def test_callbacks_in_the_wrong_order_leave_a_sound_end(world: World) -> None:
    speak(world)
    world.sandbox.faults.reordered.next = 1
    world.sandbox.say("wecom", "zhang", "退12瓶")
    world.sandbox.say("wecom", "zhang", "卖完了")
    settle(world)

    assert world.task().answer == "part"  # what the platform delivered last
    world.proves_itself()


def test_message_dropped_in_silence_is_made_good_by_the_reminder(world: World) -> None:
    """No answer tells us of it, so the clock must."""
    world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月30日前", "dingtalk")
    settle(world)
    world.sandbox.faults.dropped.chance = 1.0
    world.presses("li", "同意", "dingtalk")
    settle(world)
    world.sandbox.faults.calm()
    assert not any("请退回" in title for title in world.titles("zhang"))
    for _ in range(12):
        world.clock.now += timedelta(minutes=30)
        world.worker.fire_timers()
        world.worker.deliver()

    assert any("还等您答复" in title for title in world.titles("zhang"))
    assert "已登记" in world.presses("zhang", "全部退回")
