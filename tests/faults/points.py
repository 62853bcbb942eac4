"""Places in the work where a program can be stopped, and killed there: PostgreSQL stops it, by a lock.

The product knows nothing of them. Triggers of ours ask for a lock that usually nobody has; whoever wants a
program to stop takes it, waits until somebody waits for it, and kills the program that does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from msgspec import Struct

from tests.faults.audited import WATCH
from tests.faults.clockwork import CLOCK

_SPACE = 7070
"""The first half of the keys of our advisory locks."""

_PASS = """
CREATE SCHEMA faults;
CREATE FUNCTION faults.pass() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(7070, TG_ARGV[0]::integer);
    RETURN NEW;
END
$$;
"""


class Point(Struct, frozen=True):
    """Either a trigger of ours stops the program, or `lock` does, while it runs a statement LIKE `query`.

    `due` is done to the database before, so that somebody comes by soon.
    """

    name: str
    number: int
    trigger: str = ""
    lock: str = ""
    query: str = "%"
    due: str = ""


_BEFORE = "CREATE TRIGGER faults_{0} BEFORE {1} FOR EACH ROW WHEN ({2}) EXECUTE FUNCTION faults.pass({0})"
_AT_COMMIT = (
    "CREATE CONSTRAINT TRIGGER faults_{0} AFTER {1} DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN ({2}) EXECUTE FUNCTION faults.pass({0})"
)
_EVENT = "INSERT ON eventstore.event"
_BY_THE_CLOCK = f"NEW.meta ->> 'actor' = '{CLOCK}'"
_CHECKPOINT = "UPDATE ON eventstore.subscription"
_SIGNATURE = "INSERT OR UPDATE ON audit.checkpoint"
_AN_HOUR_LATER = "UPDATE audit.register SET made_at = made_at - interval '1 hour'"
_PUBLISHED = "INSERT OR UPDATE ON audit.published"
_REGISTER = "INSERT OR UPDATE ON audit.register"
_MOVED = "NEW.position <> OLD.position"

_LOG = "SELECT FROM eventstore.log WHERE log_id = 1 FOR UPDATE"

API_POINTS = (
    Point("an API before its append", 1, lock=_LOG, query="%append_v%"),
    Point("an API at its commit", 2, _AT_COMMIT.format(2, _EVENT, "NEW.type = 'CREATED'")),
)
WORKER_POINTS = (
    # It has claimed, and decided: what it asks next is stopped where all appends are.
    Point("a worker after its claim", 3, lock=_LOG, query="%fire_v%"),
    Point("a worker before its append", 4, _BEFORE.format(4, _EVENT, _BY_THE_CLOCK)),
    Point("a worker at its append's commit", 5, _AT_COMMIT.format(5, _EVENT, _BY_THE_CLOCK)),
    Point("a worker before its checkpoint", 6, _BEFORE.format(6, _CHECKPOINT, _MOVED)),
    Point("a worker at its checkpoint's commit", 7, _AT_COMMIT.format(7, _CHECKPOINT, _MOVED)),
)
AUDIT_POINTS = (
    Point("a worker before its signature", 8, _BEFORE.format(8, _SIGNATURE, "true")),
    Point("a worker that has published and not said so", 9, _BEFORE.format(9, _PUBLISHED, "true")),
    Point(
        "a worker that has made a register", 10, _AT_COMMIT.format(10, _REGISTER, "true"), due=_AN_HOUR_LATER
    ),
)
POINTS = (*API_POINTS, *WORKER_POINTS, *AUDIT_POINTS)

_STOPPED = """
SELECT a.client_port FROM pg_stat_activity AS a
WHERE a.usename = 'pulseops' AND a.query LIKE $2
  AND EXISTS (
    -- Whoever waits behind others for a row waits for these, not for who has it.
    SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND NOT l.granted
      AND ($3 OR l.locktype = 'advisory' AND l.classid = $4 AND l.objid = $1)
  )
ORDER BY a.query_start LIMIT 1
"""


async def install(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_PASS)
        await connection.execute(WATCH)
        for point in POINTS:
            if point.trigger:
                await connection.execute(point.trigger)
    finally:
        await connection.close()


@asynccontextmanager
async def stopped(url: str, point: Point) -> AsyncIterator[int]:
    """Somebody is there: the port from which it speaks to PostgreSQL. Afterwards all go on."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            if point.lock:
                await connection.execute(point.lock)
            else:
                await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _SPACE, point.number)
            watcher = await asyncpg.connect(url)
            try:
                async with asyncio.timeout(15):
                    while (  # noqa: ASYNC110 - a lock tells nobody that it is waited for
                        port := await watcher.fetchval(
                            _STOPPED, point.number, point.query, bool(point.lock), _SPACE
                        )
                    ) is None:
                        await asyncio.sleep(0.01)
            finally:
                await watcher.close()
            yield port
    finally:
        await connection.close()
