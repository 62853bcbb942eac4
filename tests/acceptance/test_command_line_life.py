"""What the command line and the client can do, against the real API with a worker."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pulseops.cli.app import app
from pulseops.cli.target import find_target
from pulseops.client import PulseOps
from pulseops.settings import Settings
from tests.acceptance.conftest import Run
from tests.conftest import Database


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
    lines = run("incident", "timeline", one, "--json").splitlines()
    assert [json.loads(line) for line in lines] == shown["timeline"]
    as_it_was = run("incident", "show", one, "--as-of", "3")
    assert as_it_was.splitlines()[0] == "Checkout is slow"
    assert "as it was at version 3" in as_it_was
    assert json.loads(run("incident", "show", one, "--as-of", "2", "--json"))["version"] == 2
    assert "hears of it" in run("incident", "plan", one)
    assert json.loads(run("incident", "plan", one, "--json"))["incidentId"] == one


def test_incidents_are_found_and_counted_by_all_that_the_api_filters_by(run: Run) -> None:
    run("incident", "create", "Checkout is slow", "--label", "region=eu", "--priority", "low")
    run("incident", "create", "Checkout is down", "--label", "region=us", "--priority", "critical")
    run("incident", "create", "Search is down", "--source", "monitoring", "--priority", "high")

    def found(*tokens: str) -> list[str]:
        lines = run("incident", "list", *tokens, "--json", "--all", "--limit", "1").splitlines()
        return [json.loads(line)["title"] for line in lines]

    assert found("--sort", "-priority") == ["Checkout is down", "Search is down", "Checkout is slow"]
    assert found("--text", "checkout", "--sort", "created") == ["Checkout is slow", "Checkout is down"]
    assert found("--label", "region=eu") == ["Checkout is slow"]
    assert found("--label", "region", "--priority", "low", "--priority", "high") == ["Checkout is slow"]
    assert found("--source", "monitoring", "--since", "2026-01-01T00:00:00Z") == ["Search is down"]
    assert found("--until", "2026-01-01T00:00:00Z") == []
    counted = run("incident", "counts", "--text", "checkout", "--priority", "low")
    assert counted.splitlines()[0] == "1 incident"
    told = [line.split()[:3] for line in counted.splitlines()]
    assert ["priority", "critical", "1"] in told
    assert ["low", "1", "\u25aa" * 10] in told
    assert json.loads(run("incident", "counts", "--source", "user", "--json"))["total"] == 2


def test_what_was_read_is_read_again_only_where_it_has_changed(worked: Database) -> None:
    target = find_target(Settings.from_environment(os.environ))
    with PulseOps(target.url, target.key) as client:
        one = client.incidents.create("Checkout is slow")
        settled = one.position
        before = client.incidents.list.answer(text="checkout", min_position=settled)
        counts = client.incidents.facets.answer(text="checkout", min_position=settled)
        told = client.incidents.timeline.answer(one.id)
        for again in (
            client.incidents.list.unless(before, text="checkout"),
            client.incidents.facets.unless(counts, text="checkout"),
            client.incidents.timeline.unless(told, one.id),
        ):
            assert (again.status, again.changed) == (304, False)
        assert client.incidents.list.unless(before, text="checkout").value == before.value
        moved = client.incidents.acknowledge(one.id)
        after = client.incidents.list.unless(before, text="checkout", min_position=moved.position)
        assert after.changed
        assert after.value.items[0].status == "acknowledged"
        assert client.incidents.timeline.unless(told, one.id).changed
        with pytest.raises(ValueError, match="only what is read"):
            client.incidents.acknowledge.unless(client.incidents.acknowledge.answer(one.id), one.id)


@pytest.mark.parametrize("when", ["yesterday", "0", "2099-01-01T00:00:00", "2099-13-01T00:00:00Z"])
def test_a_moment_that_nobody_knows_is_wrong_usage(capsys: pytest.CaptureFixture[str], when: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        app(("incident", "show", "01990000-0000-7000-8000-000000000001", "--as-of", when))
    assert stopped.value.code != 0
    assert "2026-01-01T12:00:00Z" in capsys.readouterr().err


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


def test_users_are_granted_something_listed_and_revoked(run: Run) -> None:
    granted = run("users", "grant", "ada@example.com", "--role", "responder", "--team", "payments")
    assert granted == "Granted ada@example.com responder, payments.\n"
    assert run("users", "list").splitlines()[1].split()[:4] == [
        *("ada@example.com", "awaited"),
        *("responder", "payments"),
    ]
    [page] = run("users", "list", "--json").splitlines()
    assert json.loads(page)["items"][0]["role"] == "responder"
    assert run("users", "revoke", "ada@example.com") == "Revoked ada@example.com.\n"
    assert "revoked" in run("users", "list")


def following(*tokens: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pulseops", *tokens],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_happens_is_told_as_it_happens_until_somebody_has_seen_enough(run: Run) -> None:
    one = json.loads(run("incident", "create", "Slow", "--json"))
    with (
        following("stream", "--after", "0", "--json") as documents,
        following("stream", "--after", "0") as lines,
        following("incident", "follow", one["id"]) as story,
    ):
        assert documents.stdout
        assert lines.stdout
        assert story.stdout
        told = [json.loads(documents.stdout.readline()) for _ in range(3)]
        assert [entry["type"] for entry in told] == ["CREATED", "CLASSIFIED", "ASSIGNED"]
        said = lines.stdout.readline()
        assert one["id"] in said
        assert "CREATED" in said
        assert story.stdout.readline() == "Slow\n"
        run("incident", "resolve", one["id"], "--note", "over")
        assert json.loads(documents.stdout.readline())["data"]["note"] == "over"
        while "RESOLVED" not in (said := story.stdout.readline()):
            assert said
        assert one["id"] not in said
        for process in (documents, lines, story):
            process.send_signal(signal.SIGINT)
        for process in (documents, lines, story):
            assert process.communicate(timeout=20)[1] == ""


def test_the_examples_of_the_clients_page_run(
    worked: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    target = find_target(Settings.from_environment(os.environ))
    given = {"URL": target.url, "KEY": target.key, "AUDIT_PUB": str(tmp_path / "audit.pub")}
    assert len(examples) >= 5
    for example in examples:
        exec(compile(example, "docs/client.md", "exec"), given)
    said = capsys.readouterr().out
    assert "Acknowledged by key:admin." in said
    assert "invalid-input" in said
    assert "RESOLVED" in said
    assert re.search(r"CREATED .* is among the first \d+ events of pulseops/\w+/default", said)
