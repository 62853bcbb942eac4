"""The escalation story, on a clock that is moved: what fires, when, how late, and what stops it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.incidents.commands import Acknowledge
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Assigned, Escalated, Resolved
from pulseops.kernel.envelope import Meta
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.duty import MINUTE, Duty, on_duty

SECOND = timedelta(seconds=1)


@pytest.fixture
async def duty(database: Database) -> AsyncIterator[Duty]:
    async with on_duty(database.app_url) as duty:
        yield duty


async def escalations(duty: Duty, incident: UUID) -> list[Escalated]:
    return [one.fact for one in await duty.history.stream(incident) if isinstance(one.fact, Escalated)]


async def test_nobody_answers_so_level_after_level_hears_of_it_and_then_no_more(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()

    duty.clock.forward(5 * MINUTE - 2 * SECOND)
    assert (await duty.sweep()).claimed == 0
    for level, to in ((1, "secondary of core"), (2, "lead"), (3, "director")):
        duty.clock.forward(5 * MINUTE if level > 1 else 2 * SECOND)
        (fired,) = (await duty.sweep()).fired
        assert (fired.incident_id, fired.level, fired.to) == (incident, level, to)
        assert (await duty.sweep()).claimed == 0, "a level is heard once"
        await duty.project()
    duty.clock.forward(timedelta(days=30))
    assert (await duty.sweep()).claimed == 0
    assert (await duty.types(incident))[3:] == ["ESCALATED"] * 3
    assert await duty.deadlines() == {}


async def test_an_escalation_says_why_what_it_answers_to_and_how_late_it_was(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    duty.clock.forward(6 * MINUTE)
    (fired,) = (await duty.sweep()).fired
    duty.clock.forward(5 * MINUTE)
    await duty.sweep()

    history = await duty.history.stream(incident)
    assigned, first, second = history[2:]
    assert isinstance(assigned.fact, Assigned)
    assert isinstance(first.fact, Escalated)
    assert first.position == fired.position
    assert first.fact.due_at == assigned.recorded_at + 5 * MINUTE
    assert 60 <= first.fact.late_by < 70
    assert first.fact.policy == "critical"
    assert first.fact.decision.rules_version == "rules-1"
    assert "Nobody acknowledged it within 5m of its assignment" in first.fact.decision.why
    assert first.meta.actor == "system:escalation"
    assert first.meta.correlation_id == assigned.meta.correlation_id
    assert first.meta.causation_id == assigned.event_id
    assert second.meta.causation_id == first.event_id


@pytest.mark.parametrize("answer", ["acknowledge", "resolve"])
async def test_an_answer_stops_it_even_before_the_projector_hears_of_it(duty: Duty, answer: str) -> None:
    incident = await duty.report("critical")
    await duty.project()
    await getattr(duty, answer)(incident)
    duty.clock.forward(6 * MINUTE)

    swept = await duty.sweep()

    assert (swept.claimed, swept.fired) == (1, ())
    assert await duty.deadlines() == {}
    assert "ESCALATED" not in await duty.types(incident)


async def test_after_hours_of_downtime_levels_follow_each_other_at_their_pace(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    duty.clock.forward(timedelta(hours=3))

    assert len((await duty.sweep()).fired) == 1
    assert (await duty.sweep()).claimed == 0, "no burst"
    _, due = (await duty.deadlines())[incident]
    now = await duty.clock.now()
    assert now + 5 * MINUTE - 10 * SECOND < due <= now + 5 * MINUTE
    (first,) = await escalations(duty, incident)
    assert first.late_by == pytest.approx(timedelta(hours=2, minutes=55).total_seconds(), abs=10)


async def test_a_clock_that_goes_back_fires_nothing_again(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    duty.clock.forward(5 * MINUTE)
    await duty.sweep()
    duty.clock.forward(timedelta(hours=-1))
    assert (await duty.sweep()).claimed == 0
    duty.clock.forward(timedelta(hours=1, minutes=5))
    assert [one.level for one in (await duty.sweep()).fired] == [2]
    assert [one.level for one in await escalations(duty, incident)] == [1, 2]


async def test_the_longest_due_goes_first_and_the_limit_leaves_the_rest(duty: Duty) -> None:
    incidents = [await duty.report("critical") for _ in range(5)]
    await duty.project()
    duty.clock.forward(5 * MINUTE + SECOND)
    swept = [await duty.sweep(limit=2) for _ in range(3)]
    assert [one.incident_id for sweep in swept for one in sweep.fired] == incidents
    assert [sweep.claimed for sweep in swept] == [2, 2, 1]


async def test_an_answer_that_comes_between_reading_and_appending_wins(duty: Duty) -> None:
    raced, other = await duty.report("critical"), await duty.report("critical")
    await duty.project()
    duty.clock.forward(6 * MINUTE)
    history = await duty.history.stream(raced)
    draft = duty.store.draft(raced, INCIDENT.fold(history), len(history), Acknowledge(), await duty.context())

    async with duty.pool.acquire() as connection, connection.transaction():
        batch = msgspec.json.encode([draft.request]).decode()
        await connection.fetch("SELECT * FROM eventstore.append_v2(1::smallint, $1)", batch)
        sweeping = asyncio.create_task(duty.sweep())
        await waits_for_the_log(duty)
    swept = await sweeping

    assert swept.claimed == 2
    assert [one.incident_id for one in swept.fired] == [other]
    assert (await duty.types(raced))[3:] == ["ACKNOWLEDGED"]
    assert raced in await duty.deadlines(), "kept, for the next sweep to decide"
    assert (await duty.sweep()).fired == ()
    assert raced not in await duty.deadlines()


async def test_a_history_that_cannot_be_read_is_kept_recorded_and_in_nobodys_way(duty: Duty) -> None:
    broken, sound = await duty.report("critical"), await duty.report("critical")
    await duty.project()
    unknown = AppendRequest(
        stream_id=broken,
        expected_version=3,
        command_id=new_id(),
        events=(
            NewEvent(
                type="FROM_THE_FUTURE",
                schema_version=1,
                event_id=new_id(),
                occurred_at=await duty.clock.now(),
                data=Resolved(),
                meta=Meta(actor="key:tester", correlation_id=new_id()),
            ),
        ),
    )
    await duty.gateway.append(unknown)
    due = (await duty.deadlines())[broken]
    duty.clock.forward(6 * MINUTE)

    swept = await duty.sweep(limit=1)
    assert (swept.fired, swept.unreadable) == ((), (broken,))
    assert [one.incident_id for one in (await duty.sweep(limit=1)).fired] == [sound]
    assert (await duty.deadlines())[broken] == due
    row = await duty.pool.fetchrow("SELECT failures, last_error FROM escalation.deadline WHERE failures > 0")
    assert row["failures"] == 1
    assert "FROM_THE_FUTURE" in row["last_error"]
    duty.clock.forward(2 * SECOND)
    assert (await duty.sweep()).unreadable == (broken,)


async def test_a_deadline_behind_its_incident_is_brought_up_and_not_fired(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    duty.clock.forward(5 * MINUTE + SECOND)
    await duty.sweep()
    right = await duty.deadlines()
    await duty.pool.execute("UPDATE escalation.deadline SET step = 1, due_at = due_at - interval '10 min'")
    swept = await duty.sweep()
    assert (swept.claimed, swept.fired) == (1, ())
    assert await duty.deadlines() == right
    assert len(await escalations(duty, incident)) == 1


async def waits_for_the_log(duty: Duty) -> None:
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    async with asyncio.timeout(10), duty.pool.acquire() as connection:
        while True:
            if await connection.fetchval(waiting):
                return
            await asyncio.sleep(0.01)
