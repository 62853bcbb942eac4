"""A fact gets another shape, done as it is to be done, with a fact that only these tests know.

Release 1 wrote PLACED with one field, `where`; release 2 writes `hall` and `rack`. What changes: the
struct's version, an upcaster, its twin in SQL, and a new version of the projection. Stored rows stay.
"""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pulseops.db.pools import open_pool
from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.eventstore.codec import Codec, UnknownFact
from pulseops.eventstore.history import LogHistory
from pulseops.eventstore.wake import Doorbell
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Fact, Meta
from pulseops.kernel.ids import new_id
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector
from tests.conftest import Database
from tests.integration.appending import append, until
from tests.serving import Api


class Placed1(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    type = "PLACED"
    where: str


class Placed2(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    type = "PLACED"
    schema_version = 2
    hall: str
    rack: int = 0


def placed_1_to_2(old: dict[str, Any]) -> dict[str, Any]:
    hall, _, rack = old["where"].partition("/")
    return {"hall": hall, "rack": int(rack or 0)}


RELEASE_1 = Codec([Placed1])
RELEASE_2 = Codec([Placed2], {("PLACED", 1): placed_1_to_2})

_OBJECTS = """
CREATE TABLE public.place (id uuid, version int, hall text, rack int, PRIMARY KEY (id, version));
GRANT SELECT, INSERT ON public.place TO pulseops_app;

CREATE FUNCTION public.knows_v1(p_type text, p_schema_version smallint, p_position bigint)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_type = 'PLACED' AND p_schema_version = 1 THEN true
    ELSE eventstore.refuse_fact_v1(p_type, p_schema_version, p_position, 'version 1 of PLACED') END
$$;
CREATE FUNCTION public.project_place_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO public.place
  SELECT e.stream_id, e.version, split_part(e.data->>'where', '/', 1),
    coalesce(nullif(split_part(e.data->>'where', '/', 2), ''), '0')::int
  FROM eventstore.event e
  WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
    AND public.knows_v1(e.type, e.schema_version, e.position)
  ON CONFLICT DO NOTHING
$$;

-- Release 2: the twin of its upcaster, and new versions of what read the raw rows.
CREATE FUNCTION public.placed_v2(p_schema_version smallint, p_data jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE p_schema_version WHEN 2 THEN p_data ELSE jsonb_build_object(
    'hall', split_part(p_data->>'where', '/', 1),
    'rack', coalesce(nullif(split_part(p_data->>'where', '/', 2), ''), '0')::int) END
$$;
CREATE FUNCTION public.knows_v2(p_type text, p_schema_version smallint, p_position bigint)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_type = 'PLACED' AND p_schema_version IN (1, 2) THEN true
    ELSE eventstore.refuse_fact_v1(p_type, p_schema_version, p_position, 'versions 1 and 2 of PLACED') END
$$;
CREATE FUNCTION public.project_place_v2(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO public.place
  SELECT e.stream_id, e.version, p->>'hall', coalesce((p->>'rack')::int, 0)
  FROM eventstore.event e, LATERAL public.placed_v2(e.schema_version, e.data) p
  WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
    AND public.knows_v2(e.type, e.schema_version, e.position)
  ON CONFLICT DO NOTHING
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO pulseops_app;
"""
_PROJECT = {
    1: "SELECT public.project_place_v1($1, $2, $3)",
    2: "SELECT public.project_place_v2($1, $2, $3)",
}

_PLACED = "SELECT (SELECT count(*) FROM public.place) = (SELECT count(*) FROM eventstore.event)"
_FAILED = "SELECT attempts > 0 FROM eventstore.subscription WHERE name = 'place'"


def projector(release: int) -> Projector:
    async def project(connection: asyncpg.Connection, piece: Slice) -> None:
        await connection.execute(_PROJECT[release], piece.log_id, piece.after, piece.up_to)

    return Projector("place", project)


async def place(connection: asyncpg.Connection, stream_id: UUID, at: int, *facts: Fact) -> None:
    events = tuple(
        NewEvent(
            type=fact.type,
            schema_version=fact.schema_version,
            event_id=new_id(),
            occurred_at=utc_now(),
            data=fact,
            meta=Meta(actor="key:test", correlation_id=stream_id),
        )
        for fact in facts
    )
    await append(
        connection,
        AppendRequest(stream_id=stream_id, expected_version=at, command_id=new_id(), events=events),
    )


async def folded(pool: asyncpg.Pool, *streams: UUID) -> set[tuple[UUID, int, str, int]]:
    """As release 2 reads history."""
    history = LogHistory(pool, RELEASE_2)
    return {
        (one.stream_id, one.version, one.fact.hall, one.fact.rack)
        for stream_id in streams
        for one in await history.stream(stream_id)
    }


async def projected(connection: asyncpg.Connection) -> set[tuple[UUID, int, str, int]]:
    return {tuple(row) for row in await connection.fetch("SELECT id, version, hall, rack FROM public.place")}


async def test_the_fold_and_the_projection_read_old_and_new_rows_alike(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await admin.execute(_OBJECTS)
    one, other = new_id(), new_id()
    # As it comes while both releases write: now the one, now the other, also in one stream.
    await place(app, one, 0, Placed1(where="B/7"), Placed2(hall="B", rack=8), Placed1(where="C"))
    await place(app, other, 0, Placed2(hall="D"))
    await projector(2).project(app, Slice(log_id=1, after=0, up_to=4))
    assert await projected(app) == await folded(pool, one, other)
    assert await projected(app) == {(one, 1, "B", 7), (one, 2, "B", 8), (one, 3, "C", 0), (other, 1, "D", 0)}


async def test_an_old_process_refuses_what_is_new_and_goes_on_with_what_it_knows(
    pool: asyncpg.Pool, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await admin.execute(_OBJECTS)
    one, other = new_id(), new_id()
    await place(app, one, 0, Placed1(where="B/7"))
    await place(app, other, 0, Placed2(hall="D"))
    old = LogHistory(pool, RELEASE_1)
    assert [fact.fact for fact in await old.stream(one)] == [Placed1(where="B/7")]
    with pytest.raises(
        UnknownFact, match="PLACED version 2, and this process knows up to version 1: a newer"
    ):
        await old.stream(other)
    told = (
        r"PLACED version 2, and this projection knows only: version 1 of PLACED\. A newer(.|\n)* position 2\."
    )
    with pytest.raises(asyncpg.FeatureNotSupportedError, match=told):
        await projector(1).project(app, Slice(log_id=1, after=0, up_to=2))
    assert await projected(app) == set()
    await projector(1).project(app, Slice(log_id=1, after=0, up_to=1))
    assert await projected(app) == {(one, 1, "B", 7)}


async def test_a_process_that_cannot_read_a_newer_fact_asks_to_come_again(
    api: Api, app: asyncpg.Connection
) -> None:
    stream_id = new_id()
    await place(app, stream_id, 0, Placed2(hall="D"))
    for verb, path in (("GET", f"/incident/{stream_id}"), ("POST", f"/incident/{stream_id}/acknowledge")):
        answer = await api.request(verb, path, json={} if verb == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (503, "unknown-fact")
        assert answer.headers["retry-after"] == "2", "by then another process may answer"
        assert "PLACED version 2" in answer.json()["detail"]


async def test_workers_of_both_releases_take_turns_and_nothing_is_skipped(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    await admin.execute(_OBJECTS)
    pool, doorbell = await open_pool(database.app_url), Doorbell()
    one, other = new_id(), new_id()
    streams = (one, other)

    async def led(release: int, wanted: str) -> None:
        """By a worker of that release, until it is as wanted."""
        worker = Subscriptions(pool, [projector(release)], owner=f"release {release}", doorbell=doorbell)
        worker.start()
        await until(lambda: app.fetchval(wanted))
        await worker.stop()

    await place(app, one, 0, Placed1(where="B/7"))
    await led(1, _PLACED)
    await place(app, one, 1, Placed2(hall="B", rack=9), Placed1(where="E/1"))
    await led(1, _FAILED)
    assert await projected(app) == {(one, 1, "B", 7)}, "it neither guesses nor goes past"
    await led(2, _PLACED)
    assert await projected(app) == await folded(pool, *streams)

    # Back to release 1: what it knows it does, what release 2 left behind stays.
    await place(app, other, 0, Placed1(where="F/2"))
    await led(1, _PLACED)
    await place(app, other, 1, Placed2(hall="F", rack=3))
    await led(1, _FAILED)
    await led(2, _PLACED)
    assert await projected(app) == await folded(pool, *streams)
    await doorbell.close()
    await pool.close()
