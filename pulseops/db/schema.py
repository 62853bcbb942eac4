"""Which schema a database has, and which one this version needs. Without Alembic, which is slow to import."""

import re
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

PACKAGE = Path(__file__).resolve().parent.parent

_REVISION = re.compile(r'^(?:down_)?revision(?:: [^=]+)? = "([^"]+)"$', re.MULTILINE)


class SchemaStatus(Struct, frozen=True, kw_only=True):
    """The revision that a database has (None: no schema yet) and the one that this version needs."""

    current: str | None
    expected: str

    @property
    def ready(self) -> bool:
        return self.current == self.expected


def migrations_folder() -> Path:
    """In an installed wheel inside the package, in a checkout beside it."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parent / "migrations"


@cache
def expected_revision() -> str:
    """The one that no other revision follows: each is named in its own file, and in its follower's."""
    named: list[str] = []
    for file in sorted((migrations_folder() / "versions").glob("*.py")):
        named += _REVISION.findall(file.read_text(encoding="utf-8"))
    (head,) = (revision for revision in named if named.count(revision) == 1)
    return head


async def schema_status(connection: asyncpg.Connection) -> SchemaStatus:
    """For health checks; any role may ask."""
    current = None
    if await connection.fetchval("SELECT to_regclass('eventstore.alembic_version') IS NOT NULL"):
        current = await connection.fetchval("SELECT version_num FROM eventstore.alembic_version")
    return SchemaStatus(current=current, expected=expected_revision())
