"""What leaves the log as a file is what the log says, whatever that is, interrupted as often as may be."""

import asyncio
import itertools
import json
from base64 import b64decode
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings

from pulseops.access.events import KeyCreated
from pulseops.archive import alone
from pulseops.audit import cloudevent
from pulseops.audit.leaf import sealed
from pulseops.catalog.events import TeamDefined
from pulseops.cli.history.exporting import events
from pulseops.eventstore.arriving import Arriving
from pulseops.eventstore.codec import COLUMNS
from pulseops.eventstore.export import Wanted, export
from pulseops.eventstore.history import LogHistory
from pulseops.eventstore.part import NotItsPart, part_of
from pulseops.incidents.events import FACTS
from pulseops.kernel.envelope import Recorded
from pulseops.rulebook.events import RulesApplied
from pulseops.wiring import CODEC
from tests.conftest import Database
from tests.histories import Step, enact, plans, report
from tests.integration.carried import begun
from tests.integration.strange import STRANGE, store

NASTY = [
    "\\",
    '"',
    "\\.",
    "\\N",
    "\\n",
    "\n",
    "a\tb\r\n",
    "\x01\x02\x1f",
    "\x7f\x85\u2028",
    "😀\u202e",
    "{}\\u0041",
]
ATTRIBUTES = {
    *("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"),
    *("position", "recordedtime", "version", "schemaversion", "commandid", "actor", "correlationid"),
}
_names = (f"export-{number}.ndjson" for number in itertools.count(1))


MADE = {"actor", "correlationid"}


def meta_of(event: dict[str, Any]) -> str:
    """A line has either the three fields of meta, or all of it."""
    if "meta" in event:
        assert not event.keys() & (MADE | {"causationid"})
        return b64decode(event["meta"], validate=True).decode()
    meta = {"actor": event["actor"], "correlationId": event["correlationid"]}
    if "causationid" in event:
        meta["causationId"] = event["causationid"]
    return msgspec.json.encode(meta).decode()


EVENTS = Path(__file__).parents[1] / "samples" / "events"


def row_of(line: bytes) -> dict[str, Any]:
    """The row of the log that a line was made of. Strict JSON: Python's own would take more."""
    event = msgspec.json.decode(line)
    assert event.keys() - {"causationid", "meta"} == ATTRIBUTES - (MADE if "meta" in event else set())
    assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
    assert all(name.isalnum() and name.islower() for name in event)
    values = (
        int(event["source"].removeprefix("/pulseops/logs/")),
        int(event["position"]),
        UUID(event["subject"]),
        event["version"],
        event["type"],
        event["schemaversion"],
        UUID(event["id"]),
        UUID(event["commandid"]),
        datetime.fromisoformat(event["time"]),
        datetime.fromisoformat(event["recordedtime"]),
        msgspec.json.encode(event["data"]).decode(),
        meta_of(event),
    )
    return dict(zip(COLUMNS.split(", "), values, strict=True))


def read(file: Path) -> list[Recorded[Any]]:
    """Split at nothing but line feeds: other line ends may stand in a line as they are."""
    *lines, rest = file.read_bytes().split(b"\n")
    assert rest == b""
    return [CODEC.decode(row_of(line)) for line in lines]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans())
async def test_every_line_is_the_event_that_the_log_has(
    app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path, plan: list[Step]
) -> None:
    history, file = LogHistory(pool, CODEC), tmp_path / next(_names)
    before = await history.head()
    await enact(app, 1, plan)
    count = await export(app, Wanted(after=before), file)
    assert read(file) == list(await history.read(before, count + 1))


async def test_no_text_breaks_a_line(app: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path) -> None:
    for text in NASTY:
        await report(app, 1, description=text, labels={text: text})
    file = tmp_path / "all.ndjson"
    assert await export(app, Wanted(), file) == len(NASTY)
    assert [one.fact.description for one in read(file)] == NASTY
    assert read(file) == list(await LogHistory(pool, CODEC).read(0, 100))


async def test_a_line_tells_an_event_whole_that_only_an_intruder_would_write(
    app: asyncpg.Connection, tmp_path: Path
) -> None:
    """Not as a struct reads it, but as it is stored: what is sealed is that."""
    for index, (stored, meta) in enumerate(STRANGE):
        await store(app, stored, meta, kind=NASTY[index % len(NASTY)])
    await export(app, Wanted(), tmp_path / "strange")
    lines = (tmp_path / "strange").read_bytes().splitlines()
    rows = await app.fetch("SELECT * FROM eventstore.event ORDER BY position")
    for line, row in zip(lines, rows, strict=True):
        head, _, data = line.partition(b',"data":')
        event = msgspec.json.decode(head + b"}")
        assert (event["type"], data) == (row["type"], row["data"].encode() + b"}")
        assert await app.fetchval("SELECT $1::text::jsonb = $2::text::jsonb", meta_of(event), row["meta"])


async def test_every_line_is_a_cloud_event_to_those_who_read_them(
    app: asyncpg.Connection, tmp_path: Path
) -> None:
    await report(app, 2, description="\u2028 😀", labels={"a": "b"})
    await store(app, STRANGE[-1][0], STRANGE[-1][1])
    await export(app, Wanted(), tmp_path / "some")
    for line in (tmp_path / "some").read_bytes().splitlines():
        event, row = JSONFormat().read(CloudEvent, line), row_of(line)
        assert (event.get_specversion(), event.get_id()) == ("1.0", str(row["event_id"]))
        assert (event.get_type(), event.get_subject()) == (row["type"], str(row["stream_id"]))
        assert event.get_time() == row["occurred_at"]
        assert event.get_data() == json.loads(row["data"])
        assert event.get_extension("position") == str(row["position"])


