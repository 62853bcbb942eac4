"""`pulseops incident …` against a real, if small, HTTP server that speaks the API's contract."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rich.cells import cell_len

from pulseops.cli.incident.incidents import incident
from tests.unit.answered import Reply, Server, server

__all__ = ["server"]


ID = "019abcde-0000-7000-8000-000000000001"
REASON = {"decidedBy": "rules", "rule": "r1", "rulesVersion": "v1", "why": "the title says so"}


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*tokens: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            incident(tokens)
        code = stopped.value.code
        assert isinstance(code, int)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def an_incident(**fields: Any) -> dict[str, Any]:
    at = "2026-11-23T12:00:00Z"
    return {
        "id": ID,
        "status": "open",
        "title": "Checkout is slow",
        "description": "",
        "source": "user",
        "service": None,
        "environment": None,
        "labels": {},
        "dedupKey": None,
        "priority": "high",
        "category": "application",
        "assignedTeam": "backend",
        "escalationLevel": 0,
        "occurredAt": at,
        "createdAt": at,
        "updatedAt": at,
        "version": 3,
        "position": 3,
        **fields,
    }


def a_story(**fields: Any) -> dict[str, Any]:
    steps: Sequence[tuple[str, str, str, dict[str, Any]]] = (
        ("CREATED", "12:00:00", "key:ci", {"title": "Slow", "source": "webhook", "service": "shop"}),
        (
            "CLASSIFIED",
            "12:00:00",
            "system:classification",
            {
                "priority": "high",
                "category": "application",
                "priorityDecision": REASON,
                "categoryDecision": {
                    **REASON,
                    "why": "“checkout” is an application",
                    "evidence": ["checkout"],
                },
            },
        ),
        ("ASSIGNED", "12:00:00", "system:assignment", {"team": "backend", "decision": REASON}),
        (
            "ESCALATED",
            "12:15:01.5",
            "system:escalation",
            {
                "level": 1,
                "to": "backend-lead",
                "policy": "default",
                "dueAt": "2026-11-23T12:15:00Z",
                "lateBy": 1.5,
                "decision": {**REASON, "why": "nobody answered for 15 min."},
            },
        ),
        ("PARKED", "12:16:00", "key:ops", {"until": "Monday"}),
        ("RESOLVED", "14:20:00", "key:ops", {"note": "rolled back"}),
    )
    timeline = [
        {
            "event": event,
            "timestamp": f"2026-11-23T{at}Z",
            "occurredAt": "2026-11-23T12:00:00Z",
            "actor": actor,
            "version": version,
            "position": version,
            "details": details,
        }
        for version, (event, at, actor, details) in enumerate(steps, start=1)
    ]
    return an_incident(timeline=timeline, **fields)


AT_NOON = {"Date": "Mon, 23 Nov 2026 14:22:00 GMT"}


def test_create_sends_what_was_said_and_nothing_else(server: Server, run: Run) -> None:
    server.replies = [Reply(201, an_incident())]
    code, out, _ = run(
        "create",
        "Checkout is slow",
        *("--service", "shop", "--label", "region=eu", "--label", "eq=a=b"),
        *("--priority", "high", "--occurred-at", "2026-11-23T12:00:00+01:00", "--idempotency-key", "k1"),
    )
    sent = server.requests[0]
    assert (code, sent.method, sent.path) == (0, "POST", "/incidents")
    assert sent.body == {
        "title": "Checkout is slow",
        "service": "shop",
        "labels": {"region": "eu", "eq": "a=b"},
        "priority": "high",
        "occurredAt": "2026-11-23T12:00:00+01:00",
    }
    assert sent.headers["Idempotency-Key"] == "k1"
    assert sent.headers["Authorization"] == "Bearer pulseops_1_secret"
    assert out.splitlines() == [f"Created {ID}", "high · open · application · team backend"]


def test_a_dash_reads_the_description_from_standard_input(
    server: Server, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("two\nlines")
    with (tmp_path / "text").open() as text:
        monkeypatch.setattr("sys.stdin", text)
        server.replies = [Reply(201, an_incident())]
        run("create", "t", "--description", "-")
    assert server.requests[0].body["description"] == "two\nlines"


def test_an_incident_that_was_joined_is_not_called_created(server: Server, run: Run) -> None:
    server.replies = [Reply(200, an_incident(deduplicated=True))]
    _, out, _ = run("create", "t", "--dedup-key", "d")
    assert out.startswith(f"Joined the open incident {ID}")


@pytest.mark.parametrize("may", ["incident.read", "incident.report"])
def test_lists_are_waited_for_by_those_alone_who_may_read_them(server: Server, run: Run, may: str) -> None:
    me = {"actor": "key:k", "role": "r", "actions": [may]}
    server.replies = [
        Reply(201, an_incident(), {"X-PulseOps-Position": "7"}),
        Reply(200, me),
        Reply(200, {"items": [], "nextCursor": None}),
    ]
    code, _, err = run("create", "t")
    asked = [one.path for one in server.requests[1:]]
    assert (code, err) == (0, "")
    assert asked == ["/whoami", "/incidents?limit=1&min_position=7"][: 2 if may == "incident.read" else 1]


@pytest.mark.parametrize("first", [Reply(None), Reply(503, {}, {"Retry-After": "0"}), Reply(504, {})])
def test_a_lost_command_is_sent_once_more_under_the_same_key(server: Server, run: Run, first: Reply) -> None:
    server.replies = [first, Reply(201, an_incident())]
    assert run("create", "t")[0] == 0
    one, two = server.requests
    assert UUID(one.headers["Idempotency-Key"]) == UUID(two.headers["Idempotency-Key"])
    assert one.body == two.body


def test_an_unknown_outcome_says_so_and_names_the_key_to_repeat_it_with(server: Server, run: Run) -> None:
    server.replies = [Reply(None), Reply(None)]
    code, out, err = run("create", "t", "--idempotency-key", "mine")
    assert (code, out) == (3, "")
    assert "may have been carried out" in err
    assert "--idempotency-key mine" in err


def test_a_timeout_that_the_server_reports_is_an_unknown_outcome_too(server: Server, run: Run) -> None:
    server.replies = [Reply(504, {"status": 504, "title": "Outcome unknown"})] * 2
    code, _, err = run("resolve", ID, "--idempotency-key", "mine")
    assert code == 1
    assert "Outcome unknown" in err
    assert "--idempotency-key mine" in err


def test_a_write_that_was_turned_away_is_not_called_unknown(server: Server, run: Run) -> None:
    server.replies = [Reply(503, {"status": 503, "title": "Overloaded"}, {"Retry-After": "0"})] * 2
    code, _, err = run("create", "t")
    assert code == 1
    assert "carried out" not in err


def test_a_refusal_is_told_field_by_field(server: Server, run: Run) -> None:
    server.replies = [
        Reply(
            422,
            {
                "type": "about:blank",
                "status": 422,
                "title": "Invalid input",
                "detail": "One field is not acceptable.",
                "errors": [{"pointer": "/title", "detail": "It is longer than 200 characters."}],
            },
        )
    ]
    code, out, err = run("create", "t" * 201)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "Refused: Invalid input",
        "One field is not acceptable.",
        "  /title  It is longer than 200 characters.",
    ]
    assert len(server.requests) == 1


def test_a_refusal_in_json_is_the_problem_document(server: Server, run: Run) -> None:
    problem = {"status": 404, "title": "There is no such incident.", "type": "about:blank"}
    server.replies = [Reply(404, problem)]
    code, out, err = run("show", ID, "--json")
    assert (code, out, json.loads(err)) == (1, "", problem)


def test_a_missing_key_is_explained(server: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULSEOPS_API_KEY")
    server.replies = [Reply(401, {"status": 401, "title": "A key is needed."})]
    code, _, err = run("list")
    assert code == 1
    assert "PULSEOPS_API_KEY" in err
    assert "Authorization" not in server.requests[0].headers


def test_nobody_there_says_how_to_start_a_server(run: Run) -> None:
    code, _, err = run("list", "--url", "http://127.0.0.1:9")
    assert code == 3
    assert "`pulseops up`" in err


@pytest.mark.parametrize(
    "wrong",
    [
        ("show", "not-an-id"),
        ("create", "t", "--label", "no-value"),
        ("create", "t", "--priority", "urgent"),
        ("create", "t", "--occurred-at", "2026-11-23T12:00:00"),
        ("create", "t\udcff"),
        ("create",),
        ("list", "--url", "ftp://elsewhere"),
        ("list", "--url", "http://user:secret@127.0.0.1"),
        ("list", "--key-file", "/no/such/file"),
    ],
)
def test_wrong_usage_exits_with_2_before_anything_is_sent(
    server: Server, run: Run, wrong: tuple[str, ...]
) -> None:
    code, out, err = run(*wrong)
    assert (code, out, server.requests) == (2, "", [])
    assert "secret" not in err


@pytest.mark.parametrize(
    "wrong", [("show", "08cf"), ("merge", ID, "08cf"), ("link", ID, "--incident", "08cf")]
)
def test_the_end_of_an_id_is_none_and_the_refusal_says_where_ids_are(
    server: Server, run: Run, wrong: tuple[str, ...]
) -> None:
    code, _, err = run(*wrong)
    assert (code, server.requests) == (2, [])
    assert "08cf" in err
    assert "list`" in err


def test_the_list_is_a_line_an_incident_with_its_age_by_the_servers_clock(server: Server, run: Run) -> None:
    items = [an_incident(), an_incident(title="Disk is full", priority="low", assignedTeam=None)]
    server.replies = [Reply(200, {"items": items, "nextCursor": "abc"}, AT_NOON)]
    code, out, err = run("list", "--status", "open", "--team", "backend", "--limit", "2")
    assert code == 0
    assert server.requests[0].path == "/incidents?status=open&team=backend&limit=2"
    heading, first, second = out.splitlines()
    assert heading.split() == ["AGE", "ID", "PRIORITY", "STATUS", "TEAM", "TITLE"]
    assert first.split(maxsplit=6) == ["2", "h", ID, "high", "open", "backend", "Checkout is slow"]
    assert second.split(maxsplit=6)[5:] == ["-", "Disk is full"]
    assert "--cursor abc" in err


def test_the_list_in_json_is_the_page_as_it_came(server: Server, run: Run) -> None:
    page = b'{"items":[{"id":"\xc3\xa9 new field"}],"nextCursor":null}'
    server.replies = [Reply(200, page)]
    assert run("list", "--json")[1].encode() == page + b"\n"


def test_all_pages_in_json_are_one_document_a_line(server: Server, run: Run) -> None:
    server.replies = [
        Reply(200, b'{"items":[{"n":1},{"n":2}],"nextCursor":"c2"}'),
        Reply(200, b'{"items":[{"n":3}],"nextCursor":null}'),
    ]
    code, out, err = run("list", "--json", "--all")
    assert (code, err) == (0, "")
    assert [json.loads(line)["n"] for line in out.splitlines()] == [1, 2, 3]
    assert server.requests[1].path == "/incidents?cursor=c2"


def test_show_tells_the_story_with_its_reasons_ages_and_gaps(server: Server, run: Run) -> None:
    server.replies = [Reply(200, a_story(status="resolved", escalationLevel=1, escalatedTo="lead"), AT_NOON)]
    code, out, _ = run("show", ID)
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:3] == [
        "Checkout is slow",
        "high · resolved · application · team backend · escalated to lead (level 1)",
        f"{ID} · version 3",
    ]
    assert lines[4:] == [
        "2026-11-23 12:00:00Z 2 h ago CREATED by key:ci through webhook, for shop",
        "2026-11-23 12:00:00Z 2 h ago +0 ms CLASSIFIED high · application",
        "high: the title says so (rule r1 of v1)",
        "application: “checkout” is an application (rule r1 of v1, on checkout)",
        "2026-11-23 12:00:00Z 2 h ago +0 ms ASSIGNED to team backend",
        "the title says so (rule r1 of v1)",
        "2026-11-23 12:15:01Z 2 h ago +15 min 2 s ESCALATED to backend-lead (level 1, 1.5 s late)",
        "nobody answered for 15 min (rule r1 of v1)",
        '2026-11-23 12:16:00Z 2 h ago +58 s PARKED {"until": "Monday"}',
        "2026-11-23 14:20:00Z 2 min ago +2 h 4 min RESOLVED by key:ops",
        "“rolled back”",
    ]


def test_show_in_json_is_the_document_as_it_came(server: Server, run: Run) -> None:
    story = json.dumps(a_story(unheard="of")).encode()
    server.replies = [Reply(200, story)]
    assert run("show", ID, "--json")[1].encode() == story + b"\n"


@pytest.mark.parametrize(("command", "verb"), [("acknowledge", "Acknowledged"), ("resolve", "Resolved")])
def test_answering_an_incident_carries_the_note_and_a_key(
    server: Server, run: Run, command: str, verb: str
) -> None:
    server.replies = [Reply(200, an_incident())]
    code, out, _ = run(command, ID, "--note", "on it")
    sent = server.requests[0]
    assert (code, sent.path, sent.body) == (0, f"/incidents/{ID}/{command}", {"note": "on it"})
    assert sent.headers["Idempotency-Key"]
    assert out.startswith(f"{verb} {ID}")


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2028[red]x[/red] :boom: \ud800\r\nnext"


@pytest.mark.parametrize("command", ["show", "list"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_text_of_others_reaches_the_terminal_as_a_command(
    server: Server, run: Run, command: str, form: str
) -> None:
    evil = EVIL if form == "json" else EVIL.replace("\ud800", "")
    story = a_story(title=evil, description=evil, assignedTeam=evil, category=evil, labels={evil: evil})
    story["timeline"][0]["actor"] = evil
    story["timeline"][0]["details"] = {"title": evil, "service": evil}
    story["timeline"][4] |= {"event": evil, "details": {evil: evil}}
    server.replies = [Reply(200, story if command == "show" else {"items": [story]})]
    code, out, _ = run(command, *([ID] if command == "show" else []), *(["--json"] if form == "json" else []))
    assert code == 0
    shown = out.replace("\n", "")
    assert shown.isprintable()
    assert "[red]x[/red] :boom:" in shown
    if form == "json":
        assert json.loads(out) == (story if command == "show" else {"items": [story]})


def test_a_problem_cannot_command_the_terminal_either(server: Server, run: Run) -> None:
    evil = EVIL.replace("\ud800", "")
    problem = {"status": 409, "title": evil, "detail": evil, "errors": [{"pointer": evil, "detail": evil}]}
    server.replies = [Reply(409, problem)]
    code, _, err = run("resolve", ID)
    assert code == 1
    assert err.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), 3, "not PulseOps"),
        (Reply(200, b"{}"), 3, "not what this version expects"),
        (Reply(403, b"<html>", {"Content-Type": "text/html"}), 1, "403"),
        (Reply(302, b"", {"Content-Type": "text/html", "Location": "http://evil.test/"}), 1, "evil.test"),
    ],
)
def test_an_answer_from_something_else_is_not_believed(
    server: Server, run: Run, reply: Reply, code: int, said: str
) -> None:
    server.replies = [reply]
    got, _, err = run("show", ID)
    assert (got, said in err) == (code, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("columns", [40, 80, 160])
@pytest.mark.parametrize("command", [("show", ID), ("list",)])
def test_a_terminal_gets_colour_unless_refused_and_lines_that_fit(
    server: Server, run: Run, monkeypatch: pytest.MonkeyPatch, columns: int, command: tuple[str, ...]
) -> None:
    title = "数据库 is slow for every customer " * 6
    story = a_story(title=title, description=title, labels={"region": "eu"}, assignedTeam="platform")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    body = story if command[0] == "show" else {"items": [story]}
    server.replies = [Reply(200, body, AT_NOON)] * 2
    coloured = run(*command)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    plain = run(*command)[1]
    assert "\x1b[31mhigh" in coloured
    assert not re.search(r"\x1b\[[0-9;]*3\d", plain)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert bare == re.sub(r"\x1b\[[0-9;]*m", "", plain)
    assert max(cell_len(line) for line in bare.splitlines()) <= columns
    assert ID in bare.replace("\n", "").replace(" ", "")


def test_a_proxy_never_sees_what_is_said_on_this_machine(
    server: Server, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.replies = [Reply(200, {"items": []})]
    assert run("list")[:2] == (0, "No incidents.\n")


def test_a_reader_that_has_seen_enough_is_no_error(server: Server) -> None:
    page = {"items": [an_incident(title="x" * 200)] * 2_000, "nextCursor": None}
    server.replies = [Reply(200, page)]
    talking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from pulseops.cli.incident.incidents import incident; incident(['list', '--json', '--all'])",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert talking.stdout is not None
    talking.stdout.read(10)
    talking.stdout.close()
    _, errors = talking.communicate(timeout=20)
    assert (talking.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("list_says", "told"),
    [
        (Reply(200, {"items": [], "nextCursor": None}), ""),
        (Reply(503, {"title": "The read model has not come so far"}), "Lists will show it in a moment."),
        (Reply(None), "Lists will show it in a moment."),
    ],
)
def test_a_command_that_writes_ends_when_lists_show_it_or_says_that_they_do_not_yet(
    server: Server, run: Run, list_says: Reply, told: str
) -> None:
    me = Reply(200, {"actor": "key:k", "role": "responder", "actions": ["incident.read"]})
    server.replies = [Reply(201, an_incident(), {"X-PulseOps-Position": "3"}), me, list_says]
    code, out, err = run("create", "Slow", "--json")
    assert (code, json.loads(out)["id"]) == (0, ID)
    assert (told in err, err == "") == (True, told == "")
    asked = [one.path for one in server.requests]
    assert asked == ["/incidents", "/whoami", "/incidents?limit=1&min_position=3"]


def test_a_server_that_says_no_position_is_not_waited_for(server: Server, run: Run) -> None:
    server.replies = [Reply(200, an_incident(status="resolved"))]
    code, _, err = run("resolve", ID)
    assert (code, err, len(server.requests)) == (0, "", 1)


def test_what_is_followed_is_followed_on_once_the_server_is_back(server: Server, run: Run) -> None:
    at = "2026-11-23T12:00:00Z"
    entry = {"position": 4, "id": ID, "type": "COMMENTED", "incidentId": ID, "version": 4, "actor": "key:ada"}
    entry |= {"recordedAt": at, "occurredAt": at, "correlationId": ID, "data": {"text": "Back again"}}
    block = f"id: 4\nevent: COMMENTED\ndata: {json.dumps(entry)}\n\n".encode()
    away = Reply(503, {"title": "Away"}, {"Retry-After": "0"})
    server.replies = [
        *(Reply(200, a_story()), away, away, away, Reply(None)),
        *(Reply(200, block, {"Content-Type": "text/event-stream"}), Reply(404, {"title": "No longer yours"})),
    ]
    code, out, err = run("follow", ID)
    assert (code, "Back again" in out, "No longer yours" in err) == (1, True, True)
    assert [request.headers.get("Last-Event-ID") for request in server.requests[-2:]] == ["3", "4"]
