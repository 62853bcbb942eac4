"""The escalation story, on a clock that is moved: what fires, when, how late, and what stops it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from pulseops.incidents.events import Assigned, Escalated
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
    assert "Nobody acknowledged it within 5 min" in first.fact.decision.why
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


async def test_a_lost_race_keeps_its_deadline_and_the_next_sweep_decides_again(
    duty: Duty, monkeypatch: pytest.MonkeyPatch
) -> None:
    raced, other = await duty.report("critical"), await duty.report("critical")
    await duty.project()
    duty.clock.forward(6 * MINUTE)
    decode = duty.codec.decode
    acknowledged = False

    async def acknowledge_meanwhile() -> None:
        nonlocal acknowledged
        acknowledged = True
        await duty.acknowledge(raced)

    # The stream is read, then acknowledged by somebody else, then escalated on the old reading.
    histories = [await duty.history.stream(one) for one in (raced, other)]
    await acknowledge_meanwhile()
    stale = {one.event_id: one for history in histories for one in history}
    monkeypatch.setattr(duty.codec, "decode", lambda row: stale.get(row["event_id"]) or decode(row))
    assert acknowledged
