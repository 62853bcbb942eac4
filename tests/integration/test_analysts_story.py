"""One incident's life, minute by minute, and what analysts read of it: to the second."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from pulseops.incidents import response, stint, timeline
from pulseops.kernel.ids import derived_id, new_id
from pulseops.subscriptions.slices import Slice

_BEGAN = datetime(2026, 6, 1, 10, tzinfo=UTC)
_BY_RULE = {"decidedBy": "rules", "rule": "scales.words", "rulesVersion": "7", "why": "Because."}
_CLASSIFIED = {
    "priority": "critical",
    "category": "network",
    "priorityDecision": _BY_RULE | {"confidence": 0.5},
    "categoryDecision": _BY_RULE | {"rule": "terms"},
}
_ASSIGNED = {"team": "network", "decision": _BY_RULE}
_ESCALATED = {
    "level": 1,
    "to": "bob",
    "policy": "high",
    "dueAt": "2026-06-01T10:05:00Z",
    "lateBy": 1.5,
    "decision": _BY_RULE,
}
_INTO = str(new_id())
_BEGINNING = ((0, "CREATED", {"title": "Down"}), (0, "CLASSIFIED", _CLASSIFIED), (0, "ASSIGNED", _ASSIGNED))

Fact = tuple[int, str, dict[str, Any]]


async def lived(admin: asyncpg.Connection, *facts: Fact) -> UUID:
    """An incident whose facts were recorded so many minutes after it began, and the read models of it."""
    incident_id = new_id()
    first = await admin.fetchval("SELECT coalesce(max(position), 0) + 1 FROM eventstore.event")
    for nth, (minute, kind, data) in enumerate(facts):
        at = _BEGAN + timedelta(minutes=minute)
        await admin.execute(
            """
            INSERT INTO eventstore.event (log_id, position, stream_id, version, type, schema_version,
              event_id, command_id, occurred_at, recorded_at, data, meta)
            VALUES (1, $1, $2, $3, $4, 1, $5, $5, $6, $6, $7::text::jsonb, '{"actor": "user:ada"}')
            """,
            *(first + nth, incident_id, nth + 1, kind, derived_id(incident_id, nth), at),
            msgspec.json.encode(data).decode(),
        )
    for model in (response.MODEL, stint.MODEL, timeline.MODEL):
        piece = Slice(log_id=1, after=first - 1, up_to=first + len(facts) - 1)
        await model.projector.project(admin, piece)
    await admin.execute("INSERT INTO access.analyst VALUES (1, 'postgres') ON CONFLICT DO NOTHING")
    return incident_id


async def read(admin: asyncpg.Connection, view: str, incident_id: UUID) -> list[dict[str, Any]]:
    rows = await admin.fetch(
        f"SELECT * FROM analytics.{view} WHERE incident_id = $1 ORDER BY position", incident_id
    )
    return [dict(row) for row in rows]


async def test_a_life_with_everything_in_it(admin: asyncpg.Connection) -> None:
    incident_id = await lived(
        admin,
        *_BEGINNING,
        (5, "ESCALATED", _ESCALATED),
        (7, "ACKNOWLEDGED", {}),
        (10, "ASSIGNED", _ASSIGNED | {"team": "payments", "responder": "eve"}),
        (20, "UNACKNOWLEDGED", {}),
        (26, "ACKNOWLEDGED", {}),
        (30, "RESOLVED", {"resolution": "fixed"}),
        (90, "REOPENED", {}),
        (91, "SNOOZED", {"until": "2026-06-01T12:00:00Z"}),
        (120, "UNSNOOZED", {"decision": _BY_RULE}),
        (130, "RESOLVED", {"resolution": "mitigated"}),
    )
    [told] = await read(admin, "response", incident_id)
    expected = {
        "outcome": "resolved",
        "first_team": "network",
        "answered_team": "network",
        "team": "payments",
        "seconds_to_assign": 0,
        "seconds_to_acknowledge": 7 * 60,
        "seconds_to_answer": 7 * 60,
        "seconds_to_first_resolve": 30 * 60,
        "seconds_to_resolve": 130 * 60,
        "seconds_live": (30 + 40) * 60,
        "seconds_acknowledged": (13 + 4) * 60,
        "seconds_snoozed": 29 * 60,
        "resolution": "mitigated",
        "resolved_automatically": False,
        "reopenings": 1,
        "escalations": 1,
        "acknowledgements": 2,
        "unacknowledgements": 1,
        "reassignments": 1,
    }
    assert {name: told[name] for name in expected} == expected
    waits = [
        (one["seconds_waited"], one["seconds"]) for one in await read(admin, "acknowledgement", incident_id)
    ]
    assert waits == [(7 * 60, 13 * 60), (6 * 60, 4 * 60)]
    [hand_over, last] = await read(admin, "assignment", incident_id)
    assert (hand_over["team"], hand_over["seconds"], hand_over["rule"]) == ("network", 600, "scales.words")
    assert (last["team"], last["responder"], last["seconds"]) == ("payments", "eve", None)
    [rung] = await read(admin, "escalation", incident_id)
    assert (rung["target"], rung["late_by"], rung["seconds"]) == ("bob", 1.5, 120)
    assert (rung["ended"], rung["policy"]) == ("ACKNOWLEDGED", "high")
    works = await admin.fetch("SELECT act, who FROM analytics.work ORDER BY at, act")
    assert [tuple(row) for row in works] == [
        ("escalated", "bob"),
        ("acknowledged", "user:ada"),
        ("assigned", "eve"),
        ("acknowledged", "user:ada"),
        ("resolved", "user:ada"),
        ("resolved", "user:ada"),
    ]
    for minute, count in ((0, 1), (29, 1), (30, 0), (89, 0), (90, 1), (130, 0)):
        open_then = "SELECT count(*) FROM analytics.backlog_at_v1($1)"
        assert await admin.fetchval(open_then, _BEGAN + timedelta(minutes=minute)) == count, minute


@pytest.mark.parametrize(
    ("end", "answered", "resolved", "automatic"),
    [
        ({"resolution": "fixed"}, 180, 180, False),
        ({}, 180, 180, False),
        ({"resolution": "recovered"}, None, 180, True),
        ({"resolution": "timed_out", "decision": _BY_RULE}, None, 180, True),
    ],
    ids=["fixed", "nobody said how", "recovered", "by the clock"],
)
async def test_to_resolve_is_to_answer_unless_nobody_did(
    admin: asyncpg.Connection, end: dict[str, Any], answered: int | None, resolved: int, *, automatic: bool
) -> None:
    [told] = await read(admin, "response", await lived(admin, *_BEGINNING, (3, "RESOLVED", end)))
    assert told["seconds_to_acknowledge"] is None
    assert told["seconds_to_answer"] == answered
    assert told["seconds_to_resolve"] == resolved
    assert told["resolved_automatically"] == automatic


async def test_what_was_merged_has_an_answer_and_no_end_until_it_is_split(admin: asyncpg.Connection) -> None:
    merged: tuple[Fact, ...] = (*_BEGINNING, (2, "ACKNOWLEDGED", {}), (5, "MERGED", {"into": _INTO}))
    closed = (*merged, (60, "RESOLVED", {"resolution": "duplicate", "decision": _BY_RULE}))
    for facts in (merged, closed):
        [told] = await read(admin, "response", await lived(admin, *facts))
        assert (told["outcome"], told["seconds_to_acknowledge"]) == ("merged", 120)
        assert told["seconds_to_resolve"] is told["resolved_at"] is told["first_resolved_at"] is None
        assert told["seconds_live"] == 300
    [told] = await read(admin, "response", await lived(admin, *closed, (70, "SPLIT", {"origin": _INTO})))
    assert (told["outcome"], told["live_since"]) == ("live", _BEGAN + timedelta(minutes=70))


async def test_a_correction_names_the_rule_that_was_wrong_and_no_other(admin: asyncpg.Connection) -> None:
    corrected = {"priority": "low", "was": "critical", "correction": True, "note": "A test"}
    [told] = await read(
        admin, "correction", await lived(admin, *_BEGINNING, (9, "PRIORITY_CHANGED", corrected))
    )
    assert (told["what"], told["was"], told["became"]) == ("priority", "critical", "low")
    assert (told["rule"], told["rules_version"], told["confidence"]) == ("scales.words", "7", 0.5)
    assert (told["corrected_by"], told["note"]) == ("user:ada", "A test")
    by_hand = {"priority": "high", "was": "critical"}
    [told] = await read(
        admin,
        "correction",
        await lived(
            admin,
            *_BEGINNING,
            (8, "PRIORITY_CHANGED", by_hand),
            (9, "PRIORITY_CHANGED", corrected | {"was": "high"}),
        ),
    )
    assert (told["was"], told["rule"], told["confidence"]) == ("high", None, None)
