"""Why a warning fires: the texts are golden for every metric, and any figures can be explained.

`python -m tests.test_explain` writes the golden file anew.
"""

import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.catalog import Lot, Product, Store
from models.people import Role
from models.stock import ChannelStock, Delivery, Observation, SellOut, SellOutSource, StockSource
from models.warning import ScanRun, StockWarning, WarningState
from rules.warning_rules import Action, Metric, Rule, Ruleset, Scope, Thresholds
from rules.warnings import load_rules
from tests.intake_kit import Kit, new_kit
from tests.warning_kit import sells
from workflows.explain import as_text, explain
from workflows.rule_archive import as_plain, from_plain, keep_rules, kept_rule, kept_rules, row_of
from workflows.scan import scan

GOLDEN = Path(__file__).parent / "golden" / "explain.txt"
DAY = date(2026, 9, 7)
NOW = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
COMMON = {"day": "2026-09-07", "received_on": "2026-03-01", "source": "visit", "as_of": "2026-09-01"}
LOT = {
    **COMMON,
    "batch": "B2",
    "production_date": "2025-11-15",
    "life_months": 12,
    "basis": "labelled",
    "price_fen": 12_800,
}
SALES = {
    **COMMON, "monthly_millibottles": 4_000, "low_millibottles": 3_100, "high_millibottles": 5_200, "history_months": 6,
    "rate_as_of": "2026-09-06", "last_sold_on": "2026-07-20", "last_arrived_on": "2026-05-10", "received_bottles": 48,
    "sold_bottles": 12, "peer_permille": 552, "peers": 14, "shrinkage_k": 4, "unsold_millibottles": 13_200,
    "horizon_days": 180, "segment": "a", "slow_permille": 430, "cases": 240, "slow": 103, "price_fen": 12_800,
}  # fmt: skip
STORE = {**COMMON, "cover_milli": 9_000, "median": 3_200, "mad": 1_100, "z_milli": 3_560, "peers": 14}
#: Value, threshold (thousandths), what it counts from, figures.
CASES: dict[Metric, tuple[int, int, date | None, dict[str, Any]]] = {
    Metric.AGE_IN_STORE: (190_000, 180_000, date(2026, 3, 1), LOT),
    Metric.AGE_IN_CHANNEL: (310_000, 240_000, date(2025, 11, 1), LOT),
    Metric.AGE_SINCE_PRODUCTION: (296_000, 270_000, date(2025, 11, 15), LOT),
    Metric.REMAINING_LIFE: (2_266, 3_000, date(2026, 11, 15), LOT),
    Metric.MONTHS_OF_COVER: (9_000, 6_000, None, SALES),
    Metric.SAFETY_STOCK: (6_000, 7_000, None, SALES),
    Metric.DAYS_WITHOUT_SALE: (49_000, 45_000, date(2026, 7, 20), SALES),
    Metric.SELL_THROUGH: (37_080, 40_000, None, SALES),
    Metric.EXPECTED_UNSOLD: (13_200, 12_000, None, SALES),
    Metric.EXPECTED_LOSS: (1_689_600, 1_000_000, None, SALES),
    Metric.TURNOVER: (3_556, 3_000, None, STORE),
}


