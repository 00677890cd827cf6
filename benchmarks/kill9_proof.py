"""What must be true after a hundred deaths: read from the database and from what the phones show."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from benchmarks.kill9_setting import CASE
from bots.wecom.cards import task_id
from models.database import Database
from models.engine import Flowing, History, Inbox, Outbox, Sent
from models.recall import HandoverLine, RecallTask, ScannedUnit, TaskLine
from models.stock import StockMove
from sandbox.bubbles import Bubble
from workflows import ledger
from workflows.history import verify
from workflows.subjects import SUBJECTS

#: Platform, user or group, and whether it is a group.
Chat = tuple[str, str, bool]


@dataclass(frozen=True)
class Proof:
    """Counts for the summary, and a sentence for everything that is wrong.

    `doubled` are messages beyond those written, chat by chat; `told_anew` are repaints that
    became a message because the card's single-use code was lost.
    """

    letters: int
    bubbles: int
    told_anew: int
    doubled: dict[Chat, int]
    steps: int
    callbacks: int
    tasks: int
    problems: list[str]


def prove(database: Database, secret: str, shown: list[Bubble]) -> Proof:
    """Look at everything; changes nothing."""
    with database.read() as session:
        sent = list(session.scalars(select(Sent)))
        sends = [letter for letter in sent if letter.kind == "send"]
        anew = _told_anew(sent)
        surplus = _surplus(sends, shown, anew)
        problems = [
            *_letters_lost(session, sent),
            *_missing(sends, shown),
            *_not_allowed(surplus),
            *_cards_doubled(shown),
            *_steps_doubled(session),
            *_goods_wrong(session),
            *ledger.reconcile(session),
            *verify(session, secret),
        ]
        return Proof(
            letters=len(sent),
            bubbles=len(shown),
            told_anew=sum(anew.values()),
            doubled={chat: number for chat, number in surplus.items() if number > 0},
            steps=session.scalar(select(func.count(History.id))) or 0,
            callbacks=session.scalar(select(func.count(Inbox.key))) or 0,
            tasks=session.scalar(select(func.count(RecallTask.id))) or 0,
            problems=problems,
        )


def waiting(database: Database) -> int:
    """Letters still to be sent."""
    with database.read() as session:
        return session.scalar(select(func.count(Outbox.id))) or 0


def _letters_lost(session: Session, sent: list[Sent]) -> list[str]:
    # Ids are given without gaps and never again, so a letter that vanished leaves a hole.
    given = session.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")) or 0
    holes = set(range(1, given + 1)) - {letter.id for letter in sent}
    left = session.scalar(select(func.count(Outbox.id))) or 0
    keys = Counter(letter.key for letter in sent)
    twice = [key for key, times in keys.items() if times > 1]
    problems = [f"letter {hole} was written and is neither sent nor waiting" for hole in sorted(holes)]
    problems += [f"letter {key} was archived twice" for key in twice]
    return problems + ([f"{left} letters were never sent"] if left else [])


def _missing(sends: list[Sent], shown: list[Bubble]) -> list[str]:
    seen: dict[Chat, list[Bubble]] = {}
    for bubble in shown:
        seen.setdefault(_where(bubble), []).append(bubble)
    return [f"nobody saw letter {letter.key}" for letter in sends if not _was_seen(letter, seen.get(_to(letter), []))]


def _was_seen(letter: Sent, chat: list[Bubble]) -> bool:
    ref = letter.card_ref or letter.key
    if any(bubble.card_ref in {ref, task_id(ref)} for bubble in chat if bubble.card_ref):
        return True
    title, body = str(letter.message["title"]).strip(), str(letter.message["body"]).strip()
    words = title or body.splitlines()[0]
    return not letter.card_ref and any(words in f"{bubble.title}\n{bubble.body}" for bubble in chat)


def _surplus(sends: list[Sent], shown: list[Bubble], anew: Counter[Chat]) -> dict[Chat, int]:
    """How many more messages each chat shows than can be explained; negative where some are missing."""
    written = Counter(_to(letter) for letter in sends)
    seen = Counter(_where(bubble) for bubble in shown)
    left = {chat: seen[chat] - written[chat] - anew[chat] for chat in {*written, *seen, *anew}}
    return {chat: number for chat, number in left.items() if number}


def _to(letter: Sent) -> Chat:
    platform, kind, *name = letter.channel.split(":")
    return (platform, letter.recipient, False) if kind == "app" else (platform, name[0], True)


def _where(bubble: Bubble) -> Chat:
    return bubble.platform, bubble.place, bubble.in_group


def _cards_doubled(shown: list[Bubble]) -> list[str]:
    refs = Counter((bubble.place, bubble.card_ref) for bubble in shown if bubble.card_ref)
    return [f"card {ref} was shown {times} times to {place}" for (place, ref), times in refs.items() if times > 1]


def _told_anew(sent: list[Sent]) -> Counter[Chat]:
    """Repaints of WeCom cards that became a message of their own; only such a one has a message's number.

    The code that repaints is good for one use. It is lost with a worker that dies after it took the code, or
    before it wrote down the code a sent card came back with.
    """
    return Counter(_to(row) for row in sent if row.kind == "update" and row.channel == "wecom:app" and row.platform_ref)


def _not_allowed(surplus: dict[Chat, int]) -> list[str]:
    # WeCom drops an equal request of an app's message, and no card id is taken twice. DingTalk's words and
    # both platforms' group robots know no such thing: a worker that dies between sending and writing it
    # down sends those once more.
    too_few = [f"{chat} shows {-number} messages too few" for chat, number in surplus.items() if number < 0]
    twice = [
        f"{place} in WeCom saw {number} messages twice"
        for (platform, place, in_group), number in surplus.items()
        if number > 0 and platform == "wecom" and not in_group
    ]
    return too_few + twice


def _steps_doubled(session: Session) -> list[str]:
    steps = select(History.flow, History.subject_id, func.count(), func.count(History.version.distinct()))
    problems = []
    for flow, subject_id, rows, versions in session.execute(steps.group_by(History.flow, History.subject_id)):
        subject = session.get(SUBJECTS[flow], subject_id)
        now = subject.version if isinstance(subject, Flowing) else 0
        if not rows == versions == now:
            problems.append(f"{flow} {subject_id}: {rows} steps in history, {versions} versions, now at {now}")
    return problems


def _goods_wrong(session: Session) -> list[str]:
    problems = []
    keys = session.execute(select(func.count(StockMove.id), func.count(StockMove.key.distinct()))).one()
    if keys[0] != keys[1]:
        problems.append("a stock move was written twice")
    for task in session.scalars(select(RecallTask)):
        problems += _task_wrong(session, task)
    return problems


def _task_wrong(session: Session, task: RecallTask) -> list[str]:
    lines = session.scalars(select(TaskLine).where(TaskLine.task_id == task.id)).all()
    scanned = session.scalar(select(func.count()).where(ScannedUnit.task_id == task.id)) or 0
    accepted, sold = sum(line.accepted for line in lines), sum(line.sold_before for line in lines)
    counted = (
        session.scalar(select(func.sum(HandoverLine.counted)).where(HandoverLine.handover.has(task_id=task.id))) or 0
    )
    whole = accepted + sold == CASE and accepted == scanned == counted
    return [] if whole else [f"task {task.id}: accepted {accepted}, sold {sold}, scanned {scanned}, counted {counted}"]
