"""What an operator does is on the audit trail, in the transaction that does it.

Over HTTP it is done once under its key, and the trail's entry is what a repetition is answered from. Beside
what the work itself raises there are CommandReused, OutcomeUnknown when the commit was not answered, and
Unavailable.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
from msgspec import Struct

from pulseops.access import trail
from pulseops.access.events import AdminActed
from pulseops.access.permissions import Action
from pulseops.access.recording import By, Moved, acted_by, answered, record_act, together
from pulseops.eventstore import directory
from pulseops.projections.generations import ReadModel, drop_generation
from pulseops.projections.rebuild import Rebuilt, Tell
from pulseops.projections.rebuild import rebuild as made_anew
from pulseops.subscriptions import operating, sharding

_OPERATE: Action = "subscriptions.operate"
_COMMON = 1
"""The log `default`: its trail tells what is done to all logs at once."""


class Done(Struct, frozen=True, kw_only=True):
    """To which streams, and the position that the answer names."""

    stream_ids: tuple[UUID, ...] = ()
    position: int = 0
    replayed: bool = False


async def park(pool: asyncpg.Pool, by: By, name: str, stream_id: UUID, *, log_id: int) -> Done:
    async def work(connection: asyncpg.Connection) -> Done:
        since = await operating.park(connection, name, stream_id, log_id=log_id)
        return Done(stream_ids=(stream_id,), position=since)

    return await _act(pool, by, f"{name} park {stream_id}", work, log_id=log_id)


async def retry(pool: asyncpg.Pool, by: By, name: str, stream_id: UUID | None = None, *, log_id: int) -> Done:
    async def work(connection: asyncpg.Connection) -> Done:
        return Done(stream_ids=await operating.retry(connection, name, stream_id, log_id=log_id))

    return await _act(pool, by, f"{name} retry", work, log_id=log_id)


async def reset(pool: asyncpg.Pool, by: By, name: str, position: int, *, log_id: int) -> Done:
    async def work(connection: asyncpg.Connection) -> Done:
        await operating.reset(connection, name, position, log_id=log_id)
        return Done(position=position)

    return await _act(pool, by, f"{name} reset to {position}", work, log_id=log_id)


async def shard(pool: asyncpg.Pool, by: By, name: str, shards: int, *, log_id: int) -> int:
    """The position from which on it has so many."""

    async def record(connection: asyncpg.Connection, met: int) -> None:
        acted = acted_by(by, _OPERATE, f"subscription:{name} shard {shards}", from_position=met or None)
        await _record(connection, by, acted, log_id=log_id)

    return await sharding.deal(pool, name, shards, record=record, log_id=log_id)


async def rebuild(
    pool: asyncpg.Pool, by: By, model: ReadModel, *, tell: Tell, width: int, accept: bool
) -> Rebuilt:
    """As `projections.rebuild`: what is recorded is the switch, which is what readers meet."""

    async def record(connection: asyncpg.Connection, generation: int) -> None:
        subject = f"projection:{model.name} rebuild to generation {generation}"
        acted = acted_by(by, _OPERATE, f"{subject}, not compared" if accept else subject)
        await _record(connection, by, acted, log_id=_COMMON)

    return await made_anew(pool, model, tell=tell, record=record, width=width, accept=accept)


async def drop(pool: asyncpg.Pool, by: By, name: str, generation: int) -> None:
    async def change(connection: asyncpg.Connection) -> None:
        await drop_generation(connection, name, generation)
        acted = acted_by(by, _OPERATE, f"projection:{name} drop generation {generation}")
        await record_act(connection, by, acted, log_id=_COMMON)

    await together(pool, change)


async def create_log(pool: asyncpg.Pool, by: By, name: str) -> int:
    """Its number; the first thing it tells is who made it. UniqueViolationError when the name is taken."""

    async def make(connection: asyncpg.Connection) -> int:
        log_id = await directory.create_log(connection, name, now=by.now)
        await record_act(connection, by, acted_by(by, "logs.create", f"log:{name} create"), log_id=log_id)
        return log_id

    return await together(pool, make)


async def _record(connection: asyncpg.Connection, by: By, acted: AdminActed, *, log_id: int) -> None:
    """Where the transaction cannot be begun anew. Refused once, it holds the log: nobody comes between."""
    try:
        await record_act(connection, by, acted, log_id=log_id)
    except Moved:
        await record_act(connection, by, acted, log_id=log_id)


async def _act(
    pool: asyncpg.Pool,
    by: By,
    subject: str,
    work: Callable[[asyncpg.Connection], Awaitable[Done]],
    *,
    log_id: int,
) -> Done:
    async def change(connection: asyncpg.Connection) -> Done:
        if await answered(connection, by, log_id):
            before = await trail.told(connection, by.command_id, log_id=log_id)
            return Done(stream_ids=before.stream_ids or (), position=before.from_position or 0, replayed=True)
        done = await work(connection)
        acted = acted_by(
            by,
            _OPERATE,
            f"subscription:{subject}",
            stream_ids=done.stream_ids or None,
            from_position=done.position or None,
        )
        await record_act(connection, by, acted, log_id=log_id)
        return done

    return await together(pool, change)
