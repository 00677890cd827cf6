"""kill -9 at random moments of the loop: the shortened form of benchmarks/kill9.py, with real processes."""

from benchmarks.kill9 import run


def test_killed_server_loses_nothing_and_does_nothing_twice(tmp_path):
    outcome = run(5, seed=5, folder=tmp_path, lane_count=2)

    assert outcome.proof.problems == []
    assert outcome.finished >= 2
    assert outcome.proof.letters > 20
