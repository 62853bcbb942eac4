"""The deadlines follow history, wherever the projector stands and however often it passes by."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.escalation.rules import EscalationRules, Policy, Step
from pulseops.escalation.timers import deadlines
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.duty import MINUTE, Duty, on_duty


@pytest.fixture
async def duty(database: Database) -> AsyncIterator[Duty]:
    async with on_duty(database.app_url) as duty:
        yield duty


async def test_an_assignment_starts_the_wait_that_its_policy_says(duty: Duty) -> None:
    critical, high = await duty.report("critical"), await duty.report("high")
    await duty.report("medium")
    await duty.report("low")
    await duty.project()
    assert await duty.deadlines() == {
        critical: (1, await duty.assigned_at(critical) + 5 * MINUTE),
        high: (1, await duty.assigned_at(high) + 15 * MINUTE),
    }


async def test_an_answer_ends_the_wait(duty: Duty) -> None:
    acknowledged, resolved, open_ = [await duty.report("critical") for _ in range(3)]
    await duty.project()
    await duty.acknowledge(acknowledged)
    await duty.resolve(resolved)
    await duty.project()
    assert set(await duty.deadlines()) == {open_}


async def test_a_projector_that_lags_starts_no_wait_that_was_ended(duty: Duty) -> None:
    incident = await duty.report("critical")
    assigned = await duty.history.head()
    await duty.acknowledge(incident)
    await duty.project(0, assigned)
    assert await duty.deadlines() == {}


@pytest.mark.parametrize("kind", ["ASSIGNED", "NOTED"])
async def test_no_plan_is_made_of_a_history_that_is_not_known(
    duty: Duty, admin: asyncpg.Connection, kind: str
) -> None:
    incident = await duty.report("critical")
    await admin.execute(
        """
        INSERT INTO eventstore.event SELECT log_id, position + 1, stream_id, version + 1, $2, 2, $3,
          command_id, occurred_at, recorded_at, data, meta
        FROM eventstore.event WHERE stream_id = $1 ORDER BY position DESC LIMIT 1
        """,
        incident,
        kind,
        new_id(),
    )
    with pytest.raises(
        asyncpg.FeatureNotSupportedError, match=f"holds {kind} version 2, (.|\\n)* position 4"
    ):
        await duty.project()
    assert await duty.deadlines() == {}


async def test_a_range_passed_again_brings_back_no_level_that_was_fired(duty: Duty) -> None:
    fired_once, fired_out = await duty.report("critical"), await duty.report("high")
    await duty.project()
    duty.clock.forward(16 * MINUTE)
    await duty.sweep()
    duty.clock.forward(15 * MINUTE)
    await duty.resolve(fired_once)
    again = await duty.report("critical")
    await duty.project()
    await duty.sweep()
    before = await duty.deadlines()

    await duty.project(0)

    assert await duty.deadlines() == before
    assert set(before) == {again}
    assert (await duty.types(fired_out))[3:] == ["ESCALATED"] * 2


async def test_lost_deadlines_are_rebuilt_from_history_as_they_were(duty: Duty) -> None:
    incidents = [await duty.report("critical") for _ in range(4)]
    await duty.project()
    duty.clock.forward(7 * MINUTE)
    await duty.sweep(limit=2)
    await duty.acknowledge(incidents[3])
    await duty.project()
    before = await duty.deadlines()
    assert [before[one][0] for one in incidents[:3]] == [2, 2, 1]

    async with duty.pool.acquire() as connection:
        await connection.execute("DELETE FROM escalation.deadline")
    await duty.project(0)

    assert await duty.deadlines() == before


async def test_rules_that_change_do_not_touch_an_incident_already_assigned(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    before = await duty.deadlines()
    sooner = (Policy(name="sooner", steps=(Step(after=MINUTE, to="lead"),)),)
    duty.projector = deadlines(EscalationRules(version="rules-2", policies=sooner))
    later = await duty.report("critical")
    await duty.project(0)
    assert await duty.deadlines() == before | {later: (1, await duty.assigned_at(later) + MINUTE)}
    duty.clock.forward(6 * MINUTE)
    fired = {one.incident_id: one for one in (await duty.sweep()).fired}
    assert (fired[incident].policy, fired[later].policy) == ("critical", "sooner")
    assert (await duty.deadlines())[incident][0] == 2


Story = list[tuple[str, int]]
_WHAT = ("critical", "high", "low", "acknowledge", "resolve", "project", "again", "wait", "sweep")
_steps = st.tuples(st.sampled_from(_WHAT), st.integers(0, 30))


def test_whatever_happens_the_deadlines_are_those_that_history_asks_for(database: Database) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(_steps, max_size=25))
    def tell(story: Story) -> None:
        asyncio.run(told(database.app_url, story))

    tell()


async def told(url: str, story: Story) -> None:
    async with on_duty(url, size=2) as duty:
        incidents: list[UUID] = []
        await duty.project()
        for what, number in story:
            match what:
                case "critical" | "high" | "low":
                    incidents.append(await duty.report(what))
                case "acknowledge" | "resolve" if incidents:
                    incident = incidents[number % len(incidents)]
                    if what == "resolve" or "RESOLVED" not in await duty.types(incident):
                        await getattr(duty, what)(incident)
                case "project":
                    await duty.project()
                case "again":
                    await duty.project(max(0, await duty.history.head() - number))
                case "wait":
                    duty.clock.forward(number * MINUTE)
                case "sweep":
                    await duty.sweep()
                case _:
                    assert not incidents, what
        await duty.project()
        await duty.sweep()  # what was answered but still due is dropped by a sweep at the latest
        found = {key: value for key, value in (await duty.deadlines()).items() if key in incidents}
        assert found == {key: due for key in incidents if (due := await wanted(duty, key)) is not None}


async def wanted(duty: Duty, incident: UUID) -> tuple[int, datetime] | None:
    """The deadline by the history alone, in other words than the projector's."""
    after = {"critical": 5, "high": 15}
    levels = {"critical": 3, "high": 2}
    history = await duty.history.stream(incident)
    priority = history[0].fact.priority
    if priority not in after or any(one.fact.type in {"ACKNOWLEDGED", "RESOLVED"} for one in history):
        return None
    escalated = [one.fact for one in history if one.fact.type == "ESCALATED"]
    if len(escalated) == levels[priority]:
        return None
    pause = after[priority] * MINUTE
    if not escalated:
        return 1, history[2].recorded_at + pause
    last = escalated[-1]
    return last.level + 1, last.due_at + timedelta(seconds=last.late_by) + pause
