"""What is rare is found without going through what is common: counted in rows, of twenty thousand."""

import asyncio

import asyncpg
import pytest

from pulseops.incidents.board import MODEL
from pulseops.incidents.facets import count_incidents
from pulseops.incidents.filters import Filters
from pulseops.incidents.listing import Sort, list_incidents
from pulseops.projections.generations import Stretch
from tests.benchmarks.population import populate

INCIDENTS = 20_000

_RARE = """
UPDATE incidents.incident_1 SET assigned_team = 'rare', category = 'rare', service = 'rare',
  responder = 'rare', labels = '{"rare": "yes"}', title = 'A quokka got in', status = 'acknowledged',
  priority = NULL
WHERE created_position IN (
  SELECT created_position FROM incidents.incident_1 ORDER BY created_position LIMIT 3
)
"""
_READ = """
SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_user_tables
WHERE schemaname = 'incidents' AND relname = 'incident_1'
"""
QUESTIONS: list[tuple[Filters, Sort]] = [
    (Filters(team=("rare",)), "-created"),
    (Filters(team=("rare", "nobody")), "created"),
    (Filters(category=("rare",)), "-updated"),
    (Filters(service=("rare",)), "updated"),
    (Filters(responder=("rare",)), "-created"),
    (Filters(label=("rare=yes",)), "-created"),
    (Filters(text="quokka"), "-created"),
    (Filters(text="quokka"), "-priority"),
    (Filters(text="quokka", status=("open", "acknowledged")), "updated"),
    (Filters(text="nowhere"), "-created"),
    (Filters(team=("nobody",)), "-priority"),
    (Filters(team=("rare",)), "priority"),
    (Filters(), "-created"),
    (Filters(), "created"),
    (Filters(), "-updated"),
    (Filters(), "updated"),
    (Filters(), "-priority"),
    (Filters(), "priority"),
    (Filters(status=("open",)), "-created"),
    (Filters(text="the"), "-priority"),
]


@pytest.fixture
async def board(admin: asyncpg.Connection, app: asyncpg.Connection) -> asyncpg.Connection:
    """The whole population. Statistics are as autovacuum makes them a minute after the table grew."""
    # Whatever a session plans, it planned when there was nothing.
    for filters, sort in QUESTIONS:
        await list_incidents(app, filters, sort=sort, log_id=1)
    head = await populate(admin, incidents=INCIDENTS)
    await MODEL.fill(app, Stretch(log_id=1, generation=1, after=0, to=head, up_to=head))
    await admin.execute(_RARE)
    await admin.execute("VACUUM ANALYZE incidents.incident_1")
    return app


async def rows_read(app: asyncpg.Connection, admin: asyncpg.Connection) -> int:
    await app.execute("SELECT pg_stat_force_next_flush()")
    await admin.execute("SELECT pg_stat_clear_snapshot()")
    found: int = await admin.fetchval(_READ)
    return found


async def test_a_page_reads_little_more_than_it_shows(
    board: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    for filters, sort in QUESTIONS:
        common = filters.text == "the"
        before = await rows_read(board, admin)
        page = await list_incidents(board, filters, sort=sort, limit=20, log_id=1)
        read = await rows_read(board, admin) - before
        if filters.text != "the" and "nobody" not in filters.team and filters.text != "nowhere":
            assert page.items
        # What has a common word is found before it is sorted.
        assert common or read < INCIDENTS // 20, (filters, sort, read)


_MIDDLE = """
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY created_at) AS middle FROM incidents.incident
"""
_BEFORE = "SELECT count(*) FROM incidents.incident WHERE created_at < $1"


async def test_times_are_found_among_positions(board: asyncpg.Connection, admin: asyncpg.Connection) -> None:
    middle = await admin.fetchval(_MIDDLE)
    for filters in (Filters(until=middle), Filters(since=middle), Filters(since=middle, until=middle)):
        before = await rows_read(board, admin)
        await list_incidents(board, filters, sort="-created", limit=20, log_id=1)
        assert await rows_read(board, admin) - before < 200
    facets = await count_incidents(board, Filters(until=middle), log_id=1)
    assert facets.total == await admin.fetchval(_BEFORE, middle)


async def test_all_are_counted_in_time(board: asyncpg.Connection) -> None:
    async with asyncio.timeout(5):
        facets = await count_incidents(board, log_id=1)
    assert facets.total == INCIDENTS
    assert facets.team.others + sum(one.count for one in facets.team.values) == INCIDENTS
