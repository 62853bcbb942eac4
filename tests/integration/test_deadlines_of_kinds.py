"""What runs out by the clock besides levels: acknowledgements, snoozes, incidents that nobody touches."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.escalation.rules import EscalationRules, Policy, Step
from pulseops.escalation.timers import deadlines
from pulseops.incidents.commands import (
    ChangeCategory,
    ChangePriority,
    Command,
    Comment,
    Merge,
    Reassign,
    Reopen,
    Snooze,
    Split,
    Unacknowledge,
    Unsnooze,
)
from pulseops.incidents.events import Escalated, Resolved, Unacknowledged, Unsnoozed
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import InvalidInput, InvalidTransition
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.duty import MINUTE, RULES, WHOLE, Duty, on_duty

SECOND = timedelta(seconds=1)


@pytest.fixture
async def duty(database: Database) -> AsyncIterator[Duty]:
    async with on_duty(database.app_url) as duty:
        duty.projector = deadlines(WHOLE)
        yield duty


async def on(duty: Duty, by: timedelta) -> list[str]:
    """What fires when the clock has moved on, in order; the projector follows."""
    duty.clock.forward(by)
    fired = (await duty.sweep()).fired
    await duty.project()
    return [one.type for one in fired]


async def kinds(duty: Duty) -> set[str]:
    return {kind for _, kind in await duty.all_deadlines()}


async def newest(duty: Duty, incident: UUID) -> tuple[datetime, object]:
    last = (await duty.history.stream(incident))[-1]
    return last.recorded_at, last.fact


async def test_an_acknowledgement_that_leads_to_nothing_runs_out_and_the_climb_begins_anew(
    duty: Duty,
) -> None:
    incident = await duty.report("critical")
    await duty.project()
    assert await on(duty, 5 * MINUTE + SECOND) == ["ESCALATED"]
    await duty.acknowledge(incident)
    await duty.project()
    assert await kinds(duty) == {"acknowledgement", "incident"}
    assert await on(duty, 20 * MINUTE) == ["UNACKNOWLEDGED"]
    at, fact = await newest(duty, incident)
    assert isinstance(fact, Unacknowledged)
    assert fact.decision is not None
    assert (fact.decision.rule, fact.decision.rules_version) == ("policies.critical", "whole-1")
    assert fact.decision.why == (
        "key:tester acknowledged it, and it was not resolved within 20m; priority is critical."
    )
    assert await duty.deadlines() == {incident: (1, at + 5 * MINUTE)}

    # Level 1 of the second wait is no repetition of the first one's. The recorded moment is the server's.
    assert await on(duty, 5 * MINUTE) == ["ESCALATED"]
    _, again = await newest(duty, incident)
    assert isinstance(again, Escalated)
    assert again.level == 1
    assert "within 5m of being left again" in again.decision.why
    assert (await duty.types(incident))[3:] == ["ESCALATED", "ACKNOWLEDGED", "UNACKNOWLEDGED", "ESCALATED"]


async def test_a_snooze_keeps_everybody_quiet_until_its_time_is_up(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    until = await duty.clock.now() + timedelta(hours=3)
    await duty.ask(incident, Snooze(until=until))
    await duty.project()
    assert await duty.all_deadlines() == {(incident, "snooze"): (1, until)}
    assert await on(duty, timedelta(hours=2)) == []
    assert await on(duty, timedelta(hours=1)) == ["UNSNOOZED"]
    _, fact = await newest(duty, incident)
    assert isinstance(fact, Unsnoozed)
    assert fact.decision is not None
    assert fact.decision.why.startswith("key:tester snoozed it until ")
    assert await kinds(duty) == {"escalation", "incident"}


async def test_a_snooze_that_was_made_longer_before_the_projector_heard_of_it_is_not_cut_short(
    duty: Duty,
) -> None:
    incident, now = await duty.report("critical"), await duty.clock.now()
    await duty.ask(incident, Snooze(until=now + 10 * MINUTE))
    await duty.project()
    await duty.ask(incident, Snooze(until=now + 60 * MINUTE))
    duty.clock.forward(11 * MINUTE)
    assert (await duty.sweep()).fired == ()
    await duty.project()
    assert await duty.all_deadlines() == {(incident, "snooze"): (1, now + 60 * MINUTE)}


async def test_what_nobody_touches_is_over_in_the_end_and_its_dedup_key_is_free(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    for _ in range(4):
        assert await on(duty, 6 * MINUTE) == ["ESCALATED"]
    await duty.ask(incident, Comment(text="Still looking."))
    await duty.project()
    # The recorded moments are the server's, so that the clock of this test is ahead of them.
    touched, _ = await newest(duty, incident)
    assert (await duty.all_deadlines()) == {(incident, "incident"): (1, touched + 60 * MINUTE)}
    assert await on(duty, 60 * MINUTE) == ["RESOLVED"]
    _, fact = await newest(duty, incident)
    assert isinstance(fact, Resolved)
    assert (fact.resolution, fact.decision and fact.decision.rule) == ("timed_out", "policies.critical")
    assert await duty.all_deadlines() == {}


async def test_the_steps_are_gone_through_again_and_levels_go_on_counting(duty: Duty) -> None:
    incident = await duty.report("critical")
    await duty.project()
    for _ in range(4):
        assert await on(duty, 5 * MINUTE + SECOND) == ["ESCALATED"]
    facts = [one.fact for one in await duty.history.stream(incident) if isinstance(one.fact, Escalated)]
    assert [(one.level, one.to) for one in facts] == [
        (1, "secondary of core"),
        (2, "lead"),
        (3, "secondary of core"),
        (4, "lead"),
    ]
    assert "level 3 of 4 is secondary of core (round 2 of 2)" in facts[2].decision.why
    assert await duty.deadlines() == {}


async def test_another_team_or_priority_makes_another_plan_and_the_rules_of_before_stay_for_others(
    duty: Duty,
) -> None:
    moved, lowered, untouched = [await duty.report("critical") for _ in range(3)]
    await duty.project()
    before = await duty.all_deadlines()
    await on(duty, 5 * MINUTE + SECOND)
    duty.projector = deadlines(RULES)
    await duty.ask(moved, Reassign(team="other"))
    await duty.ask(lowered, ChangePriority(priority="high"))
    await duty.ask(untouched, Comment(text="It still hurts."))
    await duty.project()
    found = await duty.deadlines()
    assert found[moved] == (1, (await newest(duty, moved))[0] + 5 * MINUTE)
    assert found[lowered] == (1, (await newest(duty, lowered))[0] + 15 * MINUTE)
    assert found[untouched][0] == 2
    plan = "SELECT plan->>'rules_version' FROM escalation.deadline WHERE incident_id = $1 AND step > 0"
    plan += " AND kind = 'escalation'"
    assert await duty.pool.fetchval(plan, untouched) == "whole-1"
    assert await duty.pool.fetchval(plan, moved) == "rules-1"
    assert (untouched, "incident") in before


async def test_a_policy_that_comes_later_is_for_later_waits(duty: Duty) -> None:
    incident = await duty.report("low")
    await duty.project()
    everybody = Policy(name="everybody", steps=(Step(after=MINUTE, to="lead"),))
    duty.projector = deadlines(EscalationRules(version="whole-2", policies=(everybody,)))
    await duty.ask(incident, Comment(text="It still hurts."))
    await duty.project()
    assert await duty.deadlines() == {}
    await duty.ask(incident, Reassign(team="other"))
    await duty.project()
    assert await duty.deadlines() == {incident: (1, (await newest(duty, incident))[0] + MINUTE)}


async def test_a_lagging_projector_brings_back_no_wait_that_is_over(duty: Duty) -> None:
    incident = await duty.report("critical")
    assigned = await duty.history.head()
    await duty.acknowledge(incident)
    acknowledged = await duty.history.head()
    await duty.ask(incident, Unacknowledge())
    await duty.resolve(incident)
    await duty.project(0, assigned)
    await duty.project(assigned, acknowledged)
    assert await duty.all_deadlines() == {}


async def test_sweeps_side_by_side_lapse_each_wait_once(database: Database) -> None:
    async with on_duty(database.app_url, size=8) as duty:
        duty.projector = deadlines(WHOLE)
        incidents = await asyncio.gather(*(duty.report("critical") for _ in range(60)))
        for number, incident in enumerate(incidents):
            if number % 2:
                await duty.acknowledge(incident)
            else:
                await duty.ask(incident, Snooze(until=await duty.clock.now() + MINUTE))
        await duty.project()
        duty.clock.forward(61 * MINUTE)
        while True:
            swept = await asyncio.gather(*(duty.sweep(limit=7) for _ in range(4)))
            if not any(one.claimed for one in swept):
                break
        for number, incident in enumerate(incidents):
            after = (await duty.types(incident))[4:]
            if number % 2:
                # Both an acknowledgement and an incident had run out: either may come first, and once.
                assert sorted(after) in (["RESOLVED"], ["RESOLVED", "UNACKNOWLEDGED"])
            else:
                assert after == ["UNSNOOZED"]


async def test_a_deadline_of_the_release_before_goes_on_until_another_wait_begins(duty: Duty) -> None:
    first, second = await duty.report("critical"), await duty.report("critical")
    await duty.project()
    await duty.pool.execute("UPDATE escalation.deadline SET wait_id = NULL WHERE kind = 'escalation'")
    before = await duty.deadlines()
    await duty.ask(first, Comment(text="Still there."))
    await duty.ask(second, Reassign(team="other"))
    await duty.project()
    found = await duty.deadlines()
    assert found[first] == before[first]
    assert found[second] == (1, (await newest(duty, second))[0] + 5 * MINUTE)
    assert await on(duty, 6 * MINUTE) == ["ESCALATED"] * 2
    await duty.pool.execute("UPDATE escalation.deadline SET wait_id = NULL WHERE kind = 'escalation'")
    await duty.acknowledge(first)
    await duty.ask(second, Reassign(team="third"))
    duty.clock.forward(3 * MINUTE)
    assert (await duty.sweep()).fired == (), "what they speak of is over"
    await duty.project()
    assert set(await duty.deadlines()) == {second}


async def test_a_sweep_of_the_release_before_leaves_other_kinds_alone(duty: Duty) -> None:
    acknowledged, waiting = await duty.report("critical"), await duty.report("critical")
    await duty.acknowledge(acknowledged)
    await duty.project()
    duty.clock.forward(timedelta(hours=2))
    for claim in ("claim_due_v1", "claim_due_v2"):
        rows = await duty.pool.fetch(
            f"SELECT incident_id FROM escalation.{claim}(1::smallint, $1, 10)", await duty.clock.now()
        )
        assert [row["incident_id"] for row in rows] == [waiting]


Story = list[tuple[str, int, int]]
_WHAT = (
    *("critical", "high", "low", "acknowledge", "unacknowledge", "resolve", "reopen", "snooze", "unsnooze"),
    *("assign", "priority", "category", "comment", "merge", "split", "project", "again", "wait", "sweep"),
)
_steps = st.tuples(st.sampled_from(_WHAT), st.integers(0, 40), st.integers(0, 3))


def test_whatever_happens_the_deadlines_are_those_that_history_asks_for(database: Database) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(_steps, max_size=30))
    def tell(story: Story) -> None:
        asyncio.run(told(database.app_url, story))

    tell()


async def told(url: str, story: Story) -> None:
    async with on_duty(url, size=2) as duty:
        duty.projector = deadlines(WHOLE)
        incidents: list[UUID] = []
        await duty.project()
        for what, number, which in story:
            match what:
                case "critical" | "high" | "low":
                    incidents.append(await duty.report(what))
                case "project":
                    await duty.project()
                case "again":
                    await duty.project(max(0, await duty.history.head() - number))
                case "wait":
                    duty.clock.forward(number * MINUTE)
                case "sweep":
                    await duty.sweep()
                case _:
                    await asked(duty, incidents[which % len(incidents)], what, number) if incidents else None
        # What is no longer wanted and still due is dropped by a sweep at the latest.
        while True:
            await duty.project()
            if not (await duty.sweep()).claimed:
                break
        found = {key: due for key, due in (await duty.all_deadlines()).items() if key[0] in incidents}
        wanted = {
            (incident, kind): due
            for incident in incidents
            for kind, due in (await waited(duty, incident)).items()
        }
        assert found == wanted
        await duty.project(0)
        assert {key: due for key, due in (await duty.all_deadlines()).items() if key[0] in incidents} == found


async def asked(duty: Duty, incident: UUID, what: str, number: int) -> None:
    commands: dict[str, Command] = {
        "category": ChangeCategory(category=("network", "database")[number % 2]),
        "unacknowledge": Unacknowledge(),
        "reopen": Reopen(),
        "snooze": Snooze(until=await duty.clock.now() + (number + 1) * MINUTE),
        "unsnooze": Unsnooze(),
        "assign": Reassign(team=f"team-{number % 3}"),
        "priority": ChangePriority(priority=("critical", "high", "low")[number % 3]),
        "comment": Comment(text="Hm."),
        "merge": Merge(into=new_id()),
        "split": Split(),
    }
    try:
        if what in commands:
            await duty.ask(incident, commands[what])
        else:
            await getattr(duty, what)(incident)
    except (InvalidTransition, InvalidInput):
        """The state forbids it: nothing happened."""


async def waited(duty: Duty, incident: UUID) -> dict[str, tuple[int, datetime]]:
    """The deadlines by the history alone, told backwards: in other words than the projector's."""
    history = await duty.history.stream(incident)

    def after(types: str) -> int:
        """How many facts there are up to the newest of these types."""
        return max((one.version for one in history if one.fact.type in types.split()), default=0)

    def then(version: int, field: str) -> Any:
        """What the newest fact up to `version` says of `field`."""
        said = [value for one in history[:version] if (value := getattr(one.fact, field, None)) is not None]
        return said[-1] if said else None

    over, asleep = after("RESOLVED MERGED"), after("SNOOZED")
    if over > after("REOPENED SPLIT"):
        return {}
    if asleep > max(over, after("ACKNOWLEDGED UNACKNOWLEDGED UNSNOOZED")):
        return {"snooze": (1, history[asleep - 1].fact.until)}
    return waking(history, after, then)


