"""kill -9 at random moments of the loop, many times; then proof that nothing was lost or done twice.

    python -m benchmarks.kill9 --kills 100

The server (web and worker) is a process of its own. Both platforms and all people live in this one, so
that they remember what the server said before it died. Callbacks are sent again until answered.
"""

import argparse
import random
import secrets
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests
from flask import Flask
from sqlalchemy import update
from waitress import create_server

from benchmarks.contest import quiet
from benchmarks.kill9_players import Lanes
from benchmarks.kill9_proof import Proof, prove, waiting
from benchmarks.kill9_server import ROOT, Server, free_port, live_and_die
from benchmarks.kill9_setting import Lane, fill, lanes
from models.engine import Outbox
from running.build import Running, build, wall_clock
from running.migrate import upgrade
from running.sandboxed import make_world, mounted, personas_of, sandbox_environment
from sandbox.bubbles import Bubble
from sandbox.people import Limits
from sandbox.stage import BOT
from sandbox.world import World
from settings import load

DRAIN_SECONDS = 150.0  # group robots take 18 letters a minute


@dataclass(frozen=True)
class Outcome:
    """How often it was killed, how many take-backs were finished meanwhile, and what was found."""

    kills: int
    finished: int
    proof: Proof
    seconds: float

    def summary(self) -> str:
        """One line."""
        proof = self.proof
        doubled = ", ".join(f"{platform} {place} {number}" for (platform, place, _), number in proof.doubled.items())
        verdict = (
            f"{len(proof.problems)} PROBLEMS"
            if proof.problems
            else "ALL PROVED: no letter lost, no step doubled, every scanned bottle settled, ledger balanced, chain whole"
        )
        return (
            f"kill -9: {self.kills} kills, {self.finished} take-backs closed ({proof.tasks} store tasks), "
            f"{proof.callbacks} callbacks, {proof.steps} steps, {proof.letters} letters, "
            f"{proof.told_anew} repaints told as a message, "
            f"{sum(proof.doubled.values())} letters shown twice ({doubled or 'nowhere'}), {self.seconds:.0f} s: {verdict}"
        )


def run(kills: int, seed: int, folder: Path, *, lane_count: int = 3) -> Outcome:
    """Kill the server `kills` times while all lanes work, then let them finish, then prove."""
    begun = time.monotonic()
    base, platforms = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    environ = _environ(folder, base, platforms, lane_count)
    running = build(load(ROOT / "config.yaml", environ), clock=wall_clock)
    all_lanes = lanes(lane_count, campaigns=kills + 3)
    _prepare(running, all_lanes)
    server = Server(environ, base, folder / "server.log")
    world, shown = _world(running, server, platforms)
    api = create_server(mounted(Flask("platforms"), world), port=int(platforms.rpartition(":")[2]), threads=16)
    threading.Thread(target=api.run, daemon=True).start()
    server.start()
    server.wait_until_up()
    working = Lanes(world, running.database, server, base, seed)
    working.start(all_lanes)
    try:
        live_and_die(server, kills, random.Random(seed), lambda: _let_leases_end(running))
        working.finish()
        _drain(running)
        proof = prove(running.database, running.house.secret, shown)
    finally:
        server.kill()
        api.close()
        running.database.close()
    return Outcome(kills, working.finished, proof, time.monotonic() - begun)


def _environ(folder: Path, base: str, platforms: str, lane_count: int) -> dict[str, str]:
    made = sandbox_environment(platforms, [f"片区{n}" for n in range(1, lane_count + 1)])
    return made | {
        "JIUHUI_SERVER__PUBLIC_URL": base,
        "JIUHUI_SERVER__HOST": "127.0.0.1",
        "JIUHUI_SERVER__PORT": base.rpartition(":")[2],
        "JIUHUI_DATABASE__URL": f"sqlite:///{folder / 'kill9.db'}",
        "JIUHUI_FILES": str(folder),
        "JIUHUI_SECRET": secrets.token_hex(16),
    }


def _prepare(running: Running, all_lanes: list[Lane]) -> None:
    upgrade(running.database)
    with running.database.write() as session:
        fill(session, all_lanes, datetime.now(UTC))


def _world(running: Running, server: Server, platforms: str) -> tuple[World, list[Bubble]]:
    world = make_world(
        running,
        session=requests.Session(),
        clock=wall_clock,
        sandbox_base=f"{platforms}/sandbox",
        pause=server.people_wait,
        limits=Limits(10_000, 100_000, 10_000, 10_000, 100_000),
    )
    people = personas_of(running)
    world.personas = lambda: people
    shown: list[Bubble] = []
    world.on_bubble.append(lambda bubble: shown.append(bubble) if _is_letter(bubble) else None)
    return world, shown


def _is_letter(bubble: Bubble) -> bool:
    # An instant answer to words in a chat is part of the callback, not a letter.
    return bubble.sender == BOT and bool(bubble.in_group or bubble.card_ref or bubble.message_id)


def _let_leases_end(running: Running) -> None:
    # The dead worker's claims would end by themselves after two minutes; nobody wants to wait for that
    # a hundred times. Nothing else is touched, and the letters may have gone out already or not.
    with running.database.write() as session:
        session.execute(update(Outbox).where(Outbox.owner != "").values(due_at=wall_clock()))


def _drain(running: Running) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    while waiting(running.database) and time.monotonic() < deadline:
        time.sleep(0.2)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=9)
    options = parser.parse_args()
    quiet()
    with tempfile.TemporaryDirectory(prefix="jiuhui-kill9-") as folder:
        outcome = run(options.kills, options.seed, Path(folder))
    for problem in outcome.proof.problems[:50]:
        print(problem)
    print(outcome.summary())
    return 1 if outcome.proof.problems else 0


if __name__ == "__main__":
    sys.exit(main())
