"""The store on a real log: commands that change nothing, and several streams in one commit."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from pulseops.eventstore.append import AppendResult
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.history import LogHistory
from pulseops.eventstore.outcome import Part
from pulseops.incidents.commands import Acknowledge, Command, Create, Resolve
from pulseops.incidents.incident import Incident
from pulseops.incidents.store import Incidents
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import (
    CommandReused,
    InvalidTransition,
    NameTaken,
    NotFound,
    VersionConflict,
)
from pulseops.kernel.ids import new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import CODEC, assemble
from tests.conftest import Database
from tests.integration.appending import positions

_COMMANDS = "SELECT count(*) FROM eventstore.command"


@pytest.fixture
async def incidents(database: Database, pool: asyncpg.Pool) -> AsyncIterator[Incidents]:
    gateway = Gateway(database.app_url)
    await gateway.start()
    yield assemble(gateway, LogHistory(pool, CODEC), load_rulebook())
    await gateway.stop()


def context(key: UUID | None = None, mark: UUID | None = None) -> Context:
    return Context(
        actor="key:probe",
        now=utc_now(),
        command_id=key or new_id(),
        correlation_id=new_id(),
        fingerprint=mark or (key and UUID(int=1)),
    )


async def created(incidents: Incidents, *, dedup_key: str | None = None) -> UUID:
    one = new_id()
    await incidents.execute(one, Create(title="a", dedup_key=dedup_key), context(), expected_version=0)
    return one


def part(
    stream_id: UUID, command: Command, given: Context | None = None, at: int | None = None
) -> Part[Command]:
    return Part(stream_id=stream_id, command=command, context=given or context(), expected_version=at)


async def test_what_changes_nothing_is_remembered_under_a_key_and_only_then(
    incidents: Incidents, app: asyncpg.Connection
) -> None:
    one, key = await created(incidents), new_id()
    await incidents.execute(one, Acknowledge(), context())
    before = await app.fetchval(_COMMANDS)
    await incidents.execute(one, Acknowledge(), context())
    assert await app.fetchval(_COMMANDS) == before
    first = await incidents.execute(one, Acknowledge(), context(key))
    await incidents.execute(one, Resolve(), context())
    again = await incidents.execute(one, Acknowledge(), context(key))
    assert (first.replayed, first.facts, again.replayed, again.facts) == (False, (), True, ())
    assert again.state == first.state
    with pytest.raises(CommandReused):
        await incidents.execute(one, Acknowledge(), context(key, UUID(int=2)))
    assert len(await positions(app)) == 5


async def test_what_the_caller_may_not_see_is_neither_changed_nor_replayed(
    incidents: Incidents, app: asyncpg.Connection
) -> None:
    one, key = await created(incidents), new_id()
    seen: list[Incident | None] = []

    def nothing(incident: Incident | None) -> None:
        seen.append(incident)
        raise NotFound

    with pytest.raises(NotFound):
        await incidents.execute(one, Acknowledge(), context(key), allow=nothing)
    assert len(await positions(app)) == 3
    await incidents.execute(one, Acknowledge(), context(key), allow=seen.append)
    await incidents.execute(one, Resolve(), context())
    await incidents.execute(one, Acknowledge(), context(key), allow=seen.append)
    with pytest.raises(NotFound):
        await incidents.execute(one, Acknowledge(), context(key), allow=nothing)
    assert [incident.status for incident in seen if incident] == ["open"] * 4, "as the command met it"


async def test_several_streams_change_together_in_one_commit(
    incidents: Incidents, app: asyncpg.Connection
) -> None:
    first, second, third = [await created(incidents) for _ in range(3)]
    await incidents.execute(third, Acknowledge(), context())
    outcomes = await incidents.together(
        [part(first, Resolve()), part(second, Acknowledge(), at=3), part(third, Acknowledge())]
    )
    assert [one.state.status for one in outcomes if one.state] == ["resolved", "acknowledged", "acknowledged"]
    assert [[fact.position for fact in one.facts] for one in outcomes] == [[11], [12], []]
    assert await app.fetchval("SELECT count(DISTINCT xmin::text) FROM eventstore.event") == 5


async def test_where_one_of_several_conflicts_nothing_of_them_is_stored(
    incidents: Incidents, app: asyncpg.Connection
) -> None:
    first, second = await created(incidents, dedup_key="disk"), await created(incidents)
    before = await app.fetchval(_COMMANDS)
    for bad, error in (
        (part(second, Acknowledge(), at=2), VersionConflict),
        (part(new_id(), Acknowledge()), NotFound),
        (part(new_id(), Create(title="b", dedup_key="disk"), at=0), NameTaken),
    ):
        with pytest.raises(error):
            await incidents.together([part(first, Resolve()), bad])
    assert await app.fetchval(_COMMANDS) == before
    assert await app.fetchval("SELECT stream_id FROM eventstore.claim") == first
    assert len(await positions(app)) == 6


async def test_a_race_is_decided_again_for_all_of_them(incidents: Incidents, app: asyncpg.Connection) -> None:
    first, second = await created(incidents), await created(incidents)
    history, reads = incidents.history, asyncio.Event()

    class Meanwhile:
        """After the first look, somebody else acknowledges one of them."""

        async def stream(self, stream_id: UUID, **options: int | None) -> object:
            past = await history.stream(stream_id, **options)
            if stream_id == second and not reads.is_set():
                reads.set()
                await incidents.execute(second, Acknowledge(note="mine"), context())
            return past

    incidents.history = Meanwhile()  # type: ignore[assignment]  # only what is asked of it
    outcomes = await incidents.together([part(first, Acknowledge()), part(second, Resolve())])
    assert [[fact.version for fact in one.facts] for one in outcomes] == [[4], [5]]
    assert await positions(app) == list(range(1, 10))


async def test_a_repetition_of_several_is_answered_as_the_first_time(
    incidents: Incidents, app: asyncpg.Connection
) -> None:
    first, second = await created(incidents), await created(incidents)
    await incidents.execute(second, Acknowledge(), context())
    keys = new_id(), new_id()

    def parts() -> list[Part[Command]]:
        return [part(first, Resolve(), context(keys[0])), part(second, Acknowledge(), context(keys[1]))]

    twice = await asyncio.gather(incidents.together(parts()), incidents.together(parts()))
    assert sorted(one.replayed for one in (*twice[0], *twice[1])) == [False, False, True, True]
    await incidents.execute(second, Resolve(), context())
    later = await incidents.together(parts())
    assert [one.replayed for one in later] == [True, True]
    assert [one.state for one in later] == [one.state for one in twice[0]] == [one.state for one in twice[1]]
    assert len(await positions(app)) == 9
    for strange in (
        [part(first, Resolve(), context(keys[0])), part(second, Acknowledge(), context(new_id()))],
        [part(first, Resolve(), context(keys[0])), part(second, Acknowledge())],
        [
            part(first, Resolve(), context(keys[0], UUID(int=2))),
            part(second, Acknowledge(), context(keys[1])),
        ],
    ):
        with pytest.raises(CommandReused):
            await incidents.together(strange)


async def test_what_is_refused_is_not_remembered(incidents: Incidents, app: asyncpg.Connection) -> None:
    one, key = await created(incidents), new_id()
    with pytest.raises(VersionConflict):
        await incidents.execute(one, Acknowledge(), context(key), expected_version=2)
    await incidents.execute(one, Resolve(), context())
    with pytest.raises(InvalidTransition):
        await incidents.execute(one, Acknowledge(), context(key))
    assert await app.fetchval("SELECT count(*) FROM eventstore.command WHERE command_id = $1", key) == 0


async def test_of_several_the_caller_must_be_allowed_to_see_each(
    incidents: Incidents, app: asyncpg.Connection
) -> None:
    first, second = await created(incidents), await created(incidents)
    keys = new_id(), new_id()

    def parts() -> list[Part[Command]]:
        return [part(first, Resolve(), context(keys[0])), part(second, Acknowledge(), context(keys[1]))]

    def not_the_second(incident: Incident | None) -> None:
        if incident is None or (incident.id == second and incident.status == "open"):
            raise NotFound

    for seen in (6, 8):
        with pytest.raises(NotFound):
            await incidents.together(parts(), allow=not_the_second)
        assert len(await positions(app)) == seen
        await incidents.together(parts())


async def test_a_repetition_that_looks_while_the_first_is_stored_gets_its_answer(
    incidents: Incidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several command ids the one is looked for before that commit, and the other after it."""
    parts = [part(await created(incidents), Acknowledge(), context(new_id())) for _ in range(2)]
    look, looked = incidents.history.answered, list[UUID]()

    async def slow(command_id: UUID, fingerprint: UUID | None) -> AppendResult | None:
        found = await look(command_id, fingerprint)
        looked.append(command_id)
        if len(looked) == 1:
            await incidents.together(parts)
        return found

    monkeypatch.setattr(incidents.history, "answered", slow)
    assert [outcome.replayed for outcome in await incidents.together(parts)] == [True, True]
