"""The command line against the real API: a real server on a real port, with the rules that come with it."""

import json

import pytest

from pulseops.cli.incident.incidents import incident
from tests.conftest import Database


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
