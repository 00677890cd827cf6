"""Products, stores and people: all of a file or nothing, and the same file twice changes nothing."""

from datetime import timedelta

import pytest

from models.catalog import ExpiryBasis, Product, Store
from models.people import Assignment, Person, Role
from tests.intake_kit import PRODUCTS, STORES, Kit, new_kit

PEOPLE = (
    "人员编码,姓名,角色,区域,门店编码,企业微信账号,钉钉账号,用微信插件\n"
    "P1,陈福顺,店主,,S1,ChenFuShun,,是\n"
    "P2,王芳,业务员,东区,,,d-wang,否\n"
    "P2,王芳,业务员,西区,,,d-wang,否\n"
    "P3,谢云,老板,,,,d-xie,\n"
)


@pytest.fixture
def kit(tmp_path) -> Kit:
    return new_kit(tmp_path)


def test_products_are_added_updated_and_left_alone(kit):
    assert kit.take("products", PRODUCTS).accepted == 2
    again = kit.take("products", PRODUCTS)
    assert (again.accepted, again.unchanged) == (0, 2)
    changed = kit.take("products", PRODUCTS.replace("50.5", "51"))
    assert (changed.accepted, changed.unchanged) == (1, 1)
    assert {p.code: p.price_fen for p in kit.all(Product)} == {"A1": 10000, "B2": 5100}


def test_columns_not_in_the_file_say_nothing(kit):
    kit.take("products", PRODUCTS)
    kit.take("products", "商品编码,商品名称,箱规\nA1,青岚新名,6\n")
    first = next(p for p in kit.all(Product) if p.code == "A1")
    assert (first.name, first.price_fen, first.price_band) == ("青岚新名", 10000, "中档")


def test_one_bad_row_refuses_the_file(kit):
    report = kit.take("products", PRODUCTS + "C3,乙,6.5,1,x\n")
    assert not report.written
    assert [e.sentence for e in report.errors] == ["第 4 行“箱规”（写的是 6.5）：要写整数，不能有小数。"]
    assert kit.count(Product) == 0


def test_duplicate_rows_name_the_first(kit):
    report = kit.take("products", PRODUCTS + "A1,又一个,6,1,x\n")
    assert [e.sentence for e in report.errors] == ["第 4 行“商品编码”（写的是 A1）：商品编码与第 2 行重复。"]
    assert kit.count(Product) == 0


def test_good_rows_may_be_taken_when_asked_for(kit):
    report = kit.take("products", PRODUCTS + "C3,乙,6.5,1,x\n", skip_bad=True)
    assert (report.accepted, report.rejected_rows) == (2, 1)
    assert kit.count(Product) == 2


def test_expiry_needs_its_months_and_none_has_none(kit):
    head = "商品编码,商品名称,箱规,效期依据,保质月数,老酒,别名\n"
    report = kit.take("products", head + "A,甲,6,标签,,否,\nB,乙,6,无,12,否,\n")
    assert [e.row for e in report.errors] == [2, 3]
    assert kit.take("products", head + "A,甲,6,labelled,12,是,小甲、甲子;甲\n").accepted == 1
    [product] = kit.all(Product)
    assert product.expiry_basis is ExpiryBasis.LABELLED
    assert product.gains_with_age
    assert product.aliases == ["小甲", "甲子", "甲"]


def test_row_with_only_code_and_name_is_left_out_but_reported(kit):
    report = kit.take("products", PRODUCTS + "C3,停售,,,\n")
    assert (report.written, report.accepted) == (True, 2)
    assert [s.sentence for s in report.skipped] == ["第 4 行：商品 C3 只有编码和名称，没有箱规，没有建档。"]
    assert not kit.take("products", PRODUCTS + "D4,没写箱规,,9.9,\n").written


