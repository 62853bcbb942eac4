"""Forged calls of the append function by whoever has the application's login, and what catches each.

Not caught, because the database cannot know it: who acted. `meta` is the application's word.
"""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from pulseops.eventstore.directory import create_log
from pulseops.incidents.board import BOARD
from pulseops.kernel.clock import utc_now
from pulseops.kernel.ids import new_id
from pulseops.subscriptions.slices import Slice
from tests.integration.appending import V1, V2, append, positions, request

_ROWS = "SELECT e::text FROM eventstore.event e"
_KEPT = "SELECT array_agg(c::text ORDER BY name) FROM eventstore.claim c"

_Batch = list[dict[str, Any]]

_VICTIM, _COMMAND = new_id(), new_id()


def _on(**fields: Any) -> Callable[[_Batch], Any]:
    return lambda batch: [batch[0] | fields]


def _event(**fields: Any) -> Callable[[_Batch], Any]:
    return lambda batch: [batch[0] | {"events": [batch[0]["events"][0] | fields]}]


def _without(field: str) -> Callable[[_Batch], Any]:
    return lambda batch: [
        batch[0] | {"events": [{key: one for key, one in batch[0]["events"][0].items() if key != field}]}
    ]


# What is asked, and what catches it: a verdict, or an error with these words.
_FORGED: dict[str, tuple[Callable[[_Batch], Any], str]] = {
    "a version that was": (_on(stream_id=_VICTIM, expected_version=1), "conflict"),
    "a version that is skipped": (_on(stream_id=_VICTIM, expected_version=7), "conflict"),
    "the first of a stream that is not there": (_on(expected_version=1), "conflict"),
    "no version at all": (_on(stream_id=_VICTIM, expected_version=None), "conflict"),
    "a version below all": (_on(stream_id=_VICTIM, expected_version=-1), "conflict"),
    "another fact under a command that was": (_on(command_id=_COMMAND, fingerprint=new_id()), "reused"),
    "a name that another holds": (_on(take="disk"), "taken"),
    "one stream twice": (
        lambda batch: [batch[0], batch[0] | {"command_id": new_id()}],
        "version_key|a second time",
    ),
    "one command twice": (lambda batch: [batch[0], batch[0] | {"stream_id": new_id()}], "command_pkey"),
    "no stream": (_on(stream_id=None), "not-null"),
    "no command": (_on(command_id=None), "not-null"),
    "a shape below all": (_event(schema_version=-1), '"schema_version"'),
    **{
        f"a fact of {when}": (_event(occurred_at=when), '"occurred_at"')
        for when in ("infinity", "-infinity", "0044-03-15 BC", "10000-01-01Z")
    },
    "a version beyond all numbers": (_on(expected_version=2**40), "out of range"),
    "facts that are no list": (_on(events={"type": "NOTED"}), "array"),
    "a batch that is no list": (lambda batch: batch[0], "jsonb_to_recordset"),
    **{
        f"a fact without {field}": (_without(field), f'"{field}"')
        for field in ("type", "schema_version", "event_id", "occurred_at", "data", "meta")
    },
}
# What has no effect: only the database says where and when a fact comes.
_IGNORED: dict[str, Callable[[_Batch], Any]] = {
    "a position": _event(position=1),
    "a position of the request": _on(position=1, last_position=1, new_version=1),
    "a version of the fact": _event(version=1),
    "a time": _event(recorded_at="2001-01-01T00:00:00Z"),
    "another log": _on(log_id=2),
    "another log in the fact": _event(log_id=2),
    "a name that another gives back": _on(release="disk"),
}


@pytest.fixture(autouse=True)
async def history(app: asyncpg.Connection, admin: asyncpg.Connection) -> AsyncIterator[None]:
    """Two facts of a stream that holds a name, in the first log; one in a second. They stay what they are."""
    await append(app, request(_VICTIM, events=2, command_id=_COMMAND, fingerprint=new_id(), take="disk"))
    log_id = await create_log(app, "second", now=utc_now())
    await append(app, request(), log=log_id)
    before, kept = await admin.fetch(_ROWS), await admin.fetchval(_KEPT)
    yield
    assert {row[0] for row in before} <= {row[0] for row in await admin.fetch(_ROWS)}
    assert await admin.fetchval(_KEPT) == kept


async def _forge(
    connection: asyncpg.Connection, change: Callable[[_Batch], Any], *, log: int | None = 1, by: str = V2
) -> str:
    """The verdict, or the error's words; nothing stays."""
    batch = change(msgspec.json.decode(msgspec.json.encode([request()])))
    transaction = connection.transaction()
    await transaction.start()
    try:
        [row] = await connection.fetch(by, log, msgspec.json.encode(batch).decode())
    except asyncpg.PostgresError as error:
        return str(error)
    finally:
        await transaction.rollback()
    return str(row["verdict"])


@pytest.mark.parametrize("by", [V1, V2], ids=["v1", "v2"])
async def test_what_is_forged_is_caught(app: asyncpg.Connection, by: str) -> None:
    amiss = {}
    for name, (change, caught) in _FORGED.items():
        said = await _forge(app, change, by=by)
        if re.search(caught, said) is None:
            amiss[name] = said
    assert amiss == {}


async def test_there_is_no_other_log_to_append_to(app: asyncpg.Connection) -> None:
    for log in (0, 3, -1, 32_767, None):
        assert "There is no log" in await _forge(app, lambda batch: batch, log=log)


async def test_where_and_when_a_fact_comes_is_for_the_database_to_say(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    last = await admin.fetchval("SELECT max(recorded_at) FROM eventstore.event WHERE log_id = 1")
    for position, change in enumerate(_IGNORED.values(), start=3):
        batch = change(msgspec.json.decode(msgspec.json.encode([request()])))
        await app.fetch(V2, 1, msgspec.json.encode(batch).decode())
        newest = await admin.fetchrow(
            "SELECT * FROM eventstore.event WHERE log_id = 1 ORDER BY position DESC"
        )
        assert (newest["position"], newest["version"]) == (position, 1)
        assert newest["recorded_at"] >= last
        last = newest["recorded_at"]
    assert await positions(app, 2) == [1]


async def test_a_stream_of_another_log_is_another_stream(app: asyncpg.Connection) -> None:
    assert await _forge(app, _on(stream_id=_VICTIM, expected_version=2), log=2) == "conflict"
    assert await _forge(app, _on(take="disk"), log=2) == "stored", "names are of one log as well"


async def test_a_fact_of_no_known_kind_stops_at_the_projector_and_changes_no_read_model(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    forged = _event(type="FORGED")(msgspec.json.decode(msgspec.json.encode([request()])))
    await app.fetch(V2, 2, msgspec.json.encode(forged).decode())
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="FORGED"):
        await BOARD.project(app, Slice(log_id=2, after=1, up_to=2))
    assert await admin.fetchval("SELECT count(*) FROM incidents.incident") == 0
