"""A log with a long past, made in seconds: real reports through the real decider, multiplied by PostgreSQL.

An incident is reported, classified and assigned in one append; some thousand incidents later it is
escalated, acknowledged or resolved. So there are four events an incident, about 450 bytes each, interleaved
as in life.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import gcd
from typing import Any

import asyncpg
import msgspec

from pulseops.incidents.commands import Acknowledge, Command, Create, Escalate, Resolve
from pulseops.incidents.events import Decision
from pulseops.kernel.envelope import Context
from pulseops.kernel.ids import new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.up.demo import samples
from pulseops.wiring import inline
from tests.histories import store

EVENTS = 4
"""Events of an incident."""

_REPORTED = 3  # in the append that reports it
_BLOCK = 5_000  # incidents; one is closed in the block that follows its own
_CHUNK = 200_000  # events that are inserted at once
_STEP = timedelta(milliseconds=50)  # between two events, where the past is long enough

_MICROSECOND = timedelta(microseconds=1)

_PREPARE = """
CREATE TEMP TABLE IF NOT EXISTS template (number int, version int, type text, actor text, data jsonb);
TRUNCATE template;
SET enable_mergejoin = off; -- rows come in the order of positions
CREATE OR REPLACE FUNCTION pg_temp.made_id(p_micros bigint, p_hash text) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(p_micros / 1000), 12, '0') || '7' || left(p_hash, 3) || '8' || right(p_hash, 15))::uuid
$$;
-- Where in the population (from 0) an incident's first and last events are.
CREATE OR REPLACE FUNCTION pg_temp.first_offset(p_number bigint, p_block bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_number < p_block THEN 3 * p_number ELSE 4 * p_number - p_block END
$$;
CREATE OR REPLACE FUNCTION pg_temp.last_offset(
  p_number bigint, p_block bigint, p_incidents bigint, p_back bigint
) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_number >= p_incidents - p_block
    THEN 4 * p_incidents - p_block + p_number % p_block * p_back % p_block
    ELSE (4 * (p_number / p_block) + 3) * p_block + 4 * (p_number % p_block * p_back % p_block) + 3 END
$$;
"""
# OFFSET 0 keeps what is computed once from being computed wherever it is used.
_EVENTS = """
INSERT INTO eventstore.event (log_id, position, stream_id, version, type, schema_version,
  event_id, command_id, occurred_at, recorded_at, data, meta)
SELECT $1::smallint, $2::bigint + 1 + p.nth,
  pg_temp.made_id($9::bigint + pg_temp.first_offset(p.number, $6) * $10::bigint, md5($3::text || p.number)),
  p.version, t.type, 1, md5($3 || 'event' || p.nth)::uuid, p.command_id,
  p.recorded_at - interval '20 ms', p.recorded_at,
  CASE p.version WHEN 1
    THEN t.data || jsonb_build_object('title', (t.data ->> 'title') || ' #' || p.number) ELSE t.data END,
  CASE WHEN p.version IN (2, 3)
    THEN jsonb_build_object('actor', t.actor, 'correlationId', p.command_id,
      'causationId', md5($3 || 'event' || (p.nth - 1))::uuid)
    ELSE jsonb_build_object('actor', t.actor, 'correlationId', p.command_id) END
FROM (
  SELECT s.*, timestamptz 'epoch' + s.micros * interval '1 microsecond' AS recorded_at,
    pg_temp.made_id(s.micros, md5($3 || s.number || CASE WHEN s.version < 4 THEN 'report' ELSE 'close' END))
      AS command_id
  FROM (
    SELECT o.*, $9 + (o.nth - CASE WHEN o.version < 4 THEN o.version - 1 ELSE 0 END) * $10 AS micros
    FROM (
      -- Past the first block, slots of four: three events of a new incident, and the last one of one of the
      -- block before.
      SELECT nth,
        CASE WHEN nth < 3 * $6::bigint THEN nth / 3
          WHEN nth >= 4 * $7::bigint - $6 THEN $7 - $6 + (nth - 4 * $7 + $6) * $8::bigint % $6
          WHEN (nth + $6) % 4 < 3 THEN (nth + $6) / 4
          ELSE ((nth + $6) / 4 / $6 - 1) * $6 + (nth + $6) / 4 % $6 * $8 % $6 END AS number,
        CASE WHEN nth < 3 * $6 THEN nth % 3 + 1
          WHEN nth >= 4 * $7 - $6 THEN 4
          ELSE (nth + $6) % 4 + 1 END AS version
      FROM generate_series($4::bigint, $5::bigint - 1) AS nth
      OFFSET 0
    ) AS o
    OFFSET 0
  ) AS s
  OFFSET 0
) AS p
JOIN template AS t ON t.number = p.number % $11::bigint AND t.version = p.version
"""
_STREAMS = """
INSERT INTO eventstore.stream (log_id, stream_id, version, first_position, last_position)
SELECT $1::smallint, pg_temp.made_id($9::bigint + n.first_offset * $10::bigint, md5($3::text || n.number)),
  4, $2::bigint + 1 + n.first_offset, $2 + 1 + pg_temp.last_offset(n.number, $6, $7::bigint, $8::bigint)
FROM (
  SELECT number, pg_temp.first_offset(number, $6::bigint) AS first_offset
  FROM generate_series($4::bigint, $5::bigint - 1) AS number OFFSET 0
) AS n
"""
_COMMANDS = """
INSERT INTO eventstore.command (log_id, command_id, stream_id, version, position, recorded_at)
SELECT e.log_id, e.command_id, e.stream_id, e.version, e.position, e.recorded_at
FROM eventstore.event AS e
WHERE e.log_id = $1 AND e.position > $2 AND e.position <= $3 AND e.version IN (3, 4)
"""
_HEAD = "SELECT position, recorded_at FROM eventstore.event WHERE log_id = $1 ORDER BY position DESC LIMIT 1"


async def populate(
    connection: asyncpg.Connection,
    *,
    incidents: int = 250_000,
    log_id: int = 1,
    over: timedelta | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Add `incidents` (a multiple of 5,000, or fewer) to a log, as the superuser; the log's new head.

    `progress` hears how many more events are there. They took `over` at most, or a day's while; they end now
    and never lie before the log's last one.
    """
    block = min(_BLOCK, incidents)
    if incidents % block:
        raise ValueError(f"{incidents} incidents are not a multiple of {block}.")
    stride = next(step for step in range(max(1, block * 3 // 8), block + 1) if gcd(step, block) == 1)
    back = pow(stride, -1, block) if block > 1 else 0
    await connection.execute(_PREPARE)
    rows = list(templates())
    await connection.copy_records_to_table("template", records=rows)
    await connection.execute("ANALYZE template")
    last = await connection.fetchrow(_HEAD, log_id)
    base, seed, now = last["position"] if last else 0, str(new_id()), datetime.now(UTC)
    room = now - (last["recorded_at"] if last else datetime(2020, 1, 1, tzinfo=UTC))
    if over is not None:
        room = min(room, over)
    step = min(_STEP, room / (incidents * EVENTS + 1)) // _MICROSECOND
    start = (now - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND - step * incidents * EVENTS
    shape = (start, step, len(rows) // EVENTS)
    for begin in range(0, incidents * EVENTS, _CHUNK):
        end = min(begin + _CHUNK, incidents * EVENTS)
        await connection.execute(_EVENTS, log_id, base, seed, begin, end, block, incidents, stride, *shape)
        await connection.execute(_COMMANDS, log_id, base + begin, base + end)
        await connection.execute("SELECT eventstore.ensure_partitions_v1()")
        progress(end - begin)
    await connection.execute(_STREAMS, log_id, base, seed, 0, incidents, block, incidents, back, start, step)
    await connection.execute("RESET enable_mergejoin")
    return base + incidents * EVENTS


def templates() -> Iterator[tuple[Any, ...]]:
    """(number, version, type, actor, data) of the four facts of each sample."""
    decided = Decision(decided_by="policy", rule="default", rules_version="1", why="Nobody answered in time.")
    instant = datetime(2026, 1, 1, tzinfo=UTC)
    closings: tuple[Command, ...] = (
        Acknowledge(note="Looking into it."),
        Escalate(level=1, to="on-call", policy="default", due_at=instant, late_by=0.25, decision=decided),
        Resolve(note="Restarted the service; the queue drains again."),
        Resolve(),
    )
    decider = store(1, inline(load_rulebook()))
    for number, sample in enumerate(samples()):
        report = msgspec.convert(sample.incident, Create)
        context = Context(actor="key:monitoring", now=instant, command_id=new_id(), correlation_id=new_id())
        reported = decider.draft(new_id(), None, 0, report, context)
        state = decider.decider.fold(reported.facts)
        closed = decider.draft(new_id(), state, _REPORTED, closings[number % len(closings)], context)
        for version, fact in enumerate((*reported.facts, *closed.facts), start=1):
            yield number, version, fact.fact.type, fact.meta.actor, msgspec.json.encode(fact.fact).decode()