def waking(
    history: Sequence[Recorded[Any]], after: Callable[[str], int], then: Callable[[int, str], Any]
) -> dict[str, tuple[int, datetime]]:
    found = {}
    opened = "UNACKNOWLEDGED UNSNOOZED REOPENED SPLIT"
    if after("ACKNOWLEDGED") > after(opened):
        held = after("ACKNOWLEDGED ASSIGNED PRIORITY_CHANGED CATEGORY_CHANGED")
        pause = {"critical": 20, "high": 30, "low": None}[then(held, "priority")]
        pause = 10 if then(held, "category") == "database" else pause
        if pause:
            found["acknowledgement"] = 1, history[held - 1].recorded_at + pause * MINUTE
    else:
        begun = after(f"{opened} ASSIGNED PRIORITY_CHANGED")
        fired = [one.fact for one in history[begun:] if one.fact.type == "ESCALATED"]
        level, since = len(fired), history[begun - 1].recorded_at
        if fired:
            since = fired[-1].due_at + timedelta(seconds=fired[-1].late_by)
        pauses = {"critical": (5, 2, 5, 2), "high": (15,), "low": ()}[then(begun, "priority")]
        if then(begun, "category") == "database":
            pauses = (1,)
        if level < len(pauses):
            found["escalation"] = level + 1, since + pauses[level] * MINUTE
    touched = [
        one for one in history if one.fact.type == "UNSNOOZED" or not one.meta.actor.startswith("system:")
    ][-1]
    if then(len(history), "priority") == "critical" and then(len(history), "category") != "database":
        found["incident"] = 1, touched.recorded_at + 60 * MINUTE
    return found
