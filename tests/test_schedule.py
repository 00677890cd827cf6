"""Periodic jobs: one that breaks keeps no other from its work."""

from datetime import datetime

import pytest

from models.database import Database
from tests.world import World
from workflows.house import House
from workflows.schedule import Job, run_due


def test_a_job_that_breaks_is_told_and_the_others_run(world: World) -> None:
    done: list[str] = []
    broken = [True]

    def breaks(_database: Database, _house: House, _now: datetime) -> None:
        if broken[0]:
            raise ValueError("the disk is full")
        done.append("first")

    jobs = [
        Job("first", lambda now: now, breaks),
        Job("second", lambda now: now, lambda *_: done.append("second")),
    ]
    with pytest.raises(ExceptionGroup, match="some jobs failed"):
        run_due(world.database, world.house, jobs, world.clock())
    assert done == ["second"]
    broken[0] = False
    assert run_due(world.database, world.house, jobs, world.clock()) == ["first"]
    assert done == ["second", "first"]
