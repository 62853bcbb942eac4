"""Streams parked, or taken back, while a read model is rebuilt: the new one says what the live one says."""

from itertools import combinations

import asyncpg
import pytest

from pulseops.incidents import board
from pulseops.incidents.commands import Acknowledge, Assign, Classify, Command, Create, Escalate, Resolve
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Decision, IncidentFact
from pulseops.kernel.envelope import Context, Recorded
from pulseops.kernel.ids import new_id
from pulseops.projections import filling, following
from pulseops.projections.generations import ReadModel, Stretch
from pulseops.projections.rebuild import Step
from tests.conftest import Database
from tests.histories import START, append, report, store
from tests.integration.rebuilding import apart, lead, parked_at, rebuilt, rows, take_back

_RULED = Decision(decided_by="rules", rule="any", rules_version="1", why="")
_FACTS: dict[str, Command] = {
    # What comes to the incident before the rebuild, and as each phase begins.
    "before": Create(title="Parked for a while"),
    "index": Classify(priority="high", category="net", priority_decision=_RULED, category_decision=_RULED),
    "catch up": Assign(team="network", decision=_RULED),
    "catch up again": Escalate(level=1, to="lead", policy="any", due_at=START, late_by=0.0, decision=_RULED),
    "compare": Acknowledge(),
    "switch": Resolve(),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "_WINDOW", 7)
    monkeypatch.setattr(following, "MOST", 5)


class Told:
    """An incident that is told on, a command at a time."""

    def __init__(self) -> None:
        self.id = new_id()
        self._past: list[Recorded[IncidentFact]] = []

    async def on(self, connection: asyncpg.Connection, command: Command) -> int:
        """The position of its fact."""
        incidents = store(1)
        context = Context(actor="user:ada", now=START, command_id=new_id(), correlation_id=new_id())
        draft = incidents.draft(self.id, INCIDENT.fold(self._past), len(self._past), command, context)
        ((_, facts),) = await append(connection, 1, [draft], incidents.settle)
        self._past.extend(facts)
        return facts[-1].position


async def _ten_of_which_one_waits(app: asyncpg.Connection) -> None:
    await report(app, 10)
    await app.execute(
        "INSERT INTO eventstore.subscription (log_id, name, position, updated_at) "
        "VALUES (1, 'incident', 0, clock_timestamp())"
    )
    await parked_at(app, 4)
    await lead(app)


async def test_a_parked_stream_waits_in_the_new_generation_too(
    database: Database, app: asyncpg.Connection
) -> None:
    await _ten_of_which_one_waits(app)
    assert len(await rows(app, "incident")) == 9
    done = await rebuilt(database.app_url, board.MODEL)
    assert done.compared == 9
    assert await rows(app, "incident") == await rows(app, "incident_1")


async def test_a_stream_that_was_parked_for_a_while_is_gone_through_again(
    database: Database, app: asyncpg.Connection
) -> None:
    await _ten_of_which_one_waits(app)

    async def fill(connection: asyncpg.Connection, part: Stretch) -> None:
        await board.MODEL.fill(connection, part)
        await take_back(app)
        await lead(app)

    done = await rebuilt(database.app_url, ReadModel(board.MODEL.projector, fill))
    assert done.compared == 10
    assert await rows(app, "incident") == await rows(app, "incident_1")


@pytest.mark.parametrize(("since", "until"), list(combinations(_FACTS, 2)))
async def test_whenever_it_is_parked_and_taken_back_no_fact_of_it_is_lost(
    database: Database, app: asyncpg.Connection, since: str, until: str
) -> None:
    told, left = Told(), dict(_FACTS)

    async def go_on(connection: asyncpg.Connection, phase: str, others: int) -> None:
        position = await told.on(connection, left.pop(phase))
        await report(connection, others)
        if phase == since:
            await parked_at(connection, position)
        if phase == until:
            await take_back(connection)
        await lead(connection)

    def tell(step: Step) -> None:
        phase = step.phase
        if phase == "catch up" and phase not in left:
            phase = "catch up again"
        if phase in left:
            others = 12 if phase == "index" else 2
            apart(database.app_url, lambda connection: go_on(connection, phase, others))

    await report(app, 10)
    await lead(app)
    await go_on(app, "before", 3)
    done = await rebuilt(database.app_url, board.MODEL, tell=tell)
    assert not left, "it went through every phase"
    assert await rows(app, "incident_2") == await rows(app, "incident_1")
    assert done.compared is not None
    row = await app.fetchrow("SELECT version, acknowledged_by FROM incidents.incident WHERE id = $1", told.id)
    assert tuple(row) == (6, "user:ada")
