"""Tables that grew from empty and were never analysed: what a sweep reads must not grow with them."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg

from tests.conftest import Database
from tests.integration.duty import MINUTE, Duty, on_duty

_READ = """
SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
WHERE schemaname IN ('eventstore', 'escalation')
"""

_BACKLOG = """
INSERT INTO escalation.deadline (log_id, incident_id, kind, step, due_at, plan)
SELECT 1, gen_random_uuid(), 'escalation', 1, timestamptz '2026-01-01 00:00Z' - n * interval '1 s', '{}'
FROM generate_series(1, 5000) n
"""
_LATER = datetime(2026, 1, 2, tzinfo=UTC)


async def test_sweeps_and_projections_read_only_what_they_are_about(database: Database) -> None:
    async with on_duty(database.app_url, size=1) as duty:
        # Everything is planned once while there is nothing.
        await duty.project()
        await duty.sweep()
        for _ in range(8):
            await asyncio.gather(*(duty.report("high") for _ in range(250)))
        await asyncio.gather(*(duty.report("critical") for _ in range(50)))
        head = await duty.history.head()
        await duty.project(up_to=head - 150)

        before = await rows_read(duty)
        await duty.project()
        assert await rows_read(duty) - before < 50 * 40, "a row for each incident there is, or worse"

        duty.clock.forward(5 * MINUTE + timedelta(seconds=30))
        before = await rows_read(duty)
        swept = await duty.sweep()
        assert len(swept.fired) == 50
        assert await rows_read(duty) - before < 50 * 40, "a row for each incident there is, or worse"

        before = await rows_read(duty)
        await duty.sweep()
        assert await rows_read(duty) - before < 100, "an idle sweep reads next to nothing"


async def test_a_backlog_is_claimed_bit_by_bit_and_not_sorted_each_time(
    database: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute("ALTER TABLE escalation.deadline SET (autovacuum_enabled = off)")
    await admin.execute(_BACKLOG)
    async with on_duty(database.app_url, size=1) as duty:
        for claim in ("claim_due_v1", "claim_due_v3"):
            before = await rows_read(duty)
            claimed = await duty.pool.fetch(f"SELECT * FROM escalation.{claim}(1::smallint, $1, 20)", _LATER)
            assert [row["due_at"] for row in claimed] == sorted(row["due_at"] for row in claimed)
            assert len(claimed) == 20
            assert await rows_read(duty) - before < 100


async def rows_read(duty: Duty) -> int:
    async with duty.pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT 1")
        read: int = await connection.fetchval(_READ)
        return read
