"""The command line against the real API: a real server on a real port, with the rules that come with it."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
import structlog
from uvicorn import Server

from pulseops.app import server
from pulseops.cli.app import app
from pulseops.cli.incidents import incident
from pulseops.db.identity import identity
from pulseops.db.pools import open_pool
from pulseops.eventstore.wake import Doorbell
from pulseops.incidents import reporting
from pulseops.rulebook.loader import load_rulebook
from pulseops.settings import Settings
from pulseops.subscriptions.leading import Subscriptions
from pulseops.up.home import Api, Home
from pulseops.wiring import projectors
from tests.conftest import Database
from tests.keys import a_key


async def make_key(url: str) -> str:
    pool = await open_pool(url)
    try:
        return await a_key(pool)
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


async def lead(url: str, redis_url: str, begun: Event, over: Event) -> None:
    """What the worker does, for as long as it is wanted."""
    pool = await open_pool(url)
    bell = Doorbell(redis_url, database=await identity(pool))
    led = Subscriptions(pool, projectors(load_rulebook()), owner="test", doorbell=bell)
    led.start()
    begun.set()
    await asyncio.to_thread(over.wait)
    await led.stop(5)
    await bell.close()
    await pool.close()


@pytest.fixture
def worked(served: Database, redis_url: str) -> Iterator[Database]:
    """Served, and with a worker: lists show at once what was done."""
    begun, over = Event(), Event()
    thread = Thread(target=lambda: asyncio.run(lead(served.app_url, redis_url, begun, over)))
    thread.start()
    assert begun.wait(30)
    yield served
    over.set()
    thread.join()


@pytest.fixture
def served(
    database: Database, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A served database, which the command line finds as it finds a running `up`: through its home."""
    (tmp_path / "admin.key").write_text(asyncio.run(make_key(database.app_url)))
    # Both share this process, and standard output is the command line's.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    reporting._logger.cache_clear()
    api, ready = server(Settings(database_url=database.app_url, redis_url=redis_url, port=0)), Event()
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
    worked: Database, capsys: pytest.CaptureFixture[str]
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


Run = Callable[..., str]


@pytest.fixture
def run(worked: Database, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command that is done; what it prints."""

    def run(*tokens: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            app(tokens)
        captured = capsys.readouterr()
        assert stopped.value.code in {0, None}, captured.err
        return captured.out

    return run


def test_an_incidents_whole_life_is_led_from_the_command_line(run: Run) -> None:
    one = json.loads(run("incident", "create", "Checkout is slow", "--label", "a=1", "--json"))["id"]
    two = json.loads(run("incident", "create", "Checkout is down", "--json"))["id"]
    steps: tuple[tuple[tuple[str, ...], str, str], ...] = (
        (("ack", one, "--note", "on it", "--if-match", "3"), "Acknowledged", "acknowledged"),
        (("unack", one), "No longer acknowledged:", "open"),
        (("snooze", one, "2h"), "Snoozed", "snoozed until"),
        (("unsnooze", one), "Awake again:", "open"),
        (("assign", one, "--team", "network", "--responder", "ada"), "Assigned", "team network · ada"),
        (("escalate", one, "--to", "grace"), "Escalated", "escalated to grace"),
        (("priority", one, "critical", "--correction"), "Changed", "critical"),
        (("category", one, "network", "--no-correction"), "Changed", "network"),
        (("edit", one, "--title", "DNS", "--label", "b=2", "--without-label", "a"), "Edited", ""),
        (("comment", one, "- is it the deploy?"), "Commented on", ""),
        (("link", one, "--page", "https://example.com", "--title", "Status"), "Linked", ""),
        (("impact", one, "--service", "shop", "--customers", "7"), "Declared the impact of", ""),
        (("merge", two, one), "Merged", f"merged into {one}"),
        (("split", two), "Split", "open"),
        (("resolve", one, "--resolution", "fixed", "--cause", "a deploy"), "Resolved", "resolved"),
        (("reopen", one), "Reopened", "open"),
    )
    for tokens, verb, standing in steps:
        said = run("incident", *tokens).splitlines()
        assert said[0].startswith(f"{verb} "), tokens
        assert standing in said[1], tokens
    shown = json.loads(run("incident", "show", one, "--json"))
    assert (shown["title"], shown["labels"], shown["customersAffected"]) == ("DNS", {"b": "2"}, 7)
    told = run("incident", "timeline", one)
    for entry in shown["timeline"]:
        assert entry["text"] in told
    assert "is it the deploy?" in told
    assert json.loads(run("incident", "timeline", one, "--json")) == shown["timeline"]
    assert "hears of it" in run("incident", "plan", one)
    assert json.loads(run("incident", "plan", one, "--json"))["incidentId"] == one


@pytest.mark.parametrize(
    "when", ["soon", "2h30", "0s", "2099-01-01T00:00:00", "until 2099-13-01T00:00:00Z", ""]
)
def test_a_snooze_until_nobody_knows_when_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], when: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        app(("incident", "snooze", "01990000-0000-7000-8000-000000000001", when))
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_what_the_state_forbids_is_told_with_its_reason(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    one = json.loads(run("incident", "create", "Slow", "--json"))["id"]
    run("incident", "resolve", one)
    with pytest.raises(SystemExit) as stopped:
        app(("incident", "snooze", one, "1h"))
    assert stopped.value.code == 1
    assert "Refused: " in capsys.readouterr().err


def test_teams_and_services_are_defined_shown_and_retired(run: Run) -> None:
    defined = run(
        *("team", "define", "shop", "--display-name", "The shop", "--lead", "ada"),
        *("--member", "ada=lead", "--member", "grace", "--runbook", "Down=https://example.com/a=b"),
    )
    assert [line.split(maxsplit=1) for line in defined.splitlines()[1:]] == [
        ["called", "The shop"],
        ["lead", "ada"],
        ["members", "ada (lead), grace"],
        ["Down", "https://example.com/a=b"],
        ["version", "1"],
    ]
    service = json.loads(
        run("service", "define", "cart", "--team", "shop", "--tier", "1", "--label", "a=b", "--json")
    )
    assert (service["team"], service["tier"], service["labels"]) == ("shop", 1, {"a": "b"})
    assert "team     shop" in run("service", "show", "cart")
    assert "payments" in run("team", "list")
    assert json.loads(run("service", "list", "--json").splitlines()[0])["items"] is not None
    assert run("service", "retire", "cart", "--note", "gone") == "Retired cart.\n"


def test_who_asks_is_told(run: Run) -> None:
    said = run("whoami")
    assert said.splitlines()[0] == "key:admin"
    assert "all teams" in said
    assert json.loads(run("whoami", "--json"))["role"] == "admin"
