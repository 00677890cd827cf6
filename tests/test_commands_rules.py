"""`rules check` and `rules try` as somebody types them, on both databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from models.engine import Outbox
from models.stock import ChannelStock, SalesRate
from models.warning import StockWarning
from rules.warnings import FILE, load_rules, version_of
from running.command_kit import Context
from running.commands_rules import rules
from sandbox.sample_data import write_sample
from tests.intake_kit import Kit, new_kit
from tests.rule_files import file_of, rule
from workflows.acting import business_day
from workflows.channel_stock import refresh_channel_stock
from workflows.scan import scan

CONFIG = str(Path(__file__).parent.parent / "config.yaml")
KINDS = ("products", "stores", "people", "deliveries", "stock", "codes")
NOW = datetime.now(UTC)
TODAY = business_day(NOW)
STRICT = {"metric": "在店库龄", "thresholds": [{"levels": [30, 60]}]}


@pytest.fixture
def kit(tmp_path, migrated_url):
    """The sample distributor, scanned today."""
    kit = new_kit(tmp_path, migrated_url)
    kit.now = NOW
    write_sample(tmp_path / "sample", TODAY)
    for kind in KINDS:
        assert kit.take(kind, tmp_path / "sample" / f"{kind}.csv").errors == []
    with kit.database.write() as session:
        refresh_channel_stock(session, TODAY)
        scan(session, load_rules(), TODAY, NOW)
    yield kit
    kit.database.close()


def run(kit: Kit | None, *arguments: str, url: str = "") -> tuple[int, str]:
    """Exit code and output of a command on the kit's database."""
    address = url or (kit.database.url if kit else "")
    runner = CliRunner(
        env={"JIUHUI_DATABASE__URL": address, "JIUHUI_FILES": str(kit.folder if kit else Path.cwd() / "var")}
    )
    result = runner.invoke(rules, list(arguments), obj=Context(CONFIG), standalone_mode=False)
    if result.exception is not None:
        return 1, f"{result.output}{getattr(result.exception, 'message', repr(result.exception))}"
    return int(result.return_value or 0), result.output


def test_shipped_file_is_faultless_for_the_sample_distributor(kit):
    code, said = run(kit, "check")
    assert code == 0, said
    assert f"版本 {version_of(FILE.read_text(encoding='utf-8'))}，没有错误，0 处提醒" in said
    assert "没有和数据库里的名字核对" not in said


def test_check_lists_errors_and_reminders_and_fails(kit, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(file_of(rule(where={"region": "临江"}, thresholds=[{"levels": [90, 80]}], action="发起召回")))
    code, said = run(kit, "check", str(path))
    assert code == 1
    assert "mine.yaml 第 6 行：aged：在店库龄的门槛要从小到大写" in said
    assert "第 8 行：aged：“action”里的“发起召回”不认识，是不是“发起回收”" in said
    assert "第 9 行：提醒，aged：系统里没有这个 region：临江，是不是“临江区”" in said
    assert "2 处错误，1 处提醒" in said


def test_check_works_without_a_database_and_makes_none(tmp_path):
    url = f"sqlite:///{tmp_path}/none.db"
    code, said = run(None, "check", url=url)
    assert (code, "没有和数据库里的名字核对：还没有数据库" in said) == (0, True)
    assert run(None, "check", "--no-data", url=url)[1].count("\n") == 1
    assert run(None, "check", "--data", url=url)[0] == 1
    assert not (tmp_path / "none.db").exists()


def test_check_tells_a_database_without_tables(tmp_path):
    (tmp_path / "empty.db").touch()
    code, said = run(None, "check", url=f"sqlite:///{tmp_path}/empty.db")
    assert (code, "数据库用不了" in said) == (0, True)


@pytest.mark.parametrize("command", [["check", "gone.yaml"], ["try", "--file", "gone.yaml"]])
def test_file_that_is_not_there_is_told(kit, command):
    code, said = run(kit, *command)
    assert (code, "gone.yaml：读不了" in said) == (1, True)


def test_rules_of_today_on_the_data_of_today_are_what_fires_now_but_for_what_is_watched_first(kit):
    code, said = run(kit, "try")
    assert code == 0, said
    watched = {one.title for one in load_rules().rules if one.pending_days}
    changed = [line for line in table(said) if line[-5:] != ["0", "0", line[-11], "0", "0"]]
    assert {line[0] for line in changed} <= watched | {"合计"}


def test_try_shows_both_sides_level_by_level_with_examples(kit, tmp_path):
    path = tmp_path / "strict.yaml"
    path.write_text(file_of(rule(title="看得紧", **STRICT)))
    code, said = run(kit, "try", "--file", str(path), "--sample", "2")
    assert code == 0, said
    rows = [line for line in table(said) if line[0] == "看得紧"]
    assert {row[1] for row in rows} == {"1", "2"}
    assert sum(int(line[-5]) for line in rows) > 0, "a stricter threshold finds more"
    assert "新增的，预计损失大的在前：" in said
    assert sum(line.startswith("  看得紧") for line in said.splitlines()) == 2
    assert "现行规则" in said


def test_try_on_a_day_before_all_deliveries_finds_nothing(kit):
    code, said = run(kit, "try", "--on", "2001-01-01")
    assert code == 0, said
    assert "库存按 2001-01-01 重新推算，0 个批次：那天以后的发货、盘点、上报和出库都不看" in said
    assert all(line[-11] == "0" for line in table(said))


def test_goods_too_old_today_were_not_so_when_they_had_just_come(kit, tmp_path):
    path = tmp_path / "age.yaml"
    path.write_text(file_of(rule(title="看得紧", metric="在店库龄", thresholds=[{"levels": [90]}])))
    earlier = str(TODAY - timedelta(days=120))
    then = total(run(kit, "try", "--file", str(path), "--on", earlier)[1])
    now = total(run(kit, "try", "--file", str(path))[1])
    later = total(run(kit, "try", "--file", str(path), "--on", str(TODAY + timedelta(days=30)))[1])
    assert then < now <= later


def test_nothing_is_written_by_trying(kit):
    def state() -> list:
        with kit.database.read() as session:
            counts = [session.scalar(select(func.count()).select_from(t)) for t in (StockWarning, ChannelStock, Outbox)]
            return [*counts, session.scalar(select(func.max(SalesRate.as_of)))]

    before = state()
    assert run(kit, "try", "--on", str(TODAY - timedelta(days=40)))[0] == 0
    assert state() == before
    assert kit.books_are_right()


def test_wrong_rules_are_not_tried(kit, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(file_of(rule(action="发起召回")))
    code, said = run(kit, "try", "--file", str(path))
    assert (code, "wrong.yaml 第 8 行" in said) == (1, True)


def table(said: str) -> list[list[str]]:
    """The cells of the table of a trial, without its head: six sums and five changes from the right."""
    rows = []
    for line in said.splitlines():
        cells = line.replace(",", "").split()
        if len(cells) >= 12 and cells[-1].isdigit():
            rows.append(cells)
    return rows


def total(said: str) -> int:
    """How many hits the day has in all."""
    found = [row for row in table(said) if row[0] == "合计"]
    return int(found[0][-11]) if found else 0
