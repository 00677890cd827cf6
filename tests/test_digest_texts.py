"""The whole wording of a digest and an escalation, as people read it: `python -m tests.test_digest_texts` writes it anew."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from tests.digest_kit import BOSS, MANAGER, REP, RULES, Desk
from tests.test_digest import GROUPS
from texts.message import Message
from workflows.escalation import escalate

GOLDEN = Path(__file__).parent / "golden"


def shown(message: Message) -> str:
    rows = [f"{label}：{value}" for label, value in message.fields]
    buttons = " ".join(f"［{button.label}］" for button in message.buttons)
    return "\n".join(part for part in [message.title, message.body, *rows, message.how, buttons] if part)


def morning(folder: Path) -> Desk:
    """A morning with something of everything."""
    desk = Desk(folder, f"sqlite:///{folder / 'golden.db'}", GROUPS[:1])
    desk.settle(lines_per_person=4, counts_per_person=1, cards_per_person_per_day=1)
    desk.person("li", REP, region="东区")
    desk.person("zhou", REP, store=2, platform="wecom")
    desk.person("qian", MANAGER, region="东区")
    desk.person("boss", BOSS)
    stores = desk.stores(3)
    life = {"production_date": "2025-04-01", "life_months": 12}
    desk.warn("aged", store=1, level=3, loss=300_000)
    desk.warn("overstock", store=1, value=8_000, level=2, loss=200_000)
    desk.warn("near_expiry", store=1, product=2, level=2, figures=life)
    desk.warn("likely_loss", store=2, value=3_200_000, loss=320_000, level=2, figures={"source": "inferred"})
    desk.warn("slow_store", store=3, product=0, value=4_200, level=2)
    desk.warn("overstock", store=stores[0], figures={"monthly_millibottles": 0, "source": "visit"})
    desk.warn("aged", store=stores[1], loss=5_000)
    desk.warn("aged", store=stores[2], notified_on=desk.kit.now.date(), notified_level=1)
    for product in (1, 2):
        desk.warn("aged", store=stores[1], product=product, lot=9, stale=True, figures={"as_of": "2025-11-02"})
    desk.warn("aged", store=stores[2], product=2, stale=True, figures={"as_of": None})
    return desk


def golden(folder: Path) -> dict[str, str]:
    """What each of them reads that morning, and what the manager reads when nobody did anything."""
    desk = morning(folder)
    desk.push()
    said = {f"digest_{user}": "\n\n".join(map(shown, desk.letters(user))) for user in ("li", "zhou", "qian", "boss")}
    said["digest_group"] = "\n\n".join(map(shown, desk.letters(channel="wecom:robot")))
    desk.forget_letters()
    desk.now += timedelta(days=3)
    with desk.kit.database.write() as session:
        escalate(session, desk.kit.house, RULES, desk.now)
    said |= {f"escalation_{user}": "\n\n".join(map(shown, desk.letters(user))) for user in ("qian", "boss")}
    desk.kit.database.close()
    return said


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, str]:
    return golden(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize(
    "name",
    ["digest_li", "digest_zhou", "digest_qian", "digest_boss", "digest_group", "escalation_qian", "escalation_boss"],
)
def test_wording_is_the_golden_one(name, said):
    kept = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")

    assert said[name] + "\n" == kept, "run: python -m tests.test_digest_texts, then read the diff"


def test_no_prices_and_no_losses_are_said_to_a_group(said):
    assert "元" not in said["digest_group"]


def write_golden() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, words in golden(Path(folder)).items():
            (GOLDEN / f"{name}.txt").write_text(words + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_golden()
