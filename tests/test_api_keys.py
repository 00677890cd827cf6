"""Keys: shown once, kept as a hash, narrow, revocable, with a budget; and what a caller without one hears."""

from datetime import timedelta
from threading import Thread

import pytest
from click.testing import CliRunner

from models.api import ApiKey
from running.commands import cli
from tests.api_kit import Program, all_of, program
from workflows.api_keys import ApiScope, KeyRefused, create_key, revoke_key


def test_a_key_is_kept_as_a_hash_only(world):
    caller = program(world)
    secret = caller.key.split("_")[2]
    kept = all_of(world, ApiKey)[0]

    assert len(secret) == 64
    assert secret not in repr(vars(kept))
    assert kept.secret_hash != secret


WRONG_KEYS = [
    "",
    "{key}0",
    "JH_{id}_{secret}",
    "jx_{id}_{secret}",
    "jh_{id}",
    "jh_{id}_",
    "jh_{id}_{id}",
    "jh_000000000000_{secret}",
    "jh_{id}_{secret}_{secret}",
    "jh_'; DROP TABLE api_key;--_x",
    "jh_{id}' OR '1'='1_{secret}",
    "密钥",
    "long",
]


def test_a_wrong_key_is_nobody(world):
    for wrong in WRONG_KEYS:
        key = program(world).key
        shown = wrong.format(key=key, id=key.split("_")[1], secret=key.split("_")[2]).replace("long", "x" * 100_000)
        answer = Program(world, shown.encode().decode("latin-1")).get("warnings")

        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


OTHER_KINDS = ["Basic", "", "Token"]


def test_only_bearer_is_understood(world):
    for kind in OTHER_KINDS:
        headers = {"Authorization": f"{kind} {program(world).key}".strip()}

        assert world.app.test_client().get("/api/v1/warnings", headers=headers).status_code == 401


def test_revoked_and_expired_keys_end_at_once(world):
    gone, late = program(world, name="gone"), program(world, name="late", days=1)
    assert gone.get("warnings").status_code == 200
    assert late.get("warnings").status_code == 200
    with world.database.write() as session:
        revoke_key(session, "gone", world.clock())
    world.clock.now += timedelta(days=1)

    assert gone.get("warnings").status_code == 401
    assert late.get("warnings").status_code == 401


def test_a_scope_opens_one_door(world):
    caller = program(world, ApiScope.STORES_WRITE)

    assert caller.send("stores", [{"code": "N1", "name": "新店"}]).status_code == 200
    assert caller.send("products", [{"code": "N1", "name": "新品"}]).json["code"] == "forbidden"
    for path in ("warnings", "recalls", "documents", "recalls/R1/tasks", "documents/HS1.pdf"):
        assert caller.get(path).status_code == 403


@pytest.mark.parametrize(
    ("name", "scopes", "narrow"),
    [
        ("", [ApiScope.WARNINGS_READ], {}),
        ("x" * 65, [ApiScope.WARNINGS_READ], {}),
        ("a", [], {}),
        ("a", [ApiScope.STORES_WRITE], {"regions": ["城东"]}),
        ("a", [ApiScope.STORES_WRITE, ApiScope.WARNINGS_READ], {"brands": ["青溪"]}),
        ("taken", [ApiScope.WARNINGS_READ], {}),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(world, name, scopes, narrow):
    program(world, name="taken")
    with world.database.write() as session, pytest.raises(KeyRefused):
        create_key(session, name, scopes, world.clock(), **narrow)


def test_a_key_has_a_budget_that_recovers(world):
    caller = program(world)
    answers = [caller.get("warnings") for _ in range(62)]
    codes = [answer.status_code for answer in answers]

    assert codes[:60] == [200] * 60
    assert codes[-1] == 429
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].json["code"] == "too_many_requests"
    world.clock.now += timedelta(seconds=1)
    assert caller.get("warnings").status_code == 200
    assert program(world).get("warnings").status_code == 200


def test_the_budget_holds_for_many_at_once(world):
    caller = program(world)
    codes: list[int] = []

    def call() -> None:
        codes.extend(caller.get("warnings").status_code for _ in range(20))

    threads = [Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(set(codes)) == [200, 429]
    assert codes.count(200) == 61


def test_use_is_noted(world):
    caller = program(world)
    assert all_of(world, ApiKey)[0].last_used_at is None
    caller.get("warnings")

    assert all_of(world, ApiKey)[0].last_used_at == world.clock()


def test_a_refused_key_spends_nothing(world):
    caller = program(world, ApiScope.STORES_WRITE)
    caller.get("warnings")

    assert all_of(world, ApiKey)[0].last_used_at is None


def test_keys_are_made_listed_and_revoked_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("JIUHUI_DATABASE__URL", f"sqlite:///{tmp_path}/x.db")
    monkeypatch.setenv("JIUHUI_FILES", str(tmp_path))
    made = CliRunner().invoke(cli, ["api-key", "create", "erp", "--scope", "deliveries:write", "--days", "30"])
    assert made.exit_code == 0, made.output
    key = made.output.splitlines()[0]
    assert key.startswith("jh_")

    told = CliRunner().invoke(cli, ["api-key", "list"]).output
    assert "erp: valid; deliveries:write" in told
    assert key.split("_")[2] not in told
    assert CliRunner().invoke(cli, ["api-key", "revoke", "erp"]).exit_code == 0
    assert "erp: revoked" in CliRunner().invoke(cli, ["api-key", "list"]).output
    assert CliRunner().invoke(cli, ["api-key", "revoke", "nobody"]).exit_code == 1
    assert CliRunner().invoke(cli, ["api-key", "create", "erp", "--scope", "deliveries:write"]).exit_code == 1
