"""Stored facts are for ever: what was written once is read for ever."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pulseops.eventstore.codec import COLUMNS, Codec, UnknownFact, Upcaster
from pulseops.incidents.events import FACTS, Candidate, Created, Decision
from pulseops.kernel.envelope import Fact, Meta

_TIME = datetime(2026, 1, 2, tzinfo=UTC)


class Third(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    type = "THING"
    schema_version = 3
    full_name: str
    seen_at: datetime
    size: int = 1


def row(kind: str, schema_version: int, data: str) -> dict[str, Any]:
    return {
        "log_id": 1,
        "position": 9,
        "stream_id": UUID(int=1),
        "version": 2,
        "type": kind,
        "schema_version": schema_version,
        "event_id": UUID(int=2),
        "command_id": UUID(int=3),
        "occurred_at": _TIME,
        "recorded_at": _TIME,
        "data": data,
        "meta": '{"actor":"user:ada","correlationId":"00000000-0000-0000-0000-000000000004"}',
    }


def test_a_row_has_every_column_that_is_read() -> None:
    assert set(row("", 1, "")) == set(COLUMNS.split(", "))


def test_a_row_becomes_a_fact_in_its_place() -> None:
    recorded = Codec(FACTS).decode(row("CREATED", 1, '{"title":"Disk full","labels":{"a":"b"}}'))
    assert recorded.fact == Created(title="Disk full", labels={"a": "b"})
    assert (recorded.position, recorded.version, recorded.stream_id) == (9, 2, UUID(int=1))
    assert recorded.meta == Meta(actor="user:ada", correlation_id=UUID(int=4))


def test_fields_that_a_later_version_added_are_read_over() -> None:
    assert Codec(FACTS).decode(row("ACKNOWLEDGED", 1, '{"note":"mine","mood":"fine"}')).fact.note == "mine"


def test_what_is_written_is_read_back() -> None:
    decision = Decision(
        decided_by="rules", rule="r1", rules_version="1", why="because", candidates=(Candidate("a", 0.5),)
    )
    for fact in FACTS:
        values: dict[str, Any] = {
            "title": "t",
            "priority": "high",
            "category": "c",
            "priority_decision": decision,
            "category_decision": decision,
            "team": "x",
            "decision": decision,
            "level": 2,
            "to": "y",
            "policy": "p",
            "due_at": _TIME,
            "late_by": 0.25,
            "until": _TIME,
            "text": "Look at db-1",
            "into": UUID(int=7),
            "incident": UUID(int=7),
            "origin": UUID(int=7),
        }
        written = fact(**{name: values[name] for name in fact.__struct_fields__ if name in values})
        stored = row(fact.type, fact.schema_version, msgspec.json.encode(written).decode())
        assert Codec(FACTS).decode(stored).fact == written


def test_upcasters_are_chained() -> None:
    codec = Codec(
        [Third],
        {
            ("THING", 1): lambda old: {"name": old["n"], "at": old["at"]},
            ("THING", 2): lambda old: {"fullName": old["name"].title(), "seenAt": old["at"]},
        },
    )
    expected = Third(full_name="Ada", seen_at=_TIME)
    assert codec.decode(row("THING", 1, '{"n":"ada","at":"2026-01-02T00:00:00Z"}')).fact == expected
    assert codec.decode(row("THING", 2, '{"name":"ada","at":"2026-01-02T00:00:00Z"}')).fact == expected


@pytest.mark.parametrize(
    ("kind", "version", "known"),
    [("OTHER", 1, "only THING"), ("THING", 4, "up to version 3"), ("THING", 0, "up to version 3")],
)
def test_what_cannot_be_read_is_an_error_that_says_what_can(kind: str, version: int, known: str) -> None:
    codec = Codec([Third], {("THING", 1): dict, ("THING", 2): dict})
    with pytest.raises(UnknownFact, match=f"{kind} version {version}, and this process knows {known}"):
        codec.decode(row(kind, version, "{}"))


@pytest.mark.parametrize(
    ("upcasters", "wrong"),
    [
        ({}, "THING 1 to 2, THING 2 to 3"),
        ({("THING", 1): dict}, "THING 2 to 3"),
        ({("THING", 1): dict, ("THING", 2): dict, ("THING", 3): dict}, "THING 3 to 4"),
        ({("THING", 1): dict, ("THING", 2): dict, ("THNIG", 2): dict}, "THNIG 2 to 3"),
    ],
)
def test_a_version_that_could_not_be_read_is_noticed_before_any_is(
    upcasters: dict[tuple[str, int], Upcaster], wrong: str
) -> None:
    with pytest.raises(ValueError, match=f"Not so: {wrong}\\."):
        Codec([Third], upcasters)
