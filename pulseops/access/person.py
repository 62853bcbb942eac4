"""Users: whoever signed in, or was granted something, and what they may do now."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg
from msgspec import Struct

from pulseops.access.permissions import Role, role_named

LOG = 1
"""The log that users are signed in to: the one named default."""

_PATIENCE = 2.0
"""Seconds for the database to give a connection, or the users, up."""
_ALL = """
SELECT name, issuer, subject, role, teams, claimed_role, claimed_teams, seen_at,
  revoked_at IS NOT NULL AS revoked
FROM access.person WHERE log_id = $1
"""


class Person(Struct, frozen=True, kw_only=True):
    """A user as the door knows them. No `role`: what the claims come to counts."""

    name: str
    subject: tuple[str, str] | None
    role: Role | None
    teams: frozenset[str] | None
    claimed: tuple[str | None, frozenset[str] | None]
    seen_at: datetime | None
    revoked: bool


class People(Struct, frozen=True):
    """All users, by name and by who they are to their issuer."""

    by_name: Mapping[str, Person]
    by_subject: Mapping[tuple[str, str], Person]


NOBODY = People({}, {})


async def all_people(pool: asyncpg.Pool) -> People:
    """Gives up soon: every user's request waits for this."""
    async with pool.acquire(timeout=_PATIENCE) as connection:
        rows = await connection.fetch(_ALL, LOG, timeout=_PATIENCE)
    people = [_person(row) for row in rows]
    return People(
        {one.name: one for one in people}, {one.subject: one for one in people if one.subject is not None}
    )


def _person(row: asyncpg.Record) -> Person:
    role = None if row["role"] is None else role_named(row["role"])
    return Person(
        name=row["name"],
        subject=None if row["subject"] is None else (row["issuer"], row["subject"]),
        role=role,
        teams=_teams(row["teams"]),
        claimed=(row["claimed_role"], _teams(row["claimed_teams"])),
        seen_at=row["seen_at"],
        # A role of a newer release: what it may do is not known here, so it may do nothing.
        revoked=row["revoked"] or (role is None and row["role"] is not None),
    )


def _teams(found: list[str] | None) -> frozenset[str] | None:
    return None if found is None else frozenset(found)
