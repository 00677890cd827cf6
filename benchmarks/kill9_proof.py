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


@dataclass(frozen=True)
class Proof:
    """Counts for the summary, and a sentence for everything that is wrong."""

    letters: int
    bubbles: int
    duplicates: int
    steps: int
    callbacks: int
    tasks: int
    problems: list[str]


def prove(database: Database, secret: str, shown: list[Bubble]) -> Proof:
    """Look at everything; changes nothing."""
    with database.read() as session:
        sent = list(session.scalars(select(Sent)))
        sends = [letter for letter in sent if letter.kind == "send"]
        missing = _missing(sends, shown)
        surplus = len(shown) - len(sends)
        problems = [
            *_letters_lost(session, sent),
            *missing,
            *_cards_doubled(shown),
            *_words_doubled(sends, shown),
            *_steps_doubled(session),
            *_goods_wrong(session),
            *ledger.reconcile(session),
            *verify(session, secret),
        ]
        return Proof(
            letters=len(sent),
            bubbles=len(shown),
            duplicates=surplus + len(missing),
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
    refs = {bubble.card_ref for bubble in shown if bubble.card_ref}
    words = Counter(bubble.title.strip() for bubble in shown)
    bodies = "\n".join(bubble.body for bubble in shown if not bubble.card_ref)
    return [
        f"nobody saw letter {letter.key}"
        for letter in sends
        if not (
            {letter.card_ref or letter.key, task_id(letter.card_ref or letter.key)} & refs
            or _said(letter, words, bodies)
        )
    ]


def _said(letter: Sent, titles: Counter[str], bodies: str) -> bool:
    title, body = str(letter.message["title"]).strip(), str(letter.message["body"]).strip()
    return bool(titles[title]) if title and titles[title] else (title or body.splitlines()[0]) in bodies


def _cards_doubled(shown: list[Bubble]) -> list[str]:
    refs = Counter((bubble.place, bubble.card_ref) for bubble in shown if bubble.card_ref)
    return [f"card {ref} was shown {times} times to {place}" for (place, ref), times in refs.items() if times > 1]


def _words_doubled(sends: list[Sent], shown: list[Bubble]) -> list[str]:
    # WeCom drops an equal request of an app's message; DingTalk's robots and both platforms' group robots
    # know no such thing, so there a worker that died between sending and writing down sends once more.
    written = Counter(letter.recipient for letter in sends if letter.channel == "wecom:app")
    seen = Counter(bubble.place for bubble in shown if bubble.platform == "wecom" and not bubble.in_group)
    return [f"{user} saw {seen[user]} of {written[user]} letters" for user in seen if seen[user] != written[user]]


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
