"""What a deadline says of its incident is what the history says, or it is not gone by."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pulseops.escalation.moves import pinned, stood
from pulseops.escalation.sweep import _CLAIM, _json
from pulseops.escalation.waits import waits_of
from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Decision, Escalated
from pulseops.kernel.envelope import Meta, Recorded
from pulseops.kernel.ids import derived_id, new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import assemble
from tests.conftest import Database
from tests.integration.duty import MINUTE, Duty, on_duty

_LATER = 10 * MINUTE
_NEVER_AGAIN = timedelta(days=1)


async def claimed(duty: Duty, ahead: timedelta) -> Sequence[Mapping[str, Any]]:
    async with duty.pool.acquire() as connection:
        rows: Sequence[Mapping[str, Any]] = await connection.fetch(
            _CLAIM, duty.log_id, await duty.clock.now() + ahead, 500
        )
        return rows


async def test_what_deadlines_say_is_what_histories_say(database: Database) -> None:
    async with on_duty(database.app_url) as duty:
        incidents = await asyncio.gather(*(duty.report("critical") for _ in range(40)))
        await duty.project()
        for _ in range(2):
            duty.clock.forward(6 * MINUTE)
            await duty.sweep(limit=25)
        for incident in incidents[::5]:
            await duty.acknowledge(incident)
        rows = await claimed(duty, _NEVER_AGAIN)
        standings = {row["incident_id"]: pinned(row) for row in rows}
        assert len(rows) == 40
        assert {incident for incident, one in standings.items() if one is None} == set(incidents[::5])
        for incident, standing in standings.items():
            past = await duty.history.stream(incident)
            incident_then = INCIDENT.fold(past)
            assert incident_then is not None
            told = stood(waits_of(incident_then, past))
            assert standing in {None, replace(told, last=None, since=None)}


async def test_an_answer_is_never_overlooked_for_what_the_deadline_says(database: Database) -> None:
    async with on_duty(database.app_url) as duty:
        incident = await duty.report("critical")
        await duty.project()
        await duty.acknowledge(incident)
        duty.clock.forward(_LATER)
        assert (await duty.sweep()).fired == ()
        assert await duty.deadlines() == {}


async def test_a_level_fired_by_the_release_before_is_followed_by_the_next(database: Database) -> None:
    async with on_duty(database.app_url) as duty:
        incident = await duty.report("critical")
        await duty.project()
        duty.clock.forward(_LATER)
        now = await duty.clock.now()
        step, due_at = (await duty.deadlines())[incident]
        past = await duty.history.stream(incident)
        event = NewEvent(
            type="ESCALATED",
            schema_version=1,
            event_id=new_id(),
            occurred_at=now,
            data=Escalated(
                level=step, to="lead", policy="critical", due_at=due_at, late_by=1.0, decision=_WHY
            ),
            meta=Meta(actor="system:escalation", correlation_id=past[0].meta.correlation_id),
        )
        request = AppendRequest(
            stream_id=incident,
            expected_version=3,
            command_id=derived_id("escalate", 1, incident, "critical", step),
            events=(event,),
        )
        move = {"incident_id": incident, "ordinal": 1, "step": 2, "due_at": now + MINUTE}
        fired = "SELECT * FROM escalation.fire_v1($1, $2, $3)"
        await duty.pool.fetch(fired, 1, _json([request]), msgspec.json.encode([move]).decode())

        duty.clock.forward(_LATER)
        (second,) = (await duty.sweep()).fired
        assert second.level == 2
        newest = (await duty.history.stream(incident))[-1]
        assert newest.meta.causation_id == event.event_id
        assert newest.meta.correlation_id == past[0].meta.correlation_id


async def test_no_inline_reactor_waits_for_an_escalation(database: Database) -> None:
    async with on_duty(database.app_url) as duty:
        incident = await duty.report("critical")
        await duty.project()
        duty.clock.forward(_LATER)
        await duty.sweep()
        past: Sequence[Recorded[Any]] = await duty.history.stream(incident)
        assert isinstance(past[-1].fact, Escalated)
        store = assemble(duty.gateway, duty.history, load_rulebook(None))
        for reactor in store._reactors:
            assert list(reactor.react(past[-1], INCIDENT.fold(past))) == []


@pytest.mark.parametrize("level", [None, 1, 7])
async def test_a_deadline_that_does_not_know_its_level_asks_history(
    database: Database, level: int | None
) -> None:
    async with on_duty(database.app_url) as duty:
        incident = await duty.report("critical")
        await duty.project()
        await duty.pool.execute("UPDATE escalation.deadline SET level = $1", level)
        duty.clock.forward(_LATER)
        (row,) = await claimed(duty, MINUTE)
        assert pinned(row) is None
        assert [one.incident_id for one in (await duty.sweep()).fired] == [incident]


_WHY = Decision(decided_by="rules", rule="policies.critical", rules_version="rules-0", why="It is a test.")
