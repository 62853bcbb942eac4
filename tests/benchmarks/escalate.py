"""A thousand overdue among a million open incidents: the sweep, next to a transaction for each of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from statistics import median
from time import perf_counter, process_time

import asyncpg
import msgspec
from msgspec import Struct

from pulseops.db.pools import open_pool
from pulseops.escalation.rules import Asked, plan_for
from pulseops.escalation.sweep import sweep
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.history import LogHistory
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import CODEC, assemble
from tests.benchmarks import cpu
from tests.benchmarks.apart import apart
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.filling import large
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage

_OVERDUE, _OPEN, _OPEN_QUICKLY = 1_000, 1_000_000, 100_000
_WARMING = 50
"""Overdue ones more, that are escalated before the clock is started."""
_IDLE = 200
# As the projector of deadlines writes them: the newest fact of each incident is its assignment.
_WAIT = """
INSERT INTO escalation.deadline (
  log_id, incident_id, kind, step, due_at, plan, version, level, correlation_id, cause_id, wait_id
)
SELECT 1, e.stream_id, 'escalation', 1, now() + interval '30 days', $2,
  e.version, 0, (e.meta->>'correlationId')::uuid, e.event_id, e.event_id
FROM eventstore.event e WHERE e.log_id = 1 AND e.type = 'ASSIGNED' ORDER BY e.position LIMIT $1
ON CONFLICT DO NOTHING
"""
_LATE = """
UPDATE escalation.deadline d SET due_at = now() - n.late * interval '1 s'
FROM (SELECT incident_id, row_number() OVER () AS late FROM escalation.deadline
  WHERE log_id = 1 AND step = 1 ORDER BY random() LIMIT $1) n
WHERE d.log_id = 1 AND d.kind = 'escalation' AND d.incident_id = n.incident_id
RETURNING now()
"""


class Sweeps(Struct, frozen=True):
    """Sweeps of at most `limit` each until all of the `overdue` are escalated; or, without any, idle ones."""

    url: str
    overdue: int
    limit: int
    now: datetime
    postmaster: int


async def sweeping(given: Sweeps) -> Reading:
    """As a worker sweeps. Raises RuntimeError when not all were escalated."""
    pool = await open_pool(given.url, size=3)
    store = assemble(Gateway(given.url), LogHistory(pool, CODEC), load_rulebook(None))
    await pool.fetchval("SELECT 1")
    # A worker has swept before.
    await sweep(pool, store, CODEC, now=given.now, limit=_WARMING)
    before, own, begun = cpu.spent((), given.postmaster), process_time(), perf_counter()
    fired, times = 0, list[float]()
    while fired < given.overdue or (not given.overdue and len(times) < _IDLE):
        asked = perf_counter()
        swept = await sweep(pool, store, CODEC, now=given.now, limit=given.limit)
        times.append(perf_counter() - asked)
        if given.overdue and not swept.fired:
            raise RuntimeError(f"{fired} of {given.overdue} were escalated")
        fired += len(swept.fired)
    seconds, app = perf_counter() - begun, process_time() - own
    spent = cpu.spent((), given.postmaster) - before
    await pool.close()
    return Reading(
        operations=fired or len(times),
        seconds=seconds,
        app_cpu=app,
        postgres_cpu=spent.postgres,
        waiting=given.limit if given.overdue else None,
        more={"all_ms": seconds * 1000, "sweep_ms": median(times) * 1000},
    )


@asynccontextmanager
async def _sides(stage: Stage) -> AsyncIterator[Sequence[Side]]:
    waiting = _OPEN_QUICKLY if stage.quick else _OPEN
    database = await large(stage, waiting * 3)
    stage.say(f"setting {waiting:,} deadlines")
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute(_WAIT, waiting, _plan(), timeout=300)
    await admin.execute("VACUUM (ANALYZE) escalation.deadline")
    if stage.quick:
        stage.notes.append(f"quick: {waiting:,} open incidents stand in for {_OPEN:,}")

    def firing(name: str, limit: int) -> Side:
        async def measure(_seconds: float) -> Reading:
            now = await admin.fetchval(_LATE, _OVERDUE + _WARMING)
            await admin.execute("VACUUM escalation.deadline")
            reading = await _swept(database, stage, overdue=_OVERDUE, limit=limit, now=now)
            database.acknowledged += _OVERDUE + _WARMING
            return reading

        return Side(name, measure)

    async def idle(_seconds: float) -> Reading:
        now = await admin.fetchval("SELECT now()")
        return await _swept(database, stage, overdue=0, limit=500, now=now)

    try:
        yield [firing("a transaction each", 1), firing("sweeps of 500", 500), Side("nothing due", idle)]
    finally:
        await admin.close()


async def _swept(database: Database, stage: Stage, *, overdue: int, limit: int, now: datetime) -> Reading:
    return await apart(sweeping, Sweeps(database.url, overdue, limit, now, stage.ground.postmaster))


def _plan() -> str:
    rules = load_rulebook(None).escalation
    plan = plan_for(rules, Asked(priority="critical", team="triage", environment="production"))
    return msgspec.json.encode(plan).decode()


ESCALATE = Bench(
    name="escalate",
    title="A thousand overdue among a million open incidents",
    lines=[
        Line(goal=GOALS["escalate"], side="sweeps of 500", over="a transaction each", by="rate"),
        Line(goal=GOALS["escalate-idle"], side="nothing due", by="sweep_ms"),
    ],
    sides=_sides,
    takes=90,
)
