"""`pulseops incident …`: report, see and answer incidents over HTTP."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from cyclopts import App, Parameter
from msgspec import Raw, Struct

from pulseops.cli import render
from pulseops.cli.client import Answer, Client
from pulseops.cli.speak import PLAINLY, Speak, print_json, speaking
from pulseops.cli.story import Seen
from pulseops.cli.words import harmless
from pulseops.incidents.commands import Acknowledge, Create, Resolve
from pulseops.incidents.events import Priority, Status
from pulseops.incidents.incident import Deduplicated, Incident

incident = App(
    name="incident",
    help="""Report, see and answer incidents.

    Exit codes: 0 done, 1 refused by the server, 2 wrong usage, 3 no server answered.
    The key comes from PULSEOPS_API_KEY, from --key-file, or from the home of a local `pulseops up`.
    """,
)


Id = Annotated[UUID, Parameter(name="ID")]
Prose = Annotated[str, Parameter(show_default=False, allow_leading_hyphen=True)]


class _Page(Struct, rename="camel"):
    items: tuple[Raw, ...]
    next_cursor: str | None = None


def _pair(_: Any, labels: Sequence[str] | None) -> None:
    for label in labels or ():
        if not label.partition("=")[0] or "=" not in label:
            raise ValueError(f"{label!r} is not name=value")


def _zoned(_: Any, moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time needs its zone: 2026-11-23T14:05:00Z or …+01:00")


@incident.command
def create(
    title: str,
    /,
    *,
    description: Prose = "",
    source: str = "user",
    service: str | None = None,
    environment: str | None = None,
    label: Annotated[tuple[str, ...], Parameter(validator=_pair, negative=(), show_default=False)] = (),
    priority: Priority | None = None,
    occurred_at: Annotated[datetime | None, Parameter(validator=_zoned)] = None,
    dedup_key: str | None = None,
    idempotency_key: str | None = None,
    speak: Speak = PLAINLY,
) -> None:
    """Report an incident. A lost connection is tried once more under the same Idempotency-Key: no duplicates.

    Parameters
    ----------
    title
        What is wrong, in a line.
    description
        More about it; `-` reads it from standard input.
    source
        Where the report comes from: user, monitoring, webhook …
    label
        A name=value; repeat for more.
    priority
        An explicit priority wins over every rule.
    occurred_at
        When it happened, with its zone: 2026-11-23T14:05:00Z.
    dedup_key
        Joins the open incident with the same key, if there is one.
    idempotency_key
        Repeat a command under its own key, after an outcome that was unknown.
    """
    with speaking(speak) as client:
        body = Create(
            title=title,
            description=sys.stdin.read() if description == "-" else description,
            source=source,
            service=service,
            environment=environment,
            labels=dict(one.split("=", 1) for one in label),
            priority=priority,
            occurred_at=occurred_at,
            dedup_key=dedup_key,
        )
        key = idempotency_key or str(uuid4())
        written = client.post("/incidents", msgspec.json.encode(body), idempotency_key=key)
        _show_brief("Created", written, speak)
        _settle(client, written)


@incident.command(name="list")
def list_incidents(
    *,
    status: Status | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    team: str | None = None,
    limit: Annotated[int | None, Parameter(name=["--limit", "-n"])] = None,
    cursor: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    speak: Speak = PLAINLY,
) -> None:
    """List incidents, newest first.

    With --json: one page as the API gives it; with --json --all: every incident, one JSON document a line.

    Parameters
    ----------
    limit
        How many at most; with --all, how many a page.
    cursor
        Where the page before said that the next one begins (`nextCursor`).
    every
        Follow the pages to the end.
    """
    wanted = {
        "status": status,
        "priority": priority,
        "category": category,
        "team": team,
        "limit": limit,
        "cursor": cursor,
    }
    parameters = {name: value for name, value in wanted.items() if value is not None}
    first = True
    with speaking(speak) as client:
        while True:
            answer = client.get("/incidents", parameters)
            if speak.json and not every:
                print_json(answer.body)
                return
            page = msgspec.json.decode(answer.body, type=_Page)
            if speak.json:
                print_json(*page.items)
            else:
                _show_table(page, answer, first=first)
            if not every or page.next_cursor is None:
                break
            parameters["cursor"], first = page.next_cursor, False
        if page.next_cursor is not None:
            render.say(f"More: --all, or --cursor {harmless(page.next_cursor)}", stderr=True)


@incident.command
def show(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """Show an incident with its whole timeline, and why each step was taken."""
    with speaking(speak) as client:
        answer = client.get(f"/incidents/{incident_id}")
        if speak.json:
            print_json(answer.body)
        else:
            seen = msgspec.json.decode(answer.body, type=Seen)
            render.say(render.story(seen, seen.timeline, answer.now, render.width()))


@incident.command
def acknowledge(
    incident_id: Id, /, *, note: Prose = "", idempotency_key: str | None = None, speak: Speak = PLAINLY
) -> None:
    """Say that somebody is on it: escalation stops."""
    body = msgspec.json.encode(Acknowledge(note=note))
    _answer(f"/incidents/{incident_id}/acknowledge", body, "Acknowledged", idempotency_key, speak)


@incident.command
def resolve(
    incident_id: Id, /, *, note: Prose = "", idempotency_key: str | None = None, speak: Speak = PLAINLY
) -> None:
    """Say that it is over."""
    body = msgspec.json.encode(Resolve(note=note))
    _answer(f"/incidents/{incident_id}/resolve", body, "Resolved", idempotency_key, speak)


def _answer(path: str, body: bytes, verb: str, idempotency_key: str | None, speak: Speak) -> None:
    with speaking(speak) as client:
        written = client.post(path, body, idempotency_key=idempotency_key or str(uuid4()))
        _show_brief(verb, written, speak)
        _settle(client, written)


def _settle(client: Client, written: Answer) -> None:
    """Whoever lists after this command has ended expects to see what it did."""
    if not client.settled(written):
        render.say("It is recorded. Lists will show it in a moment.", stderr=True)


def _show_brief(verb: str, answer: Answer, speak: Speak) -> None:
    if speak.json:
        print_json(answer.body)
        return
    now = msgspec.json.decode(answer.body, type=Deduplicated)
    render.say(render.brief("Joined the open incident" if now.deduplicated else verb, now))


def _show_table(page: _Page, answer: Answer, *, first: bool) -> None:
    incidents = [msgspec.json.decode(one, type=Incident) for one in page.items]
    if incidents:
        render.say(render.table(incidents, answer.now, render.width(), heading=first))
    elif first:
        render.say("No incidents.")
