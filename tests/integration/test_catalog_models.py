"""SQL ≡ fold for teams and services, whatever lies between their facts and however it is split."""

from collections.abc import Iterator
from itertools import count, pairwise
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.catalog import service, team
from pulseops.catalog.decider import CATALOG
from pulseops.catalog.entry import Kind, stream_of
from pulseops.catalog.events import (
    CatalogFact,
    Link,
    Member,
    ServiceDefined,
    ServiceRetired,
    TeamDefined,
    TeamRetired,
)
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from pulseops.kernel.ids import new_id
from pulseops.projections.generations import Stretch
from pulseops.subscriptions.slices import Slice
from tests.histories import report

_names: Iterator[str] = (f"catalog-{number}" for number in count())

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
names = st.sampled_from(["a", "b", "c"])
links = st.lists(st.builds(Link, title=texts, url=texts), max_size=2).map(tuple)
teams = st.builds(
    TeamDefined,
    name=names,
    display_name=texts,
    description=texts,
    lead=st.none() | texts,
    members=st.lists(st.builds(Member, name=texts, role=texts), max_size=2).map(tuple),
    runbooks=links,
    note=texts,
)
services = st.builds(
    ServiceDefined,
    name=names,
    team=texts,
    tier=st.none() | st.integers(1, 4),
    dashboards=links,
    labels=st.dictionaries(texts, texts, max_size=2),
    environments=st.lists(texts, max_size=2).map(tuple),
)
steps = st.lists(
    st.one_of(teams, services, st.builds(TeamRetired, name=names), st.builds(ServiceRetired, name=names)),
    min_size=1,
    max_size=20,
)


def key_of(fact: CatalogFact) -> tuple[Kind, str]:
    return ("team" if isinstance(fact, TeamDefined | TeamRetired) else "service"), fact.name


async def append(app: asyncpg.Connection, log_id: int, version: int, fact: CatalogFact) -> None:
    event = {
        "type": fact.type,
        "schema_version": fact.schema_version,
        "event_id": new_id(),
        "occurred_at": utc_now(),
        "data": fact,
        "meta": {"actor": f"key:{version}", "correlationId": new_id()},
    }
    kind, name = key_of(fact)
    request = {
        "stream_id": stream_of(kind, name, log_id=log_id),
        "expected_version": version,
        "command_id": new_id(),
        "events": [event],
    }
    batch = msgspec.json.encode([request]).decode()
    assert await app.fetchval("SELECT verdict FROM eventstore.append_v1($1, $2)", log_id, batch) == "stored"


async def enact(app: asyncpg.Connection, log_id: int, plan: list[CatalogFact]) -> int:
    """Appends what may be, with incidents in between; the head of the log."""
    versions: dict[Any, int] = {}
    for number, fact in enumerate(plan):
        key = key_of(fact)
        if key not in versions and isinstance(fact, TeamRetired | ServiceRetired):
            continue
        await append(app, log_id, versions.get(key, 0), fact)
        versions[key] = versions.get(key, 0) + 1
        if number % 3 == 0:
            await report(app, 1, log_id=log_id)
    return await app.fetchval("SELECT max(position) FROM eventstore.event WHERE log_id = $1", log_id) or 0


async def folded(app: asyncpg.Connection, log_id: int, kind: Kind) -> dict[str, Any]:
    found = {}
    for name in ("a", "b", "c"):
        stream_id = stream_of(kind, name, log_id=log_id)
        rows = await app.fetch(
            "SELECT * FROM eventstore.event WHERE stream_id = $1 ORDER BY version", stream_id
        )
        entry = CATALOG.fold(Codec(CATALOG.facts).decode(row) for row in rows)
        if entry is not None:
            value: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(entry.value))
            del value["note"]
            found[name] = value | {
                "log_id": log_id,
                "id": stream_id,
                "updated_at": entry.updated_at,
                "updated_by": entry.updated_by,
                "retired_at": entry.updated_at if entry.retired else None,
                "version": entry.version,
                "position": entry.position,
            }
    return found


async def stored(app: asyncpg.Connection, log_id: int, table: str) -> dict[str, Any]:
    found = {}
    for record in await app.fetch(f"SELECT * FROM catalog.{table} WHERE log_id = $1", log_id):
        row = dict(record)
        for name in ("members", "runbooks", "dashboards", "links", "labels"):
            if name in row:
                row[name] = msgspec.json.decode(row[name])
        for member in row.get("members", ()):
            member.setdefault("role", "")
        found[row["name"]] = row
    for row in found.values():
        row.update({name: list(one) for name, one in row.items() if isinstance(one, tuple)})
    return found


def plain(rows: dict[str, Any]) -> dict[str, Any]:
    for row in rows.values():
        for member in row.get("members", ()):
            member.setdefault("role", "")
        row.update({name: list(one) for name, one in row.items() if isinstance(one, tuple)})
    return rows


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=steps, data=st.data())
async def test_any_history_in_any_batches_or_windows_gives_what_the_fold_gives(
    app: asyncpg.Connection, plan: list[CatalogFact], data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    head = await enact(app, log_id, plan)
    cuts = data.draw(st.sets(st.integers(1, head), max_size=6)) if head else set()
    bounds = [0, *sorted(cuts | {head})] if head else []
    filled = data.draw(st.integers(0, head))
    for model, kind in ((team.MODEL, "team"), (service.MODEL, "service")):
        wanted = plain(await folded(app, log_id, kind))  # type: ignore[arg-type]  # one of two words
        for after, up_to in pairwise(bounds):
            await model.projector.project(app, Slice(log_id=log_id, after=after, up_to=up_to))
            await model.projector.project(app, Slice(log_id=log_id, after=after // 2, up_to=up_to))
        for after, up_to in reversed(list(pairwise(bounds))):  # an old slice takes nothing back
            await model.projector.project(app, Slice(log_id=log_id, after=after, up_to=up_to))
        assert await stored(app, log_id, f"{kind}_1") == wanted
        generation = await app.fetchval("SELECT eventstore.begin_generation_v1($1)", kind)
        filling = "SELECT state = 'filling' FROM eventstore.generation WHERE name = $1 AND generation = 2"
        if await app.fetchval(filling, kind):
            await app.execute("SELECT eventstore.index_generation_v1($1, $2)", kind, generation)
        windows = [(after, min(to, filled)) for after, to in pairwise(bounds) if after < filled]
        for after, to in reversed(windows):
            await model.fill(
                app, Stretch(log_id=log_id, generation=generation, after=after, to=to, up_to=filled)
            )
        rest = Slice(log_id=log_id, after=filled, up_to=head, generation=generation)
        await model.projector.project(app, rest)
        assert await stored(app, log_id, f"{kind}_2") == wanted


@pytest.mark.parametrize(("kind", "other"), [("team", "SERVICE.NOVEL"), ("service", "TEAM.NOVEL")])
async def test_what_a_later_release_says_of_ours_is_refused_and_of_others_passed_over(
    app: asyncpg.Connection, kind: str, other: str
) -> None:
    model = team.MODEL if kind == "team" else service.MODEL

    class Novel(TeamDefined, frozen=True):
        type = other

    await append(app, 1, 0, Novel(name="a"))
    await model.projector.project(app, Slice(log_id=1, after=0, up_to=1))

    class Ours(TeamDefined, frozen=True):
        type = f"{kind.upper()}.NOVEL"

    await append(app, 1, 0, Ours(name="b"))
    with pytest.raises(asyncpg.FeatureNotSupportedError):
        await model.projector.project(app, Slice(log_id=1, after=1, up_to=2))
