"""`pulseops incident …`: report, see and find incidents over HTTP. What is done to one: `answering.py`."""

import sys
from datetime import datetime
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from msgspec import Raw, Struct

from pulseops.cli import render
from pulseops.cli.answering import answering
from pulseops.cli.describing import describing
from pulseops.cli.following import following
from pulseops.cli.pairs import labels, pair
from pulseops.cli.reply import Id, Prose, settle, show_brief, zoned
from pulseops.cli.speak import PLAINLY, Speak, print_json, speaking
from pulseops.cli.story import foretell
from pulseops.cli.words import harmless
from pulseops.client import Answer
from pulseops.client.call import understood
from pulseops.client.incidents import Sort
from pulseops.client.reading import reader
from pulseops.client.results import Page
from pulseops.incidents.events import Priority, Status
from pulseops.incidents.incident import Incident

incident = App(
    name="incident",
    help="""Report, see and answer incidents.

    Exit codes: 0 done, 1 refused by the server, 2 wrong usage, 3 no server answered.
    The key comes from PULSEOPS_API_KEY, from --key-file, or from the home of a local `pulseops up`.
    """,
)


T = TypeVar("T", bound=str)
_Several = Annotated[tuple[T, ...], Parameter(negative=(), show_default=False)]


class _Items(Struct):
    items: tuple[Raw, ...]


class _Told(Struct):
    timeline: Raw


_PAGE, _TOLD = reader(_Items), reader(_Told)


@incident.command
def create(
    title: str,
    /,
    *,
    description: Prose = "",
    source: str = "user",
    service: str | None = None,
    environment: str | None = None,
    label: Annotated[tuple[str, ...], Parameter(validator=pair, negative=(), show_default=False)] = (),
    priority: Priority | None = None,
    occurred_at: Annotated[datetime | None, Parameter(validator=zoned)] = None,
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
        written = client.incidents.create.answer(
            title,
            description=sys.stdin.read() if description == "-" else description,
            source=source,
            service=service,
            environment=environment,
            labels=labels(label),
            priority=priority,
            occurred_at=occurred_at,
            dedup_key=dedup_key,
            idempotency_key=idempotency_key,
        )
        joined = not speak.json and written.value.deduplicated
        show_brief("Joined the open incident" if joined else "Created", written, speak)
        settle(client, written)


@incident.command(name="list")
def list_incidents(
    *,
    status: _Several[Status] = (),
    priority: _Several[Priority] = (),
    category: _Several[str] = (),
    team: _Several[str] = (),
    service: _Several[str] = (),
    label: _Several[str] = (),
    responder: _Several[str] = (),
    since: Annotated[datetime | None, Parameter(validator=zoned)] = None,
    until: Annotated[datetime | None, Parameter(validator=zoned)] = None,
    text: str | None = None,
    sort: Sort | None = None,
    limit: Annotated[int | None, Parameter(name=["--limit", "-n"])] = None,
    cursor: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    speak: Speak = PLAINLY,
) -> None:
    """List incidents, newest first. A filter that is repeated takes any of its values, but every --label.

    With --json: one page as the API gives it; with --json --all: every incident, one JSON document a line.

    Parameters
    ----------
    label
        Only those with this name=value, or with this name.
    responder
        Only those that this person has.
    since
        Only those reported then or later, with its zone: 2026-11-23T14:05:00Z.
    until
        Only those reported before then.
    text
        Only those with these words in title or description.
    sort
        A minus is the newest, or the worst, first.
    limit
        How many at most; with --all, how many a page.
    cursor
        Where the page before said that the next one begins (`nextCursor`).
    every
        Follow the pages to the end.
    """
    wanted: dict[str, Any] = {
        "status": status,
        "priority": priority,
        "category": category,
        "team": team,
        "service": service,
        "label": label,
        "responder": responder,
        "since": since,
        "until": until,
        "text": text,
        "sort": sort,
        "limit": limit,
        "cursor": cursor,
    }
    with speaking(speak) as client:
        for number, answer in enumerate(client.incidents.iterate.pages(**wanted)):
            if not speak.json:
                _show_table(answer, first=number == 0, every=every)
            elif every:
                print_json(*understood(_PAGE, answer.body).items)
            else:
                print_json(answer.body)
            if not every:
                return


@incident.command
def show(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """Show an incident with its whole timeline, and why each step was taken."""
    with speaking(speak) as client:
        answer = client.incidents.get.answer(incident_id)
        if speak.json:
            print_json(answer.body)
        else:
            seen = answer.value
            render.say(render.story(seen, seen.timeline, answer.now, render.width()))


@incident.command
def timeline(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """Tell what happened to an incident, and why, without the incident itself."""
    with speaking(speak) as client:
        answer = client.incidents.get.answer(incident_id)
        if speak.json:
            print_json(understood(_TOLD, answer.body).timeline)
        else:
            render.say(render.timeline(answer.value.timeline, answer.now, render.width()))


@incident.command
def plan(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """Tell what will happen to an incident by the clock, to whom and when."""
    with speaking(speak) as client:
        answer = client.incidents.plan.answer(incident_id)
        if speak.json:
            print_json(answer.body)
        else:
            render.say("\n".join(harmless(line) for line in foretell(answer.value, answer.now)))


def _show_table(answer: Answer[Page[Incident]], *, first: bool, every: bool) -> None:
    incidents, more = answer.value.items, answer.value.next_cursor
    if incidents:
        render.say(render.table(incidents, answer.now, render.width(), heading=first))
    elif first:
        render.say("No incidents.")
    if more is not None and not every:
        render.say(f"More: --all, or --cursor {harmless(more)}", stderr=True)


for more in (answering, describing, following):
    incident.update(more)
