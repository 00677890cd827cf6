"""A program that calls the API of a world: its key, its requests, what came back."""

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import func, select

from models import Base
from reports.fonts import DEFAULT_CACHE
from tests.world import World
from workflows.api_keys import ApiScope, create_key

BASE = "/api/v1"
EVERYTHING = tuple(ApiScope)
_numbers = count(1)


@dataclass
class Program:
    """A caller with a key. `send` posts a batch, `get` asks."""

    world: World
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, resource: str, items: Any, *, key: str = "", **envelope: Any) -> Any:
        """Post a batch; each under a new Idempotency-Key unless one is given."""
        return self.post(resource, json.dumps({"items": items, **envelope}), key=key)

    def post(self, resource: str, body: str | bytes, *, key: str = "", **headers: str) -> Any:
        """Post any bytes."""
        sent = {
            "Authorization": f"Bearer {self.key}",
            "Idempotency-Key": key or f"batch-{next(_numbers)}",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.world.app.test_client().post(f"{BASE}/{resource}", data=body, headers=sent)

    def get(self, path: str, **query: Any) -> Any:
        """Ask for something."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.world.app.test_client().get(f"{BASE}/{path}", query_string=query, headers=headers)


def program(world: World, *scopes: ApiScope, name: str = "", **narrow: Any) -> Program:
    """A program with a new key; all scopes unless some are named."""
    with world.database.write() as session:
        label = name or f"程序 {next(_numbers)}"
        return Program(world, create_key(session, label, scopes or EVERYTHING, world.clock(), **narrow))


def with_fonts(world: World) -> None:
    """Papers can be printed: making the typeface takes a minute, so all tests share one."""
    DEFAULT_CACHE.mkdir(parents=True, exist_ok=True)
    (world.house.files / "fonts").symlink_to(DEFAULT_CACHE)


def count_of(world: World, model: type[Base]) -> int:
    """How many rows a table has."""
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def all_of(world: World, model: type[Base]) -> list[Any]:
    """All rows of a table."""
    with world.database.read() as session:
        return list(session.scalars(select(model)))


def delivery(**changes: Any) -> dict[str, Any]:
    """A delivery line the world can take."""
    line = {"store": "S01", "product": "P1", "delivered_on": "2026-09-02", "bottles": 6, "document": "CK1", "line": "1"}
    return {**line, **changes}
