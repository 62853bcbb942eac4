"""The command line against the real API: a real server on a real port, with the rules that come with it."""

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
import structlog
from uvicorn import Server

from pulseops.app import server
from pulseops.cli.incidents import incident
from pulseops.db.pools import open_pool
from pulseops.eventstore.history import LogHistory
from pulseops.incidents import reporting
from pulseops.incidents.board import BOARD
from pulseops.settings import Settings
from pulseops.subscriptions.slices import Slice
from pulseops.up.home import Api, Home
from pulseops.wiring import CODEC
from tests.conftest import Database
from tests.keys import a_key


async def make_key(url: str) -> str:
    pool = await open_pool(url)
    try:
        return await a_key(pool)
    finally:
        await pool.close()


async def catch_up(url: str) -> None:
    """What the worker does: bring the board up to the head of the log."""
    pool = await open_pool(url)
    try:
        head = await LogHistory(pool, CODEC).head()
        async with pool.acquire() as connection:
            await BOARD.project(connection, Slice(log_id=1, after=0, up_to=head))
    finally:
        await pool.close()


def run_until_told(api: Server, ready: Event) -> None:
    startup = api.startup

    async def announced(sockets: None = None) -> None:
        await startup(sockets)
        ready.set()

    setattr(api, "startup", announced)  # noqa: B010 -- uvicorn has no hook for it
    try:
        api.run()
    finally:
        ready.set()


@pytest.fixture
def served(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A served database, which the command line finds as it finds a running `up`: through its home."""
    (tmp_path / "admin.key").write_text(asyncio.run(make_key(database.app_url)))
    # Both share this process, and standard output is the command line's.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    reporting._logger.cache_clear()
    api, ready = server(Settings(database_url=database.app_url, port=0)), Event()
    thread = Thread(target=run_until_told, args=(api, ready))
    thread.start()
    assert ready.wait(30)
    assert api.started
    port = api.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setenv("PULSEOPS_HOME", str(tmp_path))
    home = Home(tmp_path)
    with home.held():
        home.announce(Api(url=f"http://127.0.0.1:{port}", pid=os.getpid()))
        yield database
    api.should_exit = True
    thread.join()
    structlog.reset_defaults()
    reporting._logger.cache_clear()


def test_an_incident_is_reported_seen_listed_and_answered(
    served: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*tokens: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            incident(tokens)
        captured = capsys.readouterr()
        assert stopped.value.code == 0, captured.err
        return captured.out

    title = "Postgres primary is down"
    told = json.loads(
        run("create", title, "--service", "orders", "--dedup-key", "pg", "--idempotency-key", "k", "--json")
    )
    again = run("create", title, "--service", "orders", "--dedup-key", "pg", "--idempotency-key", "k")
    joined = run("create", "Postgres is still down", "--dedup-key", "pg")
    assert again.splitlines()[0] == f"Created {told['id']}"
    assert joined.splitlines()[0] == f"Joined the open incident {told['id']}"
    assert told["priority"] in again

    story = run("show", told["id"])
    seen = json.loads(run("show", told["id"], "--json"))
    assert [entry["event"] for entry in seen["timeline"]] == ["CREATED", "CLASSIFIED", "ASSIGNED"]
    created, classified, *_ = [line for line in story.splitlines() if line[:2] == "20"]
    assert "by key:admin" in created
    assert "for orders" in created
    assert "just now" in classified or "s ago" in classified
    assigned = seen["timeline"][2]["details"]
    for decision in (seen["timeline"][1]["details"]["priorityDecision"], assigned["decision"]):
        assert f"rule {decision['rule']} of {decision['rulesVersion']}" in story
    assert f"to team {assigned['team']}" in story

    asyncio.run(catch_up(served.app_url))
    listed = run("list", "--status", "open", "--team", assigned["team"], "--limit", "1")
    assert told["id"] in listed
    assert title in listed
    assert [json.loads(line)["id"] for line in run("list", "--json", "--all").splitlines()] == [told["id"]]
    assert run("list", "--status", "resolved") == "No incidents.\n"

    assert run("acknowledge", told["id"], "--note", "on it").splitlines()[0] == f"Acknowledged {told['id']}"
    assert run("resolve", told["id"]).splitlines()[0] == f"Resolved {told['id']}"
    assert "“on it”" in run("show", told["id"])


def test_the_real_refusals_are_told_field_by_field(
    served: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*tokens: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            incident(tokens)
        assert stopped.value.code == 1
        return capsys.readouterr().err

    assert "/title" in refused("create", "t" * 201)
    assert "cursor" in refused("list", "--cursor", "nonsense")
    assert "no such" in refused("show", "01990000-0000-7000-8000-000000000001")
    problem = json.loads(refused("resolve", "01990000-0000-7000-8000-000000000001", "--json"))
    assert (problem["status"], problem["code"]) == (404, "not-found")
