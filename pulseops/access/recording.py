"""An administrative act is recorded in the transaction that does it: in its own stream, and on the trail."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.access import trail
from pulseops.access.events import AccessFact, AdminActed
from pulseops.access.permissions import Action
from pulseops.db.outages import OUTAGES
from pulseops.eventstore.append import AppendRequest
from pulseops.eventstore.within import append_within, versions
from pulseops.kernel.envelope import Meta
from pulseops.kernel.errors import CommandReused, OutcomeUnknown, Unavailable
from pulseops.kernel.ids import derived_id, new_id

T = TypeVar("T")
_ATTEMPTS = 8


class By(Struct, frozen=True, kw_only=True):
    """Who administers, from where, when and in which request. `teams` limits what they see."""

    actor: str
    origin: str
    now: datetime
    command_id: UUID
    correlation_id: UUID
    fingerprint: UUID | None = None
    key_id: str | None = None
    method: str | None = None
    path: str | None = None
    teams: frozenset[str] | None = None


class Moved(Exception):
    """Somebody else wrote to the same stream in between."""


def local(origin: str, *, now: datetime) -> By:
    """Whoever has the database: the command line, and the start itself."""
    return By(actor=f"system:{origin}", origin=origin, now=now, command_id=new_id(), correlation_id=new_id())


async def answered(connection: asyncpg.Connection, by: By, log_id: int) -> bool:
    if by.fingerprint is None:
        return False
    query = "SELECT fingerprint FROM eventstore.command WHERE log_id = $1 AND command_id = $2"
    row = await connection.fetchrow(query, log_id, by.command_id)
    if row is not None and row["fingerprint"] != by.fingerprint:
        raise CommandReused
    return row is not None


async def record(
    connection: asyncpg.Connection,
    by: By,
    fact: AccessFact,
    *,
    own: UUID,
    action: Action,
    subject: str,
    log_id: int,
) -> None:
    """In the stream `own`, and in the access stream. Raises Moved and CommandReused."""
    access = trail.stream_of(log_id)
    stand = await versions(connection, (own, access), log_id=log_id)
    acted = acted_by(by, action, subject)
    meta = Meta(actor=by.actor, correlation_id=by.correlation_id)
    also = derived_id("acted", by.command_id)
    requests = (
        trail.request(own, stand[own], [(fact, meta)], by.command_id, now=by.now, fingerprint=by.fingerprint),
        trail.request(access, stand[access], [(acted, meta)], also, now=by.now),
    )
    await _store(connection, requests, log_id)


async def remember(connection: asyncpg.Connection, by: By, *, own: UUID, log_id: int) -> None:
    """That it changed nothing of `own`, for whoever repeats it. Raises Moved and CommandReused."""
    if by.fingerprint is not None:
        stand = await versions(connection, (own,), log_id=log_id)
        nothing = trail.request(own, stand[own], (), by.command_id, now=by.now, fingerprint=by.fingerprint)
        await _store(connection, (nothing,), log_id)


async def record_act(connection: asyncpg.Connection, by: By, acted: AdminActed, *, log_id: int) -> None:
    """In the access stream alone: of what has no stream of its own. Raises Moved and CommandReused."""
    access = trail.stream_of(log_id)
    stand = await versions(connection, (access,), log_id=log_id)
    told = [(acted, Meta(actor=by.actor, correlation_id=by.correlation_id))]
    request = trail.request(
        access, stand[access], told, by.command_id, now=by.now, fingerprint=by.fingerprint
    )
    await _store(connection, (request,), log_id)


def acted_by(
    by: By,
    action: Action | Literal["logs.create", "analysts.create", "analysts.revoke"],
    subject: str,
    *,
    stream_ids: tuple[UUID, ...] | None = None,
    from_position: int | None = None,
) -> AdminActed:
    return AdminActed(
        who=by.actor,
        action=action,
        subject=subject,
        origin=by.origin,
        key_id=by.key_id,
        method=by.method,
        path=by.path,
        stream_ids=stream_ids,
        from_position=from_position,
    )


async def _store(connection: asyncpg.Connection, requests: Sequence[AppendRequest], log_id: int) -> None:
    for result in await append_within(connection, requests, log_id=log_id):
        if result.verdict == "reused":
            raise CommandReused
        if result.verdict != "stored":
            raise Moved


async def together(pool: asyncpg.Pool, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """In one transaction, anew when somebody came in between."""
    for _ in range(_ATTEMPTS):
        done = False
        try:
            async with pool.acquire() as connection, connection.transaction():
                result = await work(connection)
                done = True
        except Moved:
            continue
        except OUTAGES as error:
            if done:
                raise OutcomeUnknown from error
            raise
        return result
    raise Unavailable("Others keep administering this log. Try again.")
