"""Which schema a database has, and whether it bears this version. Without Alembic: slow to import."""

import re
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

PACKAGE = Path(__file__).resolve().parent.parent

_REVISION = re.compile(r'^(?:down_)?revision(?:: [^=]+)? = "([^"]+)"$', re.MULTILINE)
_TABLES = """
SELECT to_regclass('eventstore.alembic_version') IS NOT NULL AS migrated,
  to_regclass('eventstore.compatible') IS NOT NULL AS noted
"""
_CURRENT = "SELECT version_num AS current, false AS compatible FROM eventstore.alembic_version"
_COMPATIBLE = """
SELECT version_num AS current, EXISTS (SELECT FROM eventstore.compatible WHERE revision = $1) AS compatible
FROM eventstore.alembic_version
"""


class SchemaStatus(Struct, frozen=True, kw_only=True):
    """The revision that a database has (None: no schema yet) and the one that this version was made for.

    `compatible`: the database says that code of `expected` may run on it, though it may be newer.
    `newer`: this version does not know what the database has.
    """

    current: str | None
    expected: str
    compatible: bool = False
    newer: bool = False

    @property
    def ready(self) -> bool:
        return self.current == self.expected or (self.newer and self.compatible)

    @property
    def problem(self) -> str:
        """Why this version cannot run on it and what to do, in a sentence; empty when it can."""
        if self.ready:
            return ""
        if self.newer:
            return (
                f"The database has schema {self.current}, which no longer bears this version (made for "
                f"{self.expected}): start a newer one."
            )
        return (
            f"The database has schema {self.current or 'none'}, this version needs {self.expected}: "
            "run `pulseops migrate` first."
        )


def migrations_folder() -> Path:
    """In an installed wheel inside the package, in a checkout beside it."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parent / "migrations"


@cache
def _named() -> tuple[str, ...]:
    """Every revision as often as it is named: in its own file, and in its follower's."""
    files = sorted((migrations_folder() / "versions").glob("*.py"))
    return tuple(name for file in files for name in _REVISION.findall(file.read_text(encoding="utf-8")))


def expected_revision() -> str:
    """The one that no other revision follows."""
    (head,) = (revision for revision in _named() if _named().count(revision) == 1)
    return head


async def schema_status(connection: asyncpg.Connection) -> SchemaStatus:
    """For health checks; any role may ask."""
    expected = expected_revision()
    tables = await connection.fetchrow(_TABLES)
    if not tables["migrated"]:
        return SchemaStatus(current=None, expected=expected)
    row = await (
        connection.fetchrow(_COMPATIBLE, expected) if tables["noted"] else connection.fetchrow(_CURRENT)
    )
    if row is None:  # migrated back to nothing
        return SchemaStatus(current=None, expected=expected)
    return SchemaStatus(
        current=row["current"],
        expected=expected,
        compatible=row["compatible"],
        newer=row["current"] not in _named(),
    )