def test_english_headers_of_a_foreign_list_are_understood(kit):
    text = "item,description,category,vendor,ml,pack,retail_2022_11\n159,FIRE,X,BROWN,750,6,23.36\n"
    report = kit.take("products", text)
    assert report.notes == ["没有用到的列：category。"]
    [product] = kit.all(Product)
    assert (product.code, product.brand, product.spec, product.case_size, product.price_fen) == (
        "159",
        "BROWN",
        "750ml",
        6,
        2336,
    )


def test_stores_need_both_coordinates_or_none(kit):
    report = kit.take("stores", "store,name,city,lat,lon\nS1,甲,AMES,42.02,-93.6\nS2,乙,AMES,42.02,\n")
    assert [e.row for e in report.errors] == [3]
    assert kit.count(Store) == 0
    assert not kit.take("stores", "store,name,lat,lon\nS1,甲,142.02,-93.6\n").written


def test_people_may_have_several_duties(kit):
    kit.take("stores", STORES)
    assert kit.take("people", PEOPLE).accepted == 4
    owner = next(p for p in kit.all(Person) if p.code == "P1")
    assert (owner.wecom_userid, owner.plain_wechat) == ("chenfushun", True)
    duties = {(a.role, a.region) for a in kit.all(Assignment)}
    assert {(Role.SALES_REP, "东区"), (Role.SALES_REP, "西区"), (Role.BOSS, "")} <= duties


def test_people_twice_changes_nothing_even_on_another_day(kit):
    kit.take("stores", STORES)
    kit.take("people", PEOPLE)
    kit.now += timedelta(days=3)
    again = kit.take("people", PEOPLE)
    assert (again.accepted, again.unchanged) == (0, 4)
    assert kit.count(Assignment) == 4


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("P9,新人,店主,,S1,CHENFUSHUN,,否", "这个企业微信账号已经是 P1 的"),
        ("P9,新人,店主,,S9,x,,否", "没有这家门店"),
        ("P9,新人,店主,,,x,,否", "店主和店员要写门店编码"),
        ("P9,新人,区域经理,,,,d-9,否", "区域经理要写区域"),
        ("P9,新人,会计,,,,d-9,否", "只能写：店主"),
        ("P2,王方,业务员,南区,,,d-wang,否", "同一个人的写法与第 3 行不同"),
        ("P3,谢云,老板,,,,d-xie,", "与第 5 行重复"),
    ],
)
def test_people_who_cannot_be_are_refused(kit, row, why):
    kit.take("stores", STORES)
    report = kit.take("people", PEOPLE + row + "\n")
    assert any(why in error.sentence for error in report.errors)
    assert kit.count(Person) == kit.count(Assignment) == 0


def test_account_of_somebody_already_known_is_refused(kit):
    kit.take("stores", STORES)
    kit.take("people", PEOPLE)
    report = kit.take("people", "人员编码,姓名,角色,钉钉账号\nP8,别人,老板,d-xie\n")
    assert "已经是 P3 的" in report.errors[0].sentence
    assert kit.count(Person) == 3


def test_two_people_may_swap_their_accounts(kit):
    head = "人员编码,姓名,角色,钉钉账号\n"
    kit.take("people", head + "A,甲,司机,d1\nB,乙,仓管,d2\n")
    assert kit.take("people", head + "A,甲,司机,d2\nB,乙,仓管,d1\n").accepted == 2
    assert {p.code: p.dingtalk_userid for p in kit.all(Person)} == {"A": "d2", "B": "d1"}


def test_end_of_a_duty_is_kept(kit):
    head = "人员编码,姓名,角色,生效日期,失效日期\n"
    kit.take("people", head + "A,甲,司机,2025-01-01,\n")
    kit.take("people", head + "A,甲,司机,2025-01-01,2026/3/31\n")
    [duty] = kit.all(Assignment)
    assert str(duty.valid_to) == "2026-03-31"
    assert not kit.take("people", head + "A,甲,司机,2025-01-01,2024-01-01\n").written
