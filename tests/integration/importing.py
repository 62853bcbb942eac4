"""History that is taken out of one database and in by another, and what there is to compare."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from pulseops.db.pools import open_connection
from pulseops.eventstore.export import Wanted, export
from pulseops.eventstore.history import newest
from pulseops.eventstore.importing import Into, take_in
from pulseops.rulebook.loader import load_rulebook
from pulseops.subscriptions.slices import Slice
from pulseops.wiring import CODEC, HOLDS, projectors
from tests.serving import Api

NOW = datetime(2026, 11, 29, tzinfo=UTC)
RULES = load_rulebook(None)
FIRST_HAND = tuple(f"eventstore.{name}" for name in ("event", "stream", "claim", "command"))
DERIVED = (
    *("incidents.incident", "incidents.timeline", "incidents.response", "incidents.stint"),
    *("catalog.team", "catalog.service"),
    *("escalation.deadline", "audit.tile"),
)


@asynccontextmanager
async def owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def taken_out(url: str, file: Path, **wanted: Any) -> Path:
    connection = await open_connection(url)
    try:
        await export(connection, Wanted(**wanted), file)
    finally:
        await connection.close()
    return file


async def taken_in(url: str, file: Path, *, log: str = "default", **more: Any) -> int:
    async with owner(url) as connection:
        into = Into(log=log, now=NOW)
        return await take_in(connection, file, into, **{"knows": CODEC.knows, "names": HOLDS} | more)


async def rows(url: str, relation: str) -> list[dict[str, Any]]:
    """All of them, in the order of their text."""
    async with owner(url) as connection:
        found = await connection.fetch(f"SELECT to_jsonb(t) AS row FROM {relation} AS t ORDER BY t::text")
    return [json.loads(row["row"]) for row in found]


async def worked_off(url: str, *, log_id: int = 1, but: Collection[str] = ()) -> None:
    """Every read model, and the tree, to the end of the log, as a worker leads them; but for some."""
    connection = await open_connection(url)
    try:
        head = await newest(connection, log_id)
        for projector in (one for one in projectors(RULES) if one.name not in but):
            async with connection.transaction():
                after, generation = await connection.fetchrow(_BEGIN, log_id, projector.name)
                piece = Slice(log_id=log_id, after=after, up_to=head, generation=generation)
                await projector.project(connection, piece)
                await connection.execute(_REACHED, log_id, projector.name, head)
    finally:
        await connection.close()


_BEGIN = """
INSERT INTO eventstore.subscription AS s (log_id, name, position, updated_at)
VALUES ($1, $2, 0, clock_timestamp())
ON CONFLICT (log_id, name, shard) DO UPDATE SET updated_at = clock_timestamp()
RETURNING s.position, s.generation
"""
_REACHED = "UPDATE eventstore.subscription SET position = $3 WHERE log_id = $1 AND name = $2"


async def lived(api: Api) -> dict[str, str]:
    """Whatever leaves something beside its events: names held and given back, commands with keys, teams."""
    assert (await api.put("/teams/payments", json={"displayName": "Payments"})).is_success
    assert (await api.put("/services/checkout", json={"team": "payments"})).is_success
    made = {}
    for name in ("held", "over", "again", "merged", "split", "into", "ended"):
        body = {"title": f"It is {name}", "dedupKey": f"key of {name}", "priority": "critical"}
        answer = await api.post("/incident", json=body, headers={"idempotency-key": f"make-{name}"})
        made[name] = answer.json()["id"]
    for name, act, body in (
        ("over", "resolve", {"cause": "a fuse"}),
        ("again", "resolve", {}),
        ("again", "reopen", {}),
        ("merged", "merge", {"into": made["into"]}),
        ("split", "merge", {"into": made["into"]}),
        ("split", "split", {}),
        ("ended", "merge", {"into": made["into"]}),
        ("into", "resolve", {}),
    ):
        answer = await api.post(f"/incident/{made[name]}/{act}", json=body)
        assert answer.is_success, answer.text
    anew = await api.post("/incident", json={"title": "Once more", "dedupKey": "key of ended"})
    return made | {"anew": anew.json()["id"]}