def rule_for(metric: Metric, threshold: int) -> Rule:
    """A rule with a row for one region before the default."""
    levels = (threshold, threshold * 2) if metric.facts.rising else (threshold, threshold // 2)
    clears = threshold * 9 // 10 if metric.facts.rising else threshold * 11 // 10
    return Rule(
        name=f"r_{metric.value}", title=f"{metric.facts.word}提醒", metric=metric, version=f"v-{metric.value}"[:16],
        thresholds=(
            Thresholds(Scope(regions=("城东",), price_bands=("中档", "高档")), levels, clears),
            Thresholds(Scope(), tuple(level * 3 for level in levels), clears * 3),
        ),
        receivers=((Role.SALES_REP,), (Role.SALES_REP, Role.BOSS)), action=Action.START_RECALL,
        scope=Scope(channels=("烟酒店",)), min_bottles=6, min_loss_fen=50_000, pending_days=3, new_listing_days=60,
        leave_out_months=(12, 1),
    )  # fmt: skip


def filled(folder: Path) -> Kit:
    """One store with two lots, deliveries, counts and sales, and all rules written down."""
    kit = new_kit(folder)
    with kit.database.write() as session:
        store = Store(code="S1", name="福顺烟酒", region="城东", channel="烟酒店")
        product = Product(code="A1", name="青岚 42 度", case_size=6, price_fen=12_800, price_band="中档")
        session.add_all([store, product])
        session.flush()
        lots = [Lot(product_id=product.id, batch=name, production_date=made) for name, made in MADE]
        session.add_all(lots)
        session.flush()
        for lot, bottles, unsold in zip(lots, (12, 24), (0, 13_200), strict=True):
            session.add(
                ChannelStock(
                    store_id=store.id, product_id=product.id, lot_id=lot.id, bottles=bottles, as_of=date(2026, 9, 1),
                    received_on=date(2026, 3, 1), source=StockSource.VISIT, unsold_millibottles=unsold,
                )
            )  # fmt: skip
        for number, day in enumerate((date(2026, 3, 1), date(2026, 5, 10), date(2026, 9, 20))):
            session.add(
                Delivery(
                    key=str(number), store_id=store.id, product_id=product.id, lot_id=lots[0].id, delivered_on=day,
                    bottles=24, price_fen=None,
                )
            )  # fmt: skip
        seen = {"store_id": store.id, "product_id": product.id, "recorded_at": NOW}
        session.add(
            Observation(key="1", bottles=36, as_of=date(2026, 9, 1), source=StockSource.VISIT, confidence=95, **seen)
        )
        session.add(
            SellOut(
                key="1", first_day=date(2026, 7, 20), last_day=date(2026, 7, 20), bottles=1, is_lower_bound=True,
                source=SellOutSource.SCAN_OPEN, **seen,
            )
        )  # fmt: skip
        rules = [rule_for(metric, case[1]) for metric, case in CASES.items()]
        keep_rules(session, Ruleset("all", tuple(rules)), DAY)
    return kit


MADE = (("B1", date(2025, 6, 1)), ("B2", date(2025, 11, 15)))


def warning_of(session: Any, metric: Metric, **columns: Any) -> StockWarning:
    """A warning that is not written: an explanation only looks."""
    value, threshold, since, figures = CASES[metric]
    store, product = session.get(Store, 1), session.get(Product, 1)
    whole_store = metric is Metric.TURNOVER
    rule = rule_for(metric, threshold)
    usual: dict[str, Any] = {
        "id": 12, "state": WarningState.FIRING, "rule": rule.name, "rule_version": rule.version, "level": 1,
        "bottles": 24 if figures is LOT else 36, "value": value, "threshold": threshold, "counted_from": since,
        "figures": {**figures, "metric": metric.value}, "fired_on": date(2026, 9, 4), "seen_on": DAY, "episode": 1,
        "lot_id": 2 if figures is LOT else 0, "loss_fen": 168_960, "pending_since": date(2026, 9, 1), "stale": False,
    }  # fmt: skip
    warning = StockWarning(**{**usual, **columns})
    warning.store_id, warning.product_id = 1, 0 if whole_store else 1
    with session.no_autoflush:
        warning.store = store
        if not whole_store:
            warning.product = product
    return warning


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Iterator[Kit]:
    kit = filled(tmp_path_factory.mktemp("explain"))
    yield kit
    kit.database.close()


def golden_text(kit: Kit) -> str:
    parts = []
    with kit.database.read() as session:
        for metric in CASES:
            warning = warning_of(session, metric)
            parts.append(f"== {metric.value}\n{as_text(warning, explain(session, kit.house, warning))}\n")
    return "\n".join(parts)


def test_explanations_are_the_golden_ones(kit):
    assert golden_text(kit) == GOLDEN.read_text(encoding="utf-8"), (
        "run: python -m tests.test_explain, then read the diff"
    )


@pytest.mark.parametrize("metric", list(Metric))
def test_rule_inputs_and_formula_are_told_for_every_metric(kit, metric):
    with kit.database.read() as session:
        warning = warning_of(session, metric)
        sections = {section.title: section.lines for section in explain(session, kit.house, warning)}

    assert warning.rule_version in sections["规则"][0]
    assert "城东" in " ".join(sections["规则"])
    assert "业务员到店盘点，2026-09-01（6 天前），可信度 95%" in sections["用到的数"][0]
    assert any("=" in line for line in sections["怎么算的"])


def test_what_came_after_the_figures_is_not_told(kit):
    with kit.database.read() as session:
        said = as_text(w := warning_of(session, Metric.MONTHS_OF_COVER), explain(session, kit.house, w))

    assert "2026-05-10 到货 24 瓶" in said
    assert "2026-09-20" not in said


def test_the_rule_is_that_of_the_warning_and_not_todays(kit):
    with kit.database.write() as session:
        newer = rule_for(Metric.MONTHS_OF_COVER, 99_000)
        keep_rules(session, Ruleset("b", (Rule(**{**vars(newer), "version": "newer"}),)), date(2026, 9, 9))
    with kit.database.read() as session:
        said = as_text(w := warning_of(session, Metric.MONTHS_OF_COVER), explain(session, kit.house, w))

    assert "99.0" not in said
    assert "黄 6.0 个月，橙 12.0 个月；降到 5.4 个月或以下才解除" in said


def test_an_age_is_that_of_the_last_scan_that_found_it(kit):
    with kit.database.read() as session:
        session.add(ScanRun(day=date(2026, 9, 17), ruleset_version="x", scanned_at=NOW, counts={}))
        session.flush()
        said = as_text(w := warning_of(session, Metric.AGE_IN_STORE), explain(session, kit.house, w))
        session.rollback()

    assert "在店库龄 = 计算日 2026-09-17 − 进店日期 2026-03-01 = 200 天" in said
    assert "2026-09-17 扫描时还成立" in said


def test_nothing_sold_is_no_division_by_nothing(kit):
    figures = {**SALES, "metric": Metric.MONTHS_OF_COVER.value, "monthly_millibottles": 0}
    with kit.database.read() as session:
        warning = warning_of(
            session, Metric.MONTHS_OF_COVER, figures=figures, counted_from=date(2026, 3, 1), value=6_242
        )
        said = as_text(warning, explain(session, kit.house, warning))

    assert "除数是 0，不算可销月数，改看放了多久：计算日 2026-09-07 − 进店日期 2026-03-01 = 6.2 个月" in said


def test_goods_without_an_expiry_basis_have_no_shelf_life_told(kit):
    figures = {**LOT, "metric": Metric.AGE_IN_STORE.value, "basis": "none"}
    with kit.database.read() as session:
        warning = warning_of(session, Metric.AGE_IN_STORE, figures=figures)
        said = as_text(warning, explain(session, kit.house, warning))

    assert not re.search("保质期|到期|临期|效期", said)


def test_figures_of_an_older_kind_say_what_they_can(kit):
    with kit.database.read() as session:
        warning = warning_of(session, Metric.AGE_IN_STORE, figures={"kind": "age", "age_days": 100}, rule="gone")
        sections = explain(session, kit.house, warning)

    assert sections[0].title == "规则"
    assert "没有日期" in as_text(warning, sections)


# Whatever the figures

NUMBERS = st.none() | st.integers(-(10**12), 10**12) | st.floats() | st.booleans() | st.text(max_size=4)
DAYS = (
    st.none() | st.dates().map(date.isoformat) | st.sampled_from(["", "2026-02-30", "gestern", "2026-03-01T00:00:00"])
)
WORDS = st.none() | st.sampled_from(["visit", "count", "inferred", "labelled", "none", "", "怪"]) | st.integers()
KINDS = {
    **dict.fromkeys(
        [key for key in {*LOT, *SALES, *STORE} if key.endswith(("_on", "_as_of", "date", "day", "as_of"))], DAYS
    ),
    **dict.fromkeys(["source", "basis", "segment"], WORDS),
    "batch": st.none() | st.integers() | st.just("20240312"),
}
FIGURES = st.fixed_dictionaries({}, optional={key: KINDS.get(key, NUMBERS) for key in sorted({*LOT, *SALES, *STORE})})
NEVER = re.compile(r"None|nan|inf(?!erred)|undefined|\{|\}|Infinity|-0\.0+(?!\d)", re.IGNORECASE)


@pytest.mark.parametrize("metric", list(Metric))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    figures=FIGURES,
    value=st.integers(-(2**31), 2**31),
    bottles=st.integers(0, 10**6),
    since=st.none() | st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    known=st.booleans(),
)
def test_any_figures_are_explained_without_holes(kit, metric, figures, value, bottles, since, known):
    with kit.database.read() as session:
        warning = warning_of(
            session, metric, figures={**figures, "metric": metric.value}, value=value, bottles=bottles,
            counted_from=since, **({} if known else {"rule_version": "gone"}),
        )  # fmt: skip
        sections = explain(session, kit.house, warning)

    assert {section.title for section in sections} >= {"规则", "用到的数", "怎么算的", "时间"}
    lines = [line for section in sections for line in section.lines]
    assert all(line.strip() for line in lines)
    assert not [line for line in lines if NEVER.search(line)]


