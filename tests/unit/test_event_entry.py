"""An event as the outside is told it is the same from memory and from the database's row."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from pulseops.incidents.entries import line, of_incident, of_recorded, of_row
from pulseops.incidents.events import Created
from pulseops.kernel.envelope import Meta, Recorded

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
RECORDED = Recorded(
    log_id=1,
    position=7,
    stream_id=UUID(int=1),
    version=3,
    event_id=UUID(int=2),
    command_id=UUID(int=3),
    occurred_at=AT,
    recorded_at=AT,
    fact=Created(title="Two\nlines\u2028and one"),
    meta=Meta(actor="key:ci", correlation_id=UUID(int=4), causation_id=UUID(int=5)),
)
ROW = {
    "position": 7,
    "stream_id": UUID(int=1),
    "version": 3,
    "type": "CREATED",
    "event_id": UUID(int=2),
    "occurred_at": AT,
    "recorded_at": AT,
    "data": msgspec.json.encode(RECORDED.fact).decode(),
    "meta": msgspec.json.encode(RECORDED.meta).decode(),
}


def test_memory_and_the_row_tell_the_same_on_one_line() -> None:
    told = line(of_recorded(RECORDED))
    assert told == line(of_row(ROW))
    assert b"\n" not in told
    assert msgspec.json.decode(told) == {
        "position": 7,
        "id": str(UUID(int=2)),
        "type": "CREATED",
        "incidentId": str(UUID(int=1)),
        "version": 3,
        "recordedAt": "2026-05-01T12:00:00Z",
        "occurredAt": "2026-05-01T12:00:00Z",
        "actor": "key:ci",
        "correlationId": str(UUID(int=4)),
        "causationId": str(UUID(int=5)),
        "data": {"title": "Two\nlines\u2028and one"},
    }


def test_a_row_of_a_newer_release_is_told_as_it_is() -> None:
    row = {**ROW, "type": "PONDERED", "data": '{"over": [1, {"two": 3}]}'}
    assert msgspec.json.decode(line(of_row(row)))["data"] == {"over": [1, {"two": 3}]}


@pytest.mark.parametrize(("kind", "whether"), [("CREATED", True), ("TEAM.DEFINED", False)])
def test_types_with_a_dot_are_of_other_things(kind: str, *, whether: bool) -> None:
    assert of_incident(kind) is whether
