"""People (人员) and what they are for which region or store; one person may have several rows."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models.catalog import Store
from models.people import Assignment, Person, Role
from workflows.imports.cells import code, day, one_of, text, yes
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.intake import Intake, ids_by_code

ROLES = {
    "店主": Role.STORE_OWNER,
    "店员": Role.STORE_CLERK,
    "业务员": Role.SALES_REP,
    "区域经理": Role.REGIONAL_MANAGER,
    "老板": Role.BOSS,
    "仓管": Role.WAREHOUSE_KEEPER,
    "司机": Role.DRIVER,
    "质量负责人": Role.QUALITY_OFFICER,
    "财务": Role.FINANCE,
}
NEEDS_STORE = frozenset({Role.STORE_OWNER, Role.STORE_CLERK})
NEEDS_REGION = frozenset({Role.REGIONAL_MANAGER})
MOST_SHOWN = 10
PERSONAL = ("name", "wecom_userid", "dingtalk_userid", "plain_wechat")
PLATFORMS = {"wecom_userid": "企业微信账号", "dingtalk_userid": "钉钉账号"}


def _wecom(cell: Any) -> str:
    return code(cell).lower()  # the platform ignores case and returns lower case


COLUMNS = (
    ColumnSpec(
        "code",
        "人员编码",
        code,
        "工号，唯一；同一个人可以有几行",
        "P001",
        ("工号", "编码", "员工编码", "person", "person_code"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec("name", "姓名", text, "姓名", "王芳", ("名字", "人员姓名"), required=True),
    ColumnSpec(
        "role",
        "角色",
        one_of(ROLES),
        f"只能写：{'、'.join(ROLES)}",
        "店主",
        ("职务", "岗位"),
        required=True,
    ),
    ColumnSpec("region", "区域", text, "区域经理必填；业务员按区域管的也写", "临江区", ("片区",)),
    ColumnSpec("store", "门店编码", code, "店主、店员必填", "S001", ("门店", "store_code"), no_formula=True),
    ColumnSpec(
        "wecom_userid",
        "企业微信账号",
        _wecom,
        "企业微信通讯录里的账号（userid）",
        "wangfang",
        ("企业微信", "企微账号", "wecom", "wecom_id", "企业微信 userid"),
        no_formula=True,
    ),
    ColumnSpec(
        "dingtalk_userid",
        "钉钉账号",
        code,
        "钉钉通讯录里的 userId",
        "0123456789",
        ("钉钉", "dingtalk", "dingtalk_id", "钉钉 userid"),
        no_formula=True,
    ),
    ColumnSpec(
        "plain_wechat",
        "用微信插件",
        yes,
        "在微信里看企业微信消息的写“是”（看不到卡片，改发链接）",
        "否",
        ("微信插件", "只用微信"),
    ),
    ColumnSpec("valid_from", "生效日期", day, "空着＝今天起", "2025-03-01", ("开始日期", "起")),
    ColumnSpec("valid_to", "失效日期", day, "最后一天；空着＝一直", "", ("结束日期", "止")),
)


def load(intake: Intake) -> None:
    """Add or update people and their duties; duties not in the file stay as they are."""
    rows = list(intake.rows)
    stores = ids_by_code(intake.session, Store)
    query = select(Person).options(selectinload(Person.assignments))
    known = {person.code: person for person in intake.session.scalars(query)}
    for row in rows:
        _check(intake, row, stores)
    _refuse_two_truths(intake, rows)
    _refuse_shared_ids(intake, rows, known)
    if intake.problems:
        return
    _free_moved_ids(intake, rows, known)
    handed_over = _end_former_owners(intake, rows, known, stores)
    for row in rows:
        is_known = row.values["code"] in known
        changed = _keep_person(intake, row, known)
        changed |= _keep_duty(intake, row, known[row.values["code"]], stores)
        intake.tally.accepted += changed
        intake.tally.changed += changed and is_known
        intake.tally.unchanged += not changed
    intake.session.flush()
    if handed_over:
        shown = "、".join(handed_over[:MOST_SHOWN])
        intake.tally.notes.append(f"{len(handed_over)} 家门店换了店主，原店主的任职到前一天为止，记录保留：{shown}。")


def _end_former_owners(intake: Intake, rows: list[Row], known: dict[str, Person], stores: dict[str, int]) -> list[str]:
    """A store has one owner at a time unless the file names several: a new one ends the duty of the one before.

    The former owner stays in the records with a last day; who owned the store on any day can still be told.
    """
    owners = _owners(known)
    changed = []
    for store, starts in _owners_named(intake, rows).items():
        before = owners[stores[store]]
        already = {person for person, duty in before if _lasts(duty, intake)}
        start = min((day for person, day in starts.items() if person not in already), default=None)
        for person, duty in before:
            if start and person not in starts and duty.valid_from < start <= (duty.valid_to or start):
                duty.valid_to = start - timedelta(days=1)
                changed.append(store)
    return changed


def _owners_named(intake: Intake, rows: list[Row]) -> dict[str, dict[str, date]]:
    """The owners the file names, by store, and since when."""
    named: dict[str, dict[str, date]] = defaultdict(dict)
    for row in rows:
        if row.values["role"] is Role.STORE_OWNER:
            named[row.values["store"]][row.values["code"]] = row.values.get("valid_from") or intake.today
    return named


def _owners(known: dict[str, Person]) -> dict[int, list[tuple[str, Assignment]]]:
    owners: dict[int, list[tuple[str, Assignment]]] = defaultdict(list)
    for person in known.values():
        for duty in person.assignments:
            if duty.role is Role.STORE_OWNER and duty.store_id is not None:
                owners[duty.store_id].append((person.code, duty))
    return owners


def _check(intake: Intake, row: Row, stores: dict[str, int]) -> None:
    role, store, region = (row.values.get(name) for name in ("role", "store", "region"))
    if store is not None and store not in stores:
        intake.refuse(row, "store", store, "没有这家门店，请先导入门店")
    if role in NEEDS_STORE and store is None:
        intake.refuse(row, "store", "", "店主和店员要写门店编码")
    if role in NEEDS_REGION and region is None:
        intake.refuse(row, "region", "", "区域经理要写区域")
    start, end = row.values.get("valid_from"), row.values.get("valid_to")
    if end is not None and end < (start or intake.today):
        intake.refuse(row, "valid_to", end, "失效日期早于生效日期")


def _refuse_two_truths(intake: Intake, rows: list[Row]) -> None:
    """One person's rows must agree on name and accounts, and no duty may be there twice."""
    first: dict[str, Row] = {}
    duties: dict[tuple[Any, ...], int] = {}
    for row in rows:
        values = row.values
        earlier = first.setdefault(values["code"], row)
        for name in PERSONAL:
            if values.get(name) != earlier.values.get(name):
                sentence = f"同一个人的写法与第 {earlier.number} 行不同"
                intake.refuse(row, name, values.get(name), sentence)
        key = tuple(values.get(name) for name in ("code", "role", "region", "store", "valid_from"))
        number = duties.setdefault(key, row.number)
        if number != row.number:
            intake.refuse(row, "code", values["code"], f"与第 {number} 行重复")