@pytest.mark.parametrize("metric", list(Metric))
def test_a_rule_comes_back_from_the_archive_as_it_went_in(kit, metric):
    rule = rule_for(metric, CASES[metric][1])

    assert from_plain(as_plain(rule)) == rule
    with kit.database.read() as session:
        assert kept_rule(session, warning_of(session, metric)) == rule


def test_what_the_scan_itself_writes_is_explained_whole(world):
    sells(world, "S01", 1)
    with world.database.write() as session:
        scan(session, load_rules(), DAY, world.clock(), house=world.house)
    with world.looking() as session:
        warnings = list(session.scalars(select(StockWarning)))
        assert {Metric(warning.figures["metric"]) for warning in warnings} >= {
            Metric.AGE_IN_STORE,
            Metric.MONTHS_OF_COVER,
        }
        for warning in warnings:
            said = as_text(warning, explain(session, world.house, warning))
            assert "没有留存" not in said
            assert "适用第" in said
            assert "门店盘点，2026-09-01（6 天前），可信度 90%" in said
            assert not NEVER.search(said)


def test_writing_rules_down_again_changes_nothing_and_a_new_title_is_taken_over(kit):
    rule = rule_for(Metric.TURNOVER, CASES[Metric.TURNOVER][1])
    with kit.database.write() as session:
        assert keep_rules(session, Ruleset("all", (rule,)), date(2027, 1, 1)) == 0
        renamed = Rule(**{**vars(rule), "title": "换了名字"})
        assert keep_rules(session, Ruleset("all", (renamed,)), date(2027, 1, 1)) == 0
    with kit.database.read() as session:
        assert kept_rules(session).title(rule.name) == "换了名字"
    with kit.database.write() as session:
        keep_rules(session, Ruleset("all", (rule,)), date(2027, 1, 1))


def test_of_rows_with_one_threshold_the_one_of_the_store_is_told(kit):
    rule = rule_for(Metric.MONTHS_OF_COVER, 6_000)
    twin = Thresholds(Scope(), rule.thresholds[0].levels, 1)
    both = Rule(**{**vars(rule), "thresholds": (rule.thresholds[0], twin), "scope": Scope()})
    with kit.database.read() as session:
        assert row_of(both, warning_of(session, Metric.MONTHS_OF_COVER)) == rule.thresholds[0]
        assert row_of(both, warning_of(session, Metric.MONTHS_OF_COVER, threshold=5)) is None


def write_golden() -> None:
    with tempfile.TemporaryDirectory() as folder:
        kit = filled(Path(folder))
        GOLDEN.write_text(golden_text(kit), encoding="utf-8")
        kit.database.close()


if __name__ == "__main__":
    write_golden()
