"""What config.yaml may say. Every key is listed here; anything else is refused with its path."""

from collections.abc import Callable
from datetime import time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, model_validator


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
Minutes = Annotated[int, Field(ge=1, le=480)]
Yuan = Annotated[int, Field(ge=0, le=100_000)]
#: What a warning may suggest to do; the names of `rules/warning_rules.py`.
ActionName = Literal["start_recall", "find_transfer", "count", "stop_supply", "restock", "promote"]
EFFORT_MINUTES: dict[ActionName, int] = {
    "start_recall": 30, "find_transfer": 25, "count": 10, "stop_supply": 5, "restock": 10, "promote": 20,
}  # fmt: skip
COST_YUAN: dict[ActionName, int] = {
    "start_recall": 60, "find_transfer": 40, "count": 0, "stop_supply": 0, "restock": 0, "promote": 30,
}  # fmt: skip


def _with_defaults(defaults: dict[ActionName, int]) -> Callable[[dict[ActionName, int]], dict[ActionName, int]]:
    return lambda given: {**defaults, **given}


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
    push_at: time = time(8, 37)
    audit_every_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    ask_counts_at: time = time(9, 17)


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
    follow_up_warning_hours: Hours = 27
    link_days: Annotated[int, Field(ge=1, le=90)] = 14
    manual_lines_per_handover: Annotated[int, Field(ge=0)] = 20
    ask_rep_to_count_hours: Hours = 9
    count_request_hours: Hours = 28
    count_fresh_days: Annotated[int, Field(ge=1, le=365)] = 30
    count_again_days: Annotated[int, Field(ge=1, le=365)] = 14
    counts_per_store_day: Annotated[int, Field(ge=0, le=20)] = 3
    count_stores_per_rep_day: Annotated[int, Field(ge=0, le=100)] = 8


class Api(Section):
    """Limits of the JSON API, for each key."""

    most_items: Annotated[int, Field(ge=1, le=5_000)] = 1_000
    requests_per_minute: Annotated[int, Field(ge=1, le=6_000)] = 600
    keep_answers_days: Annotated[int, Field(ge=1, le=90)] = 7


class Connector(Section):
    """Goods data that is fetched on a schedule: from files dropped into a folder, or from a view of another database.

    `folder` is a path with `*` in its last part. `columns` says which of their columns is which of ours
    (ours: theirs); without it columns are found by their headers. It runs each `every_minutes`, or daily at `at`.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    kind: str
    folder: str = ""
    url: SecretStr = SecretStr("")
    view: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    watermark: str = ""
    overlap_minutes: Annotated[int, Field(ge=0, le=10_080)] = 60
    every_minutes: Annotated[int, Field(ge=1, le=1_440)] = 15
    at: time | None = None
    quiet_seconds: Annotated[int, Field(ge=1, le=3_600)] = 30
    timeout_seconds: Annotated[int, Field(ge=1, le=3_600)] = 300

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.folder) == bool(self.url.get_secret_value()):
            raise ValueError("needs either a folder or a url")
        if self.folder and (self.view or self.watermark):
            raise ValueError("view and watermark belong to a url, not to a folder")
        if not self.folder and not self.view:
            raise ValueError("a url needs a view")
        return self


class DigestSection(Section):
    """What people and groups hear of warnings each morning.

    `effort_minutes` and `cost_yuan` say what taking a suggested action costs; an action left out keeps its default.
    """

    lines_per_person: Annotated[int, Field(ge=1, le=50)] = 10
    lines_per_group: Annotated[int, Field(ge=1, le=30)] = 10
    cards_per_person_per_day: Annotated[int, Field(ge=0, le=10)] = 3
    counts_per_person: Annotated[int, Field(ge=0, le=20)] = 3
    chart: bool = True
    effort_minutes: Annotated[dict[ActionName, Minutes], AfterValidator(_with_defaults(EFFORT_MINUTES))] = (
        EFFORT_MINUTES
    )
    cost_yuan: Annotated[dict[ActionName, Yuan], AfterValidator(_with_defaults(COST_YUAN))] = COST_YUAN
    travel_minutes: Annotated[int, Field(ge=0, le=480)] = 20
    renotify_workdays: Annotated[int, Field(ge=1, le=60)] = 5
    ramp_days: Annotated[int, Field(ge=0, le=90)] = 7
    ramp_level: Annotated[int, Field(ge=1, le=6)] = 3
    ramp_lines: Annotated[int, Field(ge=1, le=50)] = 5


class EscalationSection(Section):
    """Working hours an unanswered warning of a level waits before the next person hears of it.

    A level without hours takes those of the next lower one; levels below the lowest are not escalated.
    """

    hours: dict[Annotated[int, Field(ge=1, le=6)], Hours] = {2: 18.0, 3: 4.0}


class QuotaSection(Section):
    """What the platforms allow this company, and how much of it is kept for what cannot wait."""

    wecom_accounts: Annotated[int, Field(ge=1)] = 100
    dingtalk_calls_per_month: Annotated[int, Field(ge=1)] = 5_000
    dingtalk_messages_per_month: Annotated[int, Field(ge=1)] = 3_000
    warn_percent: Annotated[int, Field(ge=1, le=100)] = 80
    reserve_percent: Annotated[int, Field(ge=0, le=50)] = 10


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
    digest: DigestSection = DigestSection()
    escalation: EscalationSection = EscalationSection()
    quotas: QuotaSection = QuotaSection()
    api: Api = Api()
    connectors: list[Connector] = Field(default_factory=list)
