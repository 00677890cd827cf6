"""What config.yaml may say. Every key is listed here; anything else is refused with its path."""

from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr


def _base(value: AnyHttpUrl) -> str:
    return str(value).rstrip("/")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise ValueError(f"no time zone is called {value!r}") from problem
    return value


Url = Annotated[AnyHttpUrl, AfterValidator(_base)]
Hours = Annotated[float, Field(gt=0, le=24 * 90)]


class Section(BaseModel):
    """A part of the file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """Where we listen, and the address phones and platforms reach us at."""

    public_url: Url
    host: str = "0.0.0.0"  # noqa: S104 - a webhook server listens to the outside
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    threads: Annotated[int, Field(ge=1, le=64)] = 8


class DatabaseSection(Section):
    """SQLite file or PostgreSQL server, as a SQLAlchemy URL."""

    url: Annotated[str, Field(pattern=r"^(sqlite|postgresql)(\+\w+)?://")]


class Wecom(Section):
    """One self-built WeCom app (自建应用)."""

    corp_id: str
    agent_id: int
    secret: SecretStr
    token: SecretStr
    encoding_aes_key: Annotated[SecretStr, Field(min_length=43, max_length=43)]
    api_base: Url = Field(default="https://qyapi.weixin.qq.com", validate_default=True)


class Dingtalk(Section):
    """One internal DingTalk app with a robot. `card_template_id` empty: messages with links instead of cards."""

    corp_id: str
    client_id: str
    client_secret: SecretStr
    robot_code: str
    agent_id: int = 0
    event_token: SecretStr
    event_aes_key: Annotated[SecretStr, Field(min_length=43, max_length=43)]
    card_template_id: str = ""
    card_secret: SecretStr = SecretStr("")
    api_base: Url = Field(default="https://api.dingtalk.com", validate_default=True)
    oapi_base: Url = Field(default="https://oapi.dingtalk.com", validate_default=True)
    mode: Literal["http"] = "http"


class GroupSection(Section):
    """A chat group of one or more regions; no region means all. Empty keys: not in that group."""

    name: str
    regions: list[str] = Field(default_factory=list)
    wecom_robot_key: SecretStr = SecretStr("")
    dingtalk_robot_token: SecretStr = SecretStr("")
    dingtalk_robot_secret: SecretStr = SecretStr("")
    dingtalk_conversation: str = ""


class Schedule(Section):
    """When periodic jobs run, business time. Pushes keep off the full and the half hour."""

    scan_at: time = time(7, 30)
    push_at: time = time(8, 7)
    audit_every_minutes: Annotated[int, Field(ge=1, le=1440)] = 10


class WorkingTime(Section):
    """Office hours and corrections to the statutory calendar."""

    start: time = time(8, 30)
    end: time = time(18, 0)
    holidays: list[str] = Field(default_factory=list)
    workdays: list[str] = Field(default_factory=list)


class Limits(Section):
    """Numbers the business sets. Hours are working hours unless the name says otherwise; money in yuan."""

    manager_above_yuan: Annotated[int, Field(ge=0)] = 5_000
    boss_above_yuan: Annotated[int, Field(ge=0)] = 100_000
    remind_approver_hours: Hours = 4
    remind_store_hours: Hours = 4
    tell_rep_silent_hours: Hours = 9
    tell_manager_silent_hours: Hours = 19
    remind_pickup_hours: Hours = 19
    check_sold_out_hours: Hours = 9
    settle_refusal_hours: Hours = 9
    transit_hours: Hours = 24
    receive_hours: Hours = 9
    discrepancy_hours: Hours = 19
    link_days: Annotated[int, Field(ge=1, le=90)] = 14
    manual_lines_per_handover: Annotated[int, Field(ge=0)] = 20


class Settings(Section):
    """The whole file. `secret` signs links; when empty, one is made and kept under `files`."""

    distributor: str = "酒回示范商贸有限公司"
    timezone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    secret: SecretStr = SecretStr("")
    files: str = "var"
    server: Server
    database: DatabaseSection
    wecom: Wecom
    dingtalk: Dingtalk
    groups: list[GroupSection] = Field(default_factory=list)
    schedule: Schedule = Schedule()
    working_time: WorkingTime = WorkingTime()
    limits: Limits = Limits()
