"""Platform tokens in a row of the database: one budget and one refresh for all processes."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from models.database import Database
from models.engine import PlatformToken

EARLY = timedelta(seconds=300)  # a token is renewed before it ends
LEASE = timedelta(seconds=30)  # how long one process may take to fetch a new one


class StoredTokens:
    """Serves tokens from the `platform_token` table."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def get(self, name: str) -> str | None:
        """The token, while it has some life left."""
        now = self._clock()
        with self._database.read() as session:
            row = session.get(PlatformToken, name)
            return row.token if row and row.token and row.expires_at - EARLY > now else None

    def refresh(self, name: str, rejected: str | None, fetch: Callable[[], tuple[str, int]]) -> str:
        """Fetch a new token unless another process already put a newer one than `rejected` there.

        When somebody else holds the lease we fetch too: a second token is harmless, waiting is not.
        """
        current = self.get(name)
        if current and current != rejected:
            return current
        token, seconds = fetch()
        now = self._clock()
        self._keep(name, token, now + timedelta(seconds=seconds), now + LEASE)
        return token

    def _keep(self, name: str, token: str, expires: datetime, lease: datetime) -> None:
        row = PlatformToken(name=name, token=token, expires_at=expires, lease_until=lease)
        try:
            with self._database.write() as session:
                session.merge(row)
        except IntegrityError:  # two processes inserted the first row at once; either token is good
            return
