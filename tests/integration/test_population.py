"""The benches' made history is one that the application could have written."""

import asyncpg

from pulseops.eventstore.history import LogHistory
from pulseops.incidents.decider import INCIDENT
from pulseops.wiring import CODEC
from tests.benchmarks.population import EVENTS, populate
from tests.conftest import Database

_WRONG_STREAMS = """
SELECT count(*) FROM eventstore.stream AS s FULL JOIN (
  SELECT log_id, stream_id, max(version) AS version, count(*) AS size,
    min(position) AS first_position, max(position) AS last_position
  FROM eventstore.event GROUP BY log_id, stream_id
) AS e USING (log_id, stream_id)
WHERE (s.version, s.first_position, s.last_position, s.version)
  IS DISTINCT FROM (e.version, e.first_position, e.last_position, e.size)
"""


async def test_a_populated_log_has_the_shape_of_an_appended_one(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_url)
    pool = await asyncpg.create_pool(database.app_url, min_size=1)
    try:
        assert await populate(connection, incidents=300) == 300 * EVENTS
        assert await populate(connection, incidents=70) == 370 * EVENTS
        history = LogHistory(pool, CODEC)
        past = await history.read(0, 10_000)
        assert [one.position for one in past] == list(range(1, 370 * EVENTS + 1))
        recorded = [one.recorded_at for one in past]
        assert recorded == sorted(recorded)
        assert len({one.event_id for one in past}) == len(past)
        assert await connection.fetchval(_WRONG_STREAMS) == 0
        assert await connection.fetchval("SELECT count(*) FROM eventstore.command") == 370 * 2
        for stream_id in {one.stream_id for one in past}:
            incident = INCIDENT.fold([one for one in past if one.stream_id == stream_id])
            assert incident is not None
            assert incident.version == EVENTS
    finally:
        await pool.close()
        await connection.close()