def _refuse_shared_ids(intake: Intake, rows: list[Row], known: dict[str, Person]) -> None:
    """Two people may not have one account, neither in the file nor with those already known."""
    for name, title in PLATFORMS.items():
        if not intake.header.has(name):
            continue
        owners: dict[str, set[str]] = defaultdict(set)
        in_file = {row.values["code"] for row in rows}
        for person in known.values():
            if person.code not in in_file and getattr(person, name):
                owners[getattr(person, name)].add(person.code)
        for row in rows:
            account = row.values.get(name)
            if account is None:
                continue
            owners[account].add(row.values["code"])
            others = sorted(owners[account] - {row.values["code"]})
            if others:
                intake.refuse(row, name, account, f"这个{title}已经是 {others[0]} 的")


def _free_moved_ids(intake: Intake, rows: list[Row], known: dict[str, Person]) -> None:
    # Two people who swap accounts would collide on the way; both let go first.
    for row in rows:
        person = known.get(row.values["code"])
        for name in PLATFORMS:
            if person and name in row.values and getattr(person, name) != row.values[name]:
                setattr(person, name, None)
    intake.session.flush()


def _keep_person(intake: Intake, row: Row, known: dict[str, Person]) -> bool:
    values = {name: row.values[name] for name in PERSONAL if name in row.values}
    values["plain_wechat"] = bool(values.get("plain_wechat"))
    person = known.get(row.values["code"])
    if person is None:
        person = known[row.values["code"]] = Person(code=row.values["code"], **values)
        intake.session.add(person)
        return True
    if not intake.header.has("plain_wechat"):
        del values["plain_wechat"]
    different = {name: value for name, value in values.items() if getattr(person, name) != value}
    for name, value in different.items():
        setattr(person, name, value)
    return bool(different)


def _keep_duty(intake: Intake, row: Row, person: Person, stores: dict[str, int]) -> bool:
    values = row.values
    region, end = values.get("region") or "", values.get("valid_to")
    store_id = stores[values["store"]] if values.get("store") else None
    start = values.get("valid_from")
    for duty in person.assignments:
        same = (duty.role, duty.region, duty.store_id) == (values["role"], region, store_id)
        if same and (duty.valid_from == start or (start is None and _lasts(duty, intake))):
            changed = duty.valid_to != end
            duty.valid_to = end
            return changed
    person.assignments.append(
        Assignment(
            role=values["role"],
            region=region,
            store_id=store_id,
            valid_from=start or intake.today,
            valid_to=end,
        )
    )
    return True


def _lasts(duty: Assignment, intake: Intake) -> bool:
    return duty.valid_to is None or duty.valid_to >= intake.today