async def test_each_fact_that_there_ever_was_is_a_cloud_event_and_comes_back_as_it_was(
    app: asyncpg.Connection, tmp_path: Path
) -> None:
    samples = [json.loads(sample.read_bytes()) for sample in sorted(EVENTS.glob("*.json"))]
    assert {(one["type"], one["schema_version"]) for one in samples} >= {
        (fact.type, 1) for fact in (*FACTS, TeamDefined, KeyCreated, RulesApplied)
    }
    for one in samples:
        await store(app, json.dumps(one["data"]), json.dumps(one["meta"]), kind=one["type"])
    await export(app, Wanted(), tmp_path / "all")
    arriving = Arriving(lambda *_: True)
    lines = (tmp_path / "all").read_bytes().splitlines(keepends=True)
    for line, one in zip(lines, samples, strict=True):
        event = JSONFormat().read(CloudEvent, line)
        assert (event.get_type(), event.get_data()) == (one["type"], one["data"])
        assert event.get_extension("actor") == one["meta"]["actor"]
        row = arriving.row(line)
        assert (json.loads(row["data"]), json.loads(row["meta"])) == (one["data"], one["meta"])
        assert cloudevent.CloudEvent.parsed(line).entry == sealed(row)
        assert alone.event_of(line, "", 0).hash == sha256(b"\0" + sealed(row)).hexdigest()


async def test_only_what_is_wanted_is_there(app: asyncpg.Connection, tmp_path: Path) -> None:
    await report(app, 9)
    await export(app, Wanted(after=2, up_to=5), tmp_path / "some")
    assert [one.position for one in read(tmp_path / "some")] == [3, 4, 5]
    assert await export(app, Wanted(types=("RESOLVED",)), tmp_path / "none") == 0
    assert (tmp_path / "none").read_bytes() == b""
    assert await export(app, Wanted(types=("RESOLVED", "CREATED"), up_to=99), tmp_path / "created") == 9
    assert await export(app, Wanted(log_id=7), tmp_path / "elsewhere") == 0
    assert (tmp_path / "some").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", [0, 1, 700, 5_000, 100_000])
async def test_an_interrupted_export_goes_on_and_comes_out_the_same(
    app: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("pulseops.eventstore.export._WINDOW", 4)
    await report(app, 20)
    await export(app, Wanted(), tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    begun(tmp_path / "again", whole[:kept])
    heard: list[tuple[int, int]] = []
    assert await export(app, Wanted(), tmp_path / "again", progress=lambda *told: heard.append(told)) == 20
    assert (tmp_path / "again").read_bytes() == whole
    assert not (tmp_path / "again.part").exists()
    assert heard[0] == (whole[:kept].count(b"\n"), 20)
    assert heard[-1] == (20, 20)


async def test_a_part_of_something_else_is_not_gone_on_with(app: asyncpg.Connection, tmp_path: Path) -> None:
    await report(app, 20)
    await export(app, Wanted(), tmp_path / "whole")
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    others = {
        "changed": ([*lines[:5], lines[5].replace(b"Incident", b"Accident")], Wanted()),
        "lost": (lines[:2] + lines[4:9], Wanted()),
        "beyond": (lines[:9], Wanted(up_to=4)),
        "before": (lines[:9], Wanted(after=12)),
        "other-types": (lines[:9], Wanted(types=("RESOLVED",))),
        "text": ([b"Dear diary,\n"], Wanted()),
        "number": ([b'{"position":"many"}\n'], Wanted()),
    }
    for name, (kept, wanted) in others.items():
        part = begun(tmp_path / name, b"".join(kept), wanted)
        with pytest.raises(NotItsPart):
            await export(app, wanted, tmp_path / name)
        assert part.read_bytes() == b"".join(kept)
        assert not (tmp_path / name).exists()


async def test_nothing_is_overwritten_and_a_part_has_one_writer(
    app: asyncpg.Connection, tmp_path: Path
) -> None:
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        await export(app, Wanted(), tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"mine"
    with part_of(tmp_path / "new", Wanted().asked), pytest.raises(BlockingIOError):
        await export(app, Wanted(), tmp_path / "new")


def test_from_the_command_line(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fill() -> None:
        connection = await asyncpg.connect(database.app_url)
        await report(connection, 3)
        await connection.close()

    asyncio.run(fill())
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)

    def run(*tokens: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            events(["export", *tokens])
        captured = capsys.readouterr()
        return stopped.value.code, captured.out or captured.err

    file = tmp_path / "log.ndjson"
    assert run("--output", str(file), "--after", "1") == (
        0,
        f"{file} has 2 events. Not all of them are signed, so it cannot be verified alone.\n",
    )
    assert [one.position for one in read(file)] == [2, 3]
    assert run("--output", str(file)) == (1, f"{file} exists already.\n")
    code, told = run("--output", str(tmp_path / "b"), "--type", "CREATED", "--type", "RESOLVED", "--json")
    expected = {"output": str(tmp_path / "b"), "events": 3, "after": 0, "upTo": 3, "signed": None}
    assert (code, json.loads(told)) == (0, expected)
    assert run("--output", str(tmp_path / "no" / "b")) == (
        1,
        f"{tmp_path / 'no' / 'b'} cannot be written: No such file or directory\n",
    )
    (tmp_path / "c.part").write_bytes(b"Dear diary,\n")
    code, told = run("--output", str(tmp_path / "c"))
    assert code == 1
    assert "c.part: What was written before is not the beginning of this export." in told
    assert run("--output", str(tmp_path / "d"), "--after", "-1")[0] == 2
