"""History taken out here and in there is the same history: to the byte, to the row, and it goes on there."""

from pathlib import Path

import asyncpg
import pytest

from pulseops.eventstore.directory import create_log
from tests.conftest import Database
from tests.histories import report
from tests.integration.appending import append, request
from tests.integration.importing import (
    DERIVED,
    FIRST_HAND,
    NOW,
    lived,
    owner,
    rows,
    taken_in,
    taken_out,
    worked_off,
)
from tests.integration.rebuilding import apart
from tests.integration.sealing import root_of_history, root_of_tree
from tests.integration.tenants import tenant
from tests.serving import Api, serving


async def test_a_log_that_was_taken_in_is_the_same_in_every_row_and_has_the_same_root(
    api: Api, database: Database, twin: Database, tmp_path: Path
) -> None:
    await lived(api)
    count = await taken_in(twin.admin_url, await taken_out(database.app_url, tmp_path / "all"))

    for relation in FIRST_HAND:
        here, there = [await rows(one.admin_url, relation) for one in (database, twin)]
        for row in here if relation.endswith("command") else ():
            row["fingerprint"] = None  # which is in no event
        assert there == here, relation
        assert here, relation
    for one in (database, twin):
        await worked_off(one.app_url)
    for relation in DERIVED:
        here, there = [await rows(one.admin_url, relation) for one in (database, twin)]
        assert there == here, relation
        assert here, relation
    async with owner(twin.admin_url) as connection:
        assert await root_of_history(connection, count) == await root_of_tree(connection, count)


async def test_history_goes_on_where_it_was_taken_in(
    api: Api, database: Database, twin: Database, tmp_path: Path
) -> None:
    made = await lived(api)
    count = await taken_in(twin.admin_url, await taken_out(database.app_url, tmp_path / "all"))
    await worked_off(twin.app_url)
    async with serving(twin.app_url) as there:
        joins = await there.post("/incident", json={"title": "The same", "dedupKey": "key of held"})
        free = await there.post("/incident", json={"title": "Another", "dedupKey": "key of over"})
        team = await there.put("/teams/payments", json={"displayName": "Paying"}, headers={"if-match": '"1"'})
        anew = await there.post(f"/incident/{made['held']}/resolve", json={})
    assert (joins.json()["id"], joins.json()["deduplicated"]) == (made["held"], True)
    assert free.json()["id"] not in made.values()
    assert (team.status_code, anew.json()["version"] > 1) == (200, True)
    await worked_off(twin.app_url)
    shown = await rows(twin.admin_url, "incidents.incident")
    assert {row["id"] for row in shown} == {*made.values(), free.json()["id"]}
    async with owner(twin.admin_url) as connection:
        head = await connection.fetchval("SELECT max(position) FROM eventstore.event")
        assert head > count
        assert await root_of_history(connection, head) == await root_of_tree(connection, head)


async def test_a_command_that_came_in_with_its_events_is_answered_as_the_first_time_whatever_its_body(
    database: Database, twin: Database, tmp_path: Path
) -> None:
    key = {"idempotency-key": "once"}
    async with serving(database.app_url) as api:
        first = await api.post("/incident", json={"title": "Once"}, headers=key)
        over = await api.post(f"/incident/{first.json()['id']}/resolve", json={}, headers=key)
        assert over.is_success
    await taken_in(twin.admin_url, await taken_out(database.app_url, tmp_path / "all"))
    async with owner(database.admin_url) as here, owner(twin.admin_url) as there:
        # Keys do not come with an export. With the same one a caller is the same.
        keys = await here.fetch("SELECT * FROM access.api_key")
        await there.copy_records_to_table(
            "api_key",
            schema_name="access",
            columns=list(keys[0].keys()),
            records=[tuple(row) for row in keys],
        )
    async with serving(twin.app_url, token=api.token) as again:
        for title in ("Once", "Once, they say"):
            answer = await again.post("/incident", json={"title": title}, headers=key)
            assert (answer.status_code, answer.json()["id"]) == (201, first.json()["id"])
            assert answer.headers["idempotency-replayed"] == "true"
        resolve = f"/incident/{first.json()['id']}/resolve"
        for body in ({}, {"note": "It was a fuse."}):
            answer = await again.post(resolve, json=body, headers=key)
            assert (answer.status_code, answer.json()["version"]) == (200, over.json()["version"])
            assert answer.headers["idempotency-replayed"] == "true"
    assert await rows(twin.admin_url, "eventstore.event") == await rows(
        database.admin_url, "eventstore.event"
    )


async def test_a_log_that_there_is_not_is_made_under_the_number_that_it_had(
    api: Api, database: Database, twin: Database, tmp_path: Path
) -> None:
    await create_log(api.app.state.pool, "first", now=NOW)
    acme = await tenant(api, "acme")
    made = await acme.report()
    assert (await acme.ask("PUT", "/teams/ours", json={"displayName": "Ours"})).is_success
    file = await taken_out(database.app_url, tmp_path / "acme", log_id=acme.log_id)
    await taken_in(twin.admin_url, file, log="acme")
    await worked_off(twin.app_url, log_id=acme.log_id)
    async with serving(twin.app_url) as there:
        theirs = await tenant(there, "next")
        assert theirs.log_id == acme.log_id + 1
    [shown] = await rows(twin.admin_url, "incidents.incident")
    assert (shown["id"], shown["log_id"]) == (made["id"], acme.log_id)


async def test_nobody_sees_it_or_appends_to_it_before_all_of_it_is_there_and_other_logs_go_on(
    app: asyncpg.Connection, database: Database, twin: Database, tmp_path: Path
) -> None:
    await report(app, 3)
    file = await taken_out(database.app_url, tmp_path / "all")
    async with owner(twin.admin_url) as connection:
        other = await create_log(connection, "other", now=NOW)

    async def look(connection: asyncpg.Connection) -> None:
        assert await connection.fetchval("SELECT count(*) FROM eventstore.event WHERE log_id = 1") == 0
        with pytest.raises(asyncpg.LockNotAvailableError):
            await connection.execute("SELECT FROM eventstore.log WHERE log_id = 1 FOR UPDATE NOWAIT")
        assert await append(connection, request(), log=other)
        assert await connection.fetchval("SELECT eventstore.ensure_partitions_v1()") == 0

    assert await taken_in(twin.admin_url, file, agree=lambda: apart(twin.admin_url, look)) == 3


async def test_the_application_cannot_take_anything_in(
    app: asyncpg.Connection, database: Database, tmp_path: Path
) -> None:
    await report(app, 1)
    file = await taken_out(database.app_url, tmp_path / "all")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await taken_in(database.app_url, file)
    for statement in (
        "SELECT eventstore.settle_import_v1(1::smallint)",
        "SELECT eventstore.ensure_partitions_v2(0, 9)",
        "SELECT incidents.held_names_v1(1::smallint)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
