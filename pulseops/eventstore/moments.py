"""A moment's place in the log: up to which position history is meant."""

from datetime import datetime

import asyncpg
from msgspec import Struct

from pulseops.eventstore.history import newest
from pulseops.kernel.errors import InvalidInput, NotFound
from pulseops.kernel.moments import At, Moment

_POSITION = "SELECT eventstore.position_at_v1($1, $2)"
_FLOOR = "SELECT coalesce((SELECT l.floor_position FROM eventstore.log AS l WHERE l.log_id = $1), 0)"
_RECORDED = "SELECT e.recorded_at FROM eventstore.event AS e WHERE e.log_id = $1 AND e.position = $2"


class Point(Struct, frozen=True, kw_only=True, rename="camel"):
    """A moment as history has it: the newest event of then. Before the first event `position` is 0."""

    position: int
    recorded_at: datetime | None


class Span(Struct, frozen=True, kw_only=True):
    """Two moments: what came after `since`, up to `until`."""

    since: Point
    until: Point


async def position_of(
    connection: asyncpg.Connection | asyncpg.Pool, moment: Moment | None, *, log_id: int
) -> int:
    """The newest one recorded then or before; 0 before the first event. None, and a time to come, is now.

    Ask the primary: a replica knows less of the last moments. Raises NotFound for a position that there is
    not yet, and for a moment whose events are archived.
    """
    if isinstance(moment, datetime):
        position = await connection.fetchval(_POSITION, log_id, moment)
        if position is None:
            raise NotFound("The events of that time are archived.")
        return int(position)
    head = await newest(connection, log_id)
    if moment is None:
        return head
    if moment.position > head:
        raise NotFound(f"There is no position {moment.position:,} yet: the log has come to {head:,}.")
    if moment.position < await connection.fetchval(_FLOOR, log_id):
        raise NotFound("The events up to that position are archived.")
    return moment.position


async def point_of(connection: asyncpg.Connection | asyncpg.Pool, position: int, *, log_id: int) -> Point:
    return Point(position=position, recorded_at=await connection.fetchval(_RECORDED, log_id, position))


async def span_of(
    connection: asyncpg.Connection | asyncpg.Pool, since: Moment, until: Moment | None, *, log_id: int
) -> Span:
    """As `position_of`. Raises InvalidInput when `until` is before `since`."""
    first = await position_of(connection, since, log_id=log_id)
    last = await position_of(connection, until, log_id=log_id)
    if isinstance(since, At) and isinstance(until, datetime) and last < first:
        at = await point_of(connection, first, log_id=log_id)
        raise InvalidInput(f"It is before `from`, which is {at.recorded_at}.", pointer="/to")
    if last < first or (isinstance(since, datetime) and isinstance(until, datetime) and until < since):
        raise InvalidInput("It is before `from`.", pointer="/to")
    return Span(
        since=await point_of(connection, first, log_id=log_id),
        until=await point_of(connection, last, log_id=log_id),
    )
