"""What is no export of a whole log, or has no place where it is to go, is refused and leaves nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from pulseops.eventstore.arriving import NotAnExport
from pulseops.eventstore.directory import create_log
from pulseops.eventstore.importing import CannotImport
from pulseops.incidents.events import Commented, Created
from tests.conftest import Database
from tests.integration.appending import append, event, request
from tests.integration.importing import NOW, owner, rows, taken_in, taken_out
from tests.integration.rebuilding import apart
from tests.integration.strange import STRANGE, store

Lines = list[bytes]


def edited(line: int, **fields: Any) -> Callable[[Lines], Lines]:
    """The file with some attributes of a line, counted from 1, replaced; None takes one away."""

    def edit(lines: Lines) -> Lines:
        event = json.loads(lines[line - 1])
        data = fields.get("data", json.dumps(event.pop("data")))
        told = {name: value for name, value in (event | fields).items() if value is not None}
        head = json.dumps({name: value for name, value in told.items() if name != "data"})[:-1]
        lines[line - 1] = f'{head},"data":{data}}}\n'.encode()
        return lines

    return edit


def of_line(line: int, name: str, other: int) -> Callable[[Lines], Lines]:
    """The file with an attribute of a line put into another one."""
    return lambda lines: edited(other, **{name: json.loads(lines[line - 1])[name]})(lines)


BAD: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "empty": (lambda _: [], "The file is empty."),
    "cut off": (lambda lines: [*lines[:-1], lines[-1][:-9]], "is cut off"),
    "cut off within": (lambda lines: [lines[0], lines[1][:-9], *lines[2:]], "Line 2 is no event"),
    "carried as text": (lambda lines: [line[:-1] + b"\r\n" for line in lines], "Line 1 ends with CR LF"),
    "one line carried as text": (
        lambda lines: [*lines[:2], lines[2][:-1] + b"\r\n", *lines[3:]],
        "Line 3 ends",
    ),
    "filtered": (lambda lines: [lines[0], *lines[2:]], "Line 2 has position 3, where 2 is to come"),
    "a part": (lambda lines: lines[1:], "Line 1 has position 2, where 1 is to come"),
    "a line twice": (lambda lines: [lines[0], *lines], "Line 2 has position 1"),
    "an empty line": (lambda lines: [*lines[:2], b"\n", *lines[2:]], "Line 3 is no event"),
    "in columns": (lambda _: [b"PAR1", b"\0" * 99, b"PAR1"], "an export in columns"),
    "something else": (lambda _: [b"id,title\n", b"1,x\n"], "is no event"),
    "a position that cannot be": (edited(6, position="9" * 17), "Its last line is no event"),
    "another log": (edited(4, source="/pulseops/logs/2"), "Line 4 is of log 2, the lines above it are of 1"),
    "another system": (edited(1, source="/github"), "Line 1 is from /github, which is no log"),
    "an attribute that nobody knows": (edited(2, colour="red"), "Line 2 is no event.*colour"),
    "nobody": (edited(2, actor=None), "Line 2 is no event.*who"),
    "no meta": (edited(2, actor=None, correlationid=None, meta="ew=="), "Line 2 is no event"),
    "meta twice": (edited(2, meta="e30="), "Line 2 is no event.*told twice"),
    "half a character": (edited(3, data='{"title": "\\ud800"}'), "Line 3 is no event"),
    "a time without a zone": (edited(2, recordedtime="2026-01-01T00:00:00"), "Line 2 is no event"),
    "a clock that steps back": (edited(2, recordedtime="2001-01-01T00:00:00Z"), "Line 2 was recorded before"),
    "a fact of a newer release": (edited(3, type="HEALED"), "Line 3 holds HEALED version 1.*newer"),
    "a shape of a newer release": (edited(3, schemaversion=2), "Line 3 holds .* version 2.*newer"),
    "data that is none": (edited(3, data='{"title":}'), "Line 3 is no event.*malformed"),
    "more than data": (edited(3, data='{}, "more": 1'), "Line 3 is no event.*trailing"),
    "what PostgreSQL cannot hold": (edited(3, data='{"title": "\\u0000"}'), "Line 3 cannot be in a log"),
    "a version left out": (edited(5, version=7), "line 5 has version 7 of its stream, where"),
    "a version twice": (edited(2, version=1), "Line 2 cannot be in a log"),
    "an event twice": (of_line(1, "id", 6), "line 6 has the event of line 1 again"),
    "a command of two streams": (of_line(1, "commandid", 6), "line 6 belongs to the command"),
}


@pytest.fixture
async def history(app: asyncpg.Connection, database: Database, tmp_path: Path) -> Lines:
    """Of two incidents, three events each."""
    for _ in range(2):
        facts = (Created(title="Once"), Commented(text="and"), Commented(text="again"))
        events = tuple(replace(event(), type=fact.type, data=fact) for fact in facts)
        await append(app, replace(request(), events=events))
    return (await taken_out(database.app_url, tmp_path / "good")).read_bytes().splitlines(keepends=True)


async def test_what_is_no_export_of_a_whole_log_is_refused_by_its_line_and_leaves_nothing(
    history: Lines, twin: Database, tmp_path: Path
) -> None:
    assert len(history) == 6
    for name, (edit, told) in BAD.items():
        (file := tmp_path / "bad").write_bytes(b"".join(edit([*history])))
        with pytest.raises(NotAnExport, match=told):
            await taken_in(twin.admin_url, file)
        for relation in ("event", "stream", "command", "claim"):
            assert await rows(twin.admin_url, f"eventstore.{relation}") == [], name
    (file := tmp_path / "good").write_bytes(b"".join(history))
    assert await taken_in(twin.admin_url, file) == 6


async def test_it_goes_into_no_log_that_has_a_history_or_another_number(
    history: Lines, database: Database, twin: Database, tmp_path: Path
) -> None:
    file = tmp_path / "good"
    for log, told in (
        ("default", "default has a history already"),
        ("acme", "The export is of log 1, and acme is log 2"),
        ("beta", "The export is of log 1, which here is default"),
    ):
        async with owner(database.admin_url) as connection:
            if log == "acme":
                await create_log(connection, log, now=NOW)
        with pytest.raises(CannotImport, match=told):
            await taken_in(database.admin_url, file, log=log)
    async with owner(twin.admin_url) as connection:
        # A command that changed nothing is remembered without an event.
        await connection.execute(
            "SELECT eventstore.append_v2(1::smallint, jsonb_build_array(jsonb_build_object("
            "'stream_id', $1::text, 'expected_version', 0, 'command_id', $1::text, 'events', '[]'::jsonb)))",
            "01a229b3-739f-748d-914c-200089320ccb",
        )
    with pytest.raises(CannotImport, match="has a history already"):
        await taken_in(twin.admin_url, file)


async def test_what_refuses_at_the_end_leaves_nothing_either(
    history: Lines, twin: Database, tmp_path: Path
) -> None:
    assert history

    def refuse() -> None:
        raise CannotImport

    with pytest.raises(CannotImport):
        await taken_in(twin.admin_url, tmp_path / "good", agree=refuse)
    assert await rows(twin.admin_url, "eventstore.event") == []


async def test_an_import_that_is_killed_when_all_is_there_has_left_nothing_and_comes_again(
    history: Lines, twin: Database, tmp_path: Path
) -> None:
    async def kill(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await taken_in(twin.admin_url, tmp_path / "good", agree=lambda: apart(twin.admin_url, kill))
    assert await rows(twin.admin_url, "eventstore.event") == []
    assert await taken_in(twin.admin_url, tmp_path / "good") == len(history)


async def test_whatever_an_intruder_wrote_into_history_comes_in_as_it_is(
    app: asyncpg.Connection, database: Database, twin: Database, tmp_path: Path
) -> None:
    for data, meta in STRANGE:
        await store(app, data, meta, kind="CREATED")
    file = await taken_out(database.app_url, tmp_path / "strange")
    assert await taken_in(twin.admin_url, file) == len(STRANGE)
    async with owner(database.admin_url) as here, owner(twin.admin_url) as there:
        for query in ("SELECT * FROM eventstore.event ORDER BY position",):
            assert await there.fetch(query) == await here.fetch(query)
