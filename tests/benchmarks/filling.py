"""Large logs of incidents that all wait for an answer, made fast: what growth and escalation are measured on.

What is stored is what `append_v1` would have stored; only nobody waited for it. For a log whose incidents are
at every stage, see `population.py`.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from shutil import disk_usage

import asyncpg

from tests.benchmarks.apart import Failed
from tests.benchmarks.ground import Database
from tests.benchmarks.population import templates
from tests.benchmarks.reports import EVENTS
from tests.benchmarks.stage import Stage

_CHUNK = 50_000
_AT_ONCE = 2
_BYTES = 2_000
"""That an event may take on disk, with its keys and its share of the write-ahead log."""
_MODELS = """
CREATE UNLOGGED TABLE IF NOT EXISTS public.model (
  model int, version int, type text, actor text, data jsonb, PRIMARY KEY (model, version)
)
"""
_MODEL = "INSERT INTO public.model VALUES ($1, $2, $3, $4, $5)"
_HOW_MANY = "SELECT count(DISTINCT model) FROM public.model"
# Incidents $1 to $2, of $3 events each, from position $4 on; a millisecond lies between two.
_FILL = """
WITH made AS MATERIALIZED (
  SELECT n, uuidv7() AS stream_id, uuidv7() AS command_id,
    $4::bigint + (n - 1) * $3::int AS before, $5::timestamptz + n * interval '1 ms' AS at
  FROM generate_series($1::bigint, $2::bigint) n
), new_streams AS (
  INSERT INTO eventstore.stream (log_id, stream_id, version, first_position, last_position)
  SELECT 1, m.stream_id, $3::int, m.before + 1, m.before + $3::int FROM made m
), new_commands AS (
  INSERT INTO eventstore.command (log_id, command_id, stream_id, version, position, recorded_at)
  SELECT 1, m.command_id, m.stream_id, $3::int, m.before + $3::int, m.at FROM made m
)
INSERT INTO eventstore.event (log_id, position, stream_id, version, type, schema_version,
  event_id, command_id, occurred_at, recorded_at, data, meta)
SELECT 1, m.before + o.version, m.stream_id, o.version, o.type, 1,
  gen_random_uuid(), m.command_id, m.at, m.at, o.data,
  jsonb_build_object('actor', o.actor, 'correlationId', m.command_id)
FROM made m CROSS JOIN LATERAL (
  SELECT * FROM public.model o WHERE o.model = m.n % $6::int AND o.version <= $3::int ORDER BY o.version
) o
"""
_SETTLE = (
    "VACUUM (ANALYZE) eventstore.event, eventstore.stream, eventstore.command",
    "CHECKPOINT",
)


_filled: dict[int, Database] = {}
"""By how many events they were filled with. Made once in a run; they go with the server."""


async def large(stage: Stage, least: int) -> Database:
    """A log of at least so many events, which other benches of this run may have added to."""
    made = next((_filled[size] for size in sorted(_filled) if size >= least), None)
    if made is None:
        _require_room(stage, least)
        made = _filled[least] = await stage.ground.create()
        await fill(made, least, say=stage.say)
        made.acknowledged = least // EVENTS * EVENTS
    await stage.look_after(made)
    return made


def _require_room(stage: Stage, events: int) -> None:
    free, wanted = disk_usage(stage.ground.home.path).free, events * _BYTES
    if free < wanted:
        raise Failed(f"{events:,} events take {wanted >> 30} GB of disk, and {free >> 30} GB are free")


async def fill(
    database: Database,
    events: int,
    *,
    say: Callable[[str], None] = lambda _doing: None,
) -> None:
    """Adds about so many events (whole incidents): created, classified, assigned.

    The log must have been filled by nobody else. Vacuumed, analysed and on disk when it returns.
    """
    count = events // EVENTS
    async with asyncpg.create_pool(database.admin_url, min_size=1, max_size=_AT_ONCE) as pool:
        await pool.execute(_MODELS)
        if not await pool.fetchval(_HOW_MANY):
            await pool.executemany(_MODEL, list(templates()))
        models = await pool.fetchval(_HOW_MANY)
        head = await pool.fetchval("SELECT coalesce(max(position), 0) FROM eventstore.event WHERE log_id = 1")
        begun, done = datetime.now(UTC) - count * timedelta(milliseconds=1), 0
        chunks = iter([(at, min(at + _CHUNK - 1, count)) for at in range(1, count + 1, _CHUNK)])

        async def work() -> None:
            nonlocal done
            for first, last in chunks:
                await pool.execute(_FILL, first, last, EVENTS, head, begun, models, timeout=600)
                done += (last - first + 1) * EVENTS
                say(f"filling a log: {done:,} of {events:,} events")

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        say("settling the log")
        for statement in _SETTLE:
            await pool.execute(statement, timeout=600)
