"""The client reads what newer servers say, and needs nothing of a server to do so."""

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from pulseops.client.reading import reader
from pulseops.client.results import Batch, Page, Service, Story
from pulseops.incidents.entries import EventEntry
from pulseops.incidents.incident import Deduplicated, Incident

ID = "019abcde-0000-7000-8000-000000000001"
AT = "2026-11-23T12:00:00Z"


def an_incident(**fields: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "status": "open",
        "title": "t",
        "description": "",
        "source": "user",
        "service": None,
        "environment": None,
        "labels": {},
        "dedupKey": None,
        "occurredAt": AT,
        "createdAt": AT,
        "updatedAt": AT,
        "version": 3,
        "position": 3,
        **fields,
    }


def test_words_and_fields_of_a_newer_server_are_let_through() -> None:
    newer = an_incident(
        status="postponed",
        priority="apocalyptic",
        resolution="wished_away",
        mood={"deep": [1]},
        links=[{"url": "https://example.com", "relation": "haunts", "colour": "red"}],
        timeline=[{"event": "POSTPONED", "timestamp": AT, "details": {"a": 1}, "mood": 2}],
    )
    story = reader(Story)(json.dumps(newer).encode())
    told: tuple[str, str | None, str] = (story.status, story.priority, story.links[0].relation)
    assert told == ("postponed", "apocalyptic", "haunts")
    assert (story.timeline[0].event, story.timeline[0].details) == ("POSTPONED", {"a": 1})
    assert isinstance(story, Story)
    assert isinstance(story, Incident)


def test_what_is_inside_pages_and_batches_is_as_open() -> None:
    page = json.dumps({"items": [an_incident(status="new")], "nextCursor": None, "total": 1}).encode()
    found = reader(Page[Incident])(page)
    assert isinstance(found.items[0], Incident)
    assert found.items[0].status == "new"  # type: ignore[comparison-overlap]  # of a newer server
    batch = json.dumps({"items": [{"status": 207, "incident": an_incident(status="new")}]}).encode()
    with pytest.raises(msgspec.ValidationError, match="stored"):
        reader(Batch)(batch)
    service = reader(Service)(b'{"name":"a","team":"b","source":"guessed","tier":9,"labels":{"x":"y"}}')
    assert (service.tier, service.labels, service.version) == (9, {"x": "y"}, 0)


def test_what_is_written_is_read_back_as_it_was() -> None:
    entry = {
        "position": 1,
        "id": ID,
        "type": "RESOLVED",
        "incidentId": ID,
        "version": 2,
        "recordedAt": AT,
        "occurredAt": AT,
        "actor": "key:ci",
        "correlationId": ID,
        "data": {"note": "done"},
    }
    found = reader(EventEntry)(json.dumps(entry).encode())
    assert json.loads(msgspec.json.encode(found)) == entry
    incident = reader(Deduplicated)(json.dumps(an_incident()).encode())
    assert json.loads(msgspec.json.encode(incident)).items() >= an_incident().items()
    assert incident == reader(Deduplicated)(json.dumps(an_incident()).encode())
    assert repr(incident).startswith("Deduplicated(id=UUID(")


@pytest.mark.parametrize("wrong", [b"", b"[]", b"{}", b'{"id":1}', b"\xff"])
def test_what_is_no_incident_is_not_taken_for_one(wrong: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        reader(Incident)(wrong)


def test_the_client_is_there_without_what_a_server_needs() -> None:
    asked = "import sys, pulseops.client; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    servers = {"alembic", "arq", "asyncpg", "litestar", "prometheus_client", "redis", "sqlalchemy", "uvicorn"}
    assert servers & set(loaded.stdout.split()) == set()
