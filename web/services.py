"""What every request needs, put into the app once and fetched here: database, house, clock."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar, cast

from flask import current_app
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.database import Database
from workflows.house import House

EXTENSION = "jiuhui"

Result = TypeVar("Result")
Clock = Callable[[], datetime]


class Services(Protocol):
    """`clock` gives the aware present moment; `sandbox` says that this is a trial on one's own machine."""

    @property
    def database(self) -> Database: ...
    @property
    def house(self) -> House: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def sandbox(self) -> bool: ...


def services() -> Services:
    """The services of the running app."""
    return cast("Services", current_app.extensions[EXTENSION])


def transact(work: Callable[[Session], Result]) -> Result:
    """Run `work` in one transaction, once more when somebody else was faster in between.

    What `work` raises rolls everything back. A second StaleDataError is left to the caller.
    """
    database = services().database
    try:
        with database.write() as session:
            return work(session)
    except StaleDataError:
        with database.write() as session:
            return work(session)
