"""Configuration: every mistake is named with its key's path, secrets come from the environment."""

from pathlib import Path

import pytest

from running.commands import main
from running.sandboxed import sandbox_environment
from settings import ConfigError, load

ROOT = Path(__file__).parent.parent
ENVIRON = {
    "WECOM_CORP_ID": "ww1", "WECOM_AGENT_ID": "1000002", "WECOM_SECRET": "s", "WECOM_TOKEN": "t",
    "WECOM_ENCODING_AES_KEY": "k" * 43, "DINGTALK_CORP_ID": "d", "DINGTALK_CLIENT_ID": "c",
    "DINGTALK_CLIENT_SECRET": "s", "DINGTALK_ROBOT_CODE": "r", "DINGTALK_EVENT_TOKEN": "t",
    "DINGTALK_EVENT_AES_KEY": "k" * 43,
}  # fmt: skip


def problems(path: Path, environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(path, environ)
    return refused.value.problems


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_file_is_whole_once_secrets_are_set():
    settings = load(ROOT / "config.yaml", ENVIRON)

    assert settings.wecom.agent_id == 1_000_002
    assert settings.schedule.push_at.isoformat() == "08:37:00"


def test_missing_secret_names_key_and_variable():
    environ = {name: value for name, value in ENVIRON.items() if name != "WECOM_SECRET"}

    assert problems(ROOT / "config.yaml", environ) == ["wecom.secret: the environment variable WECOM_SECRET is not set"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("server:\n", "serber:\n"),
    ],
)
def test_unknown_section_is_refused(tmp_path, change, said):
    text = (ROOT / "config.yaml").read_text(encoding="utf-8").replace(change, said, 1)

    found = problems(written(tmp_path, text), ENVIRON)

    assert "serber: there is no such key" in found
    assert "server: is missing" in found


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("JIUHUI_SERVER__PORT", "70000", "server.port"),
        ("JIUHUI_SERVER__PUBLIC_URL", "nowhere", "server.public_url"),
        ("JIUHUI_DATABASE__URL", "mysql://x", "database.url"),
        ("JIUHUI_TIMEZONE", "Mars/Base", "timezone"),
        ("JIUHUI_LIMITS__LINK_DAYS", "0", "limits.link_days"),
        ("JIUHUI_WECOM__AGENT_ID", "many", "wecom.agent_id"),
        ("JIUHUI_WECOM__ENCODING_AES_KEY", "short", "wecom.encoding_aes_key"),
        ("JIUHUI_LIMITS__LINK_DAZE", "3", "limits.link_daze"),
        ("JIUHUI_GROUPS", "[{regions: [x]}]", "groups.0.name"),
    ],
)
def test_bad_value_is_named_with_its_path(name, value, path):
    found = problems(ROOT / "config.yaml", {**ENVIRON, name: value})

    assert any(line.startswith(f"{path}: ") for line in found), found


def test_environment_overrides_the_file():
    environ = {**ENVIRON, "JIUHUI_DATABASE__URL": "sqlite:///other.db", "JIUHUI_LIMITS__MANAGER_ABOVE_YUAN": "12"}

    settings = load(ROOT / "config.yaml", environ)

    assert settings.database.url == "sqlite:///other.db"
    assert settings.limits.manager_above_yuan == 12


def test_api_bases_may_carry_a_path():
    settings = load(ROOT / "config.yaml", sandbox_environment("http://127.0.0.1:8000", ["城东"]))

    assert str(settings.wecom.api_base) == "http://127.0.0.1:8000/sandbox/wecom"
    assert settings.groups[0].name == "城东业务群"


def test_secrets_do_not_show_in_a_printed_settings():
    assert "SECRETWORD" not in repr(load(ROOT / "config.yaml", {**ENVIRON, "WECOM_SECRET": "SECRETWORD"}))


@pytest.mark.parametrize("text", ["- a list", "{", "a: \x00", ""])
def test_a_file_that_is_no_settings_is_a_sentence(tmp_path, text):
    assert len(problems(written(tmp_path, text), ENVIRON)) >= 1


def test_command_ends_with_2_and_a_sentence(tmp_path, capsys, monkeypatch):
    for name in ENVIRON:
        monkeypatch.delenv(name, raising=False)

    code = main(["--config", str(ROOT / "config.yaml"), "serve"])

    assert code == 2
    assert "config: wecom.secret: the environment variable WECOM_SECRET is not set" in capsys.readouterr().err


def test_commands_that_talk_to_no_platform_need_no_secrets(tmp_path, monkeypatch, capsys):
    for name in ENVIRON:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JIUHUI_DATABASE__URL", f"sqlite:///{tmp_path}/x.db")
    monkeypatch.setenv("JIUHUI_FILES", str(tmp_path))

    assert main(["--config", str(ROOT / "config.yaml"), "reconcile"]) == 0
    assert main(["--config", str(ROOT / "config.yaml"), "verify"]) == 0
    assert "proven" in capsys.readouterr().out
