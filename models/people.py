"""Who is who on which platform, and who answers for which store on which day."""

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base


class Role(StrEnum):
    """What a person may be; one person may be several things, for several stores."""

    STORE_OWNER = "store_owner"  #: 店主
    STORE_CLERK = "store_clerk"  #: 店员
    SALES_REP = "sales_rep"  #: 业务员
    REGIONAL_MANAGER = "regional_manager"  #: 区域经理
    BOSS = "boss"  #: 代理商老板
    WAREHOUSE_KEEPER = "warehouse_keeper"  #: 仓管
    DRIVER = "driver"  #: 司机
    QUALITY_OFFICER = "quality_officer"  #: 质量负责人
    FINANCE = "finance"  #: 财务


class Person(Base):
    """A human being the bot knows. `wecom_userid` is stored lower-cased, as the platform returns it.

    `plain_wechat`: reads WeCom through the WeChat plug-in, where cards are invisible.
    """

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    wecom_userid: Mapped[str | None] = mapped_column(unique=True)
    dingtalk_userid: Mapped[str | None] = mapped_column(unique=True)
    plain_wechat: Mapped[bool] = mapped_column(default=False)
    assignments: Mapped[list["Assignment"]] = relationship(back_populates="person")


class Assignment(Base):
    """A role of a person from one day to another (`valid_to` is the last day, open when empty).

    A store role names its store; a region role its region; a distributor-wide role neither.
    """

    __tablename__ = "assignment"
    __table_args__ = (Index(None, "role", "region"), Index(None, "store_id", "role"))

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[Role]
    region: Mapped[str] = mapped_column(default="")
    store_id: Mapped[int | None] = mapped_column(ForeignKey("store.id"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    person: Mapped[Person] = relationship(back_populates="assignments")
