"""How good the warnings were: acted on, put aside, wrong; and what went bad without one."""

from datetime import date, timedelta

from sqlalchemy import select

from models.catalog import ExpiryBasis, Lot, Product, Store
from models.stock import ChannelStock
from models.warning import ResolveCause, StockWarning, WarningState
from running.commands import main
from tests.test_pages_store import at_desk
from tests.warning_kit import DAY, new_warning
from tests.webapp import open_shop
from tests.world import World
from workflows.warning_quality import Quality, quality


def looked_at(world: World, since: date = DAY - timedelta(days=30), until: date = DAY) -> Quality:
    with world.looking() as session:
        return quality(session, since, until)


def test_precision_is_what_was_acted_on_of_what_fired(world: World) -> None:
    started, *_ = [new_warning(world, store, fired_on=DAY - timedelta(days=3)) for store in ("S01", "S02")]
    new_warning(world, "S11", fired_on=DAY, state=WarningState.DISMISSED)
    new_warning(world, "S11", "P2", fired_on=DAY, state=WarningState.RESOLVED, cause=ResolveCause.RECOUNTED)
    new_warning(world, "S02", "P2", fired_on=DAY, state=WarningState.PENDING)
    new_warning(world, "S01", "P2", fired_on=DAY - timedelta(days=90))
    with world.database.write() as session:
        world.fire(session, session.get_one(StockWarning, started), "start_recall", "li")

    [rule] = looked_at(world).rules

    assert (rule.rule, rule.fired, rule.acted, rule.dismissed, rule.recounted) == ("overstock", 4, 1, 1, 1)
    assert rule.precision == 0.25


def test_goods_taken_back_without_a_warning_are_missed(world: World) -> None:
    new_warning(world, "S01", fired_on=DAY - timedelta(days=20), state=WarningState.DISMISSED)
    world.says("li", "发起回收 青溪老窖 滞销", "dingtalk")

    found = looked_at(world).taken_back

    assert found.places == 0  # nobody approved it yet
    world.presses("qian", "同意", "dingtalk")
    found = looked_at(world).taken_back
    assert (found.places, found.missed, found.median_lead_days) == (2, 1, 20)


def test_goods_whose_life_ended_in_a_store_went_bad(world: World) -> None:
    with world.database.write() as session:
        product = session.scalars(select(Product).where(Product.code == "P1")).one()
        product.expiry_basis, product.expiry_months = ExpiryBasis.LABELLED, 30
        lot = session.scalars(select(Lot).where(Lot.batch == "20240312")).one()
        lot.production_date = date(2024, 3, 5)  # its life ends on 2026-09-05
        gone = session.scalars(select(Store).where(Store.code == "S11")).one()
        for stock in session.scalars(select(ChannelStock).where(ChannelStock.store_id == gone.id)):
            stock.bottles = 0
    new_warning(world, "S01", fired_on=date(2026, 8, 1))
    new_warning(world, "S02", fired_on=date(2026, 9, 5))  # on the day itself is too late

    found = looked_at(world).expired

    assert (found.places, found.missed, found.median_lead_days) == (2, 1, 35)


def test_nothing_fired_is_no_division(world: World) -> None:
    found = looked_at(world)
    assert found.rules == []
    assert (found.expired.places, found.taken_back.median_lead_days) == (0, None)


def test_the_command_refuses_days_in_the_wrong_order() -> None:
    assert main(["warnings", "quality", "--from", "2026-09-02", "--to", "2026-09-01"]) == 2


def test_the_desk_shows_it_to_the_boss_and_not_to_a_rep(tmp_path) -> None:
    shop = open_shop(tmp_path)
    assert "这段时间没有报出预警" in at_desk(shop, "boss").opens("/desk/quality")
    assert at_desk(shop, "rep").client.get("/desk/quality").status_code == 403
    assert shop.phone().client.get("/desk/quality").status_code == 401
