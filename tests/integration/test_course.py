"""What Python makes of an incident's facts is what SQL makes of them, to the last digit."""

from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.archive.replaying import replay
from pulseops.eventstore.directory import create_log
from pulseops.incidents import course
from pulseops.kernel.clock import utc_now
from pulseops.wiring import CODEC, REFOLDS
from tests.conftest import Database
from tests.histories import Step, enact, plans
from tests.integration.importing import lived, worked_off
from tests.serving import Api

_names = (f"course-{number}" for number in count())
START = datetime(2026, 1, 1, tzinfo=UTC)
SUM = """
SELECT coalesce(date_part('epoch', sum(u - f)), 0)
FROM unnest($1::timestamptz[], $2::timestamptz[]) AS t (f, u)
"""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans(), data=st.data())
async def test_any_history_up_to_anywhere_is_told_the_same_in_both_languages(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    up_to = data.draw(st.integers(1, sum(len(facts) for facts in past.values())))
    lives = {
        incident: begun
        for incident, facts in past.items()
        if (begun := [one for one in facts if one.position <= up_to])
    }
    asked = (log_id, [*lives], [facts[0].position for facts in lives.values()], up_to)
    told = {
        "stints_v1": [row for facts in lives.values() for row in course.stints(facts)],
        "responses_v1": [course.response(facts) for facts in lives.values()],
    }
    for function, rows in told.items():
        found = [
            {name: value for name, value in row.items() if name != "log_id"}
            for row in await app.fetch(f"SELECT * FROM incidents.{function}($1, $2, $3, $4)", *asked)
        ]
        key = "version" if function == "stints_v1" else "position"
        assert sorted(found, key=lambda row: (row["incident_id"], row[key])) == sorted(
            rows, key=lambda row: (row["incident_id"], row[key])
        )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=st.lists(st.timedeltas(timedelta(0), timedelta(days=400)), max_size=6))
async def test_seconds_of_days_are_added_as_postgresql_adds_them(
    app: asyncpg.Connection, spans: list[timedelta]
) -> None:
    rows = [{"kind": "live", "from_at": START, "until_at": START + span} for span in spans]
    expected = await app.fetchval(SUM, [START] * len(spans), [START + span for span in spans])
    assert course._seconds(rows, "live") == expected


async def test_a_replay_up_to_any_position_finds_nothing_wrong_with_what_went_on_since(
    api: Api, pool: asyncpg.Pool, database: Database
) -> None:
    await lived(api)
    await worked_off(database.app_url)
    head = (await replay(pool, REFOLDS, CODEC)).head
    newer = 0
    for position in range(head + 1):
        found = await replay(pool, REFOLDS, CODEC, up_to=position)
        assert found.same, (position, found)
        newer += found.models[3].newer
    assert newer > 0
