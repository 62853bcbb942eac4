"""Tables that grew from empty and were never analysed: what a sweep reads must not grow with them."""

import asyncio
from datetime import timedelta

from tests.conftest import Database
from tests.integration.duty import MINUTE, Duty, on_duty

_READ = """
SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
WHERE schemaname IN ('eventstore', 'escalation')
"""


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


async def rows_read(duty: Duty) -> int:
    async with duty.pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT 1")
        read: int = await connection.fetchval(_READ)
        return read
