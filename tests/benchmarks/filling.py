"""Large logs, made fast: real facts of a few hundred real reports, repeated under new ids by the superuser.

What is stored is what `append_v1` would have stored; only nobody waited for it.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from shutil import disk_usage

import asyncpg
import msgspec

from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.history import LogHistory
from pulseops.incidents.commands import Acknowledge
from pulseops.kernel.envelope import Context
from pulseops.kernel.ids import new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import CODEC, assemble
from tests.benchmarks.apart import Failed
from tests.benchmarks.ground import Database
from tests.benchmarks.reports import COMMANDS
from tests.benchmarks.stage import Stage

_CHUNK = 50_000
_AT_ONCE = 2
_BYTES = 2_000
"""That an event may take on disk, with its keys and its share of the write-ahead log."""
_MODELS = """
CREATE UNLOGGED TABLE IF NOT EXISTS public.model (
  model int, version int, type text, schema_version smallint, data jsonb, meta jsonb,
  PRIMARY KEY (model, version)
)
"""
_MODEL = "INSERT INTO public.model VALUES ($1, $2, $3, $4, $5, $6)"
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
SELECT 1, m.before + o.version, m.stream_id, o.version, o.type, o.schema_version,
  gen_random_uuid(), m.command_id, m.at, m.at, o.data, o.meta
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
        made.acknowledged = least // 3 * 3
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
    per_incident: int = 3,
    say: Callable[[str], None] = lambda _doing: None,
) -> None:
    """Adds about so many events (whole incidents): created, classified, assigned, and with four acknowledged.

    The log must have been filled by nobody else. Vacuumed, analysed and on disk when it returns.
    """
    count = events // per_incident
    async with asyncpg.create_pool(database.admin_url, min_size=1, max_size=_AT_ONCE) as pool:
        await pool.execute(_MODELS)
        if not await pool.fetchval("SELECT count(*) FROM public.model"):
            await pool.executemany(_MODEL, _models())
        head = await pool.fetchval("SELECT coalesce(max(position), 0) FROM eventstore.event WHERE log_id = 1")
        begun, done = datetime.now(UTC) - count * timedelta(milliseconds=1), 0
        chunks = iter([(at, min(at + _CHUNK - 1, count)) for at in range(1, count + 1, _CHUNK)])

        async def work() -> None:
            nonlocal done
            for first, last in chunks:
                await pool.execute(_FILL, first, last, per_incident, head, begun, len(COMMANDS), timeout=600)
                done += (last - first + 1) * per_incident
                say(f"filling a log: {done:,} of {events:,} events")

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        say("settling the log")
        for statement in _SETTLE:
            await pool.execute(statement, timeout=600)


def _models() -> list[tuple[int, int, str, int, str, str]]:
    """The facts of a report, decided by the real rules, and of an answer to it."""
    rows = []
    store = assemble(Gateway(""), LogHistory(None, CODEC), load_rulebook(None))
    for model, command in enumerate(COMMANDS):
        stream_id, now = new_id(), datetime.now(UTC)
        context = Context(actor="key:bench", now=now, command_id=new_id(), correlation_id=new_id())
        reported = store.draft(stream_id, None, 0, command, context)
        state = store.decider.fold(reported.facts)
        answered = store.draft(stream_id, state, len(reported.facts), Acknowledge(note="On it."), context)
        rows += [
            (
                model,
                fact.version,
                fact.fact.type,
                fact.fact.schema_version,
                _json(fact.fact),
                _json(fact.meta),
            )
            for fact in (*reported.facts, *answered.facts)
        ]
    return rows


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
