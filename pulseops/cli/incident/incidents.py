"""`pulseops incident …`: report and see an incident over HTTP. What is done to one: `answering.py`."""

import sys
from datetime import datetime
from typing import Annotated

from cyclopts import App, Parameter

from pulseops.cli import render
from pulseops.cli.incident.answering import answering
from pulseops.cli.incident.comparing import comparing
from pulseops.cli.incident.describing import describing
from pulseops.cli.incident.finding import finding
from pulseops.cli.incident.following import following
from pulseops.cli.pairs import labels, pair
from pulseops.cli.reply import Id, Prose, as_told, settle, show_brief, then, zoned
from pulseops.cli.speak import PLAINLY, Speak, documents, print_json, speaking
from pulseops.cli.story import foretell
from pulseops.cli.words import harmless
from pulseops.client.results import Entry
from pulseops.incidents.events import Priority

incident = App(
    name="incident",
    help="""Report, see and answer incidents.

    Exit codes: 0 done, 1 refused by the server, 2 wrong usage, 3 no server answered.
    The key comes from PULSEOPS_API_KEY, from --key-file, or from the home of a local `pulseops up`.
    """,
)


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


@incident.command
def show(
    incident_id: Id,
    /,
    *,
    as_of: Annotated[str | None, Parameter(validator=then)] = None,
    speak: Speak = PLAINLY,
) -> None:
    """Show an incident with its whole timeline, and why each step was taken.

    Parameters
    ----------
    as_of
        As it was then: a version, how long ago (36h), a date, a time with its zone, or a position (@48213).
    """
    at = None if as_of is None else as_told(as_of)
    with speaking(speak) as client:
        answer = client.incidents.get.answer(incident_id, as_of=at)
        if speak.json:
            print_json(answer.body)
        else:
            seen = answer.value
            render.say(render.story(seen, seen.timeline, answer.now, render.width(), past=at is not None))


@incident.command
def timeline(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """Tell what happened to an incident, and why, without the incident itself. With --json: a step a line."""
    with speaking(speak) as client:
        steps, now = list[Entry](), None
        for answer in client.incidents.iterate_timeline.pages(incident_id):
            now = answer.now
            if speak.json:
                print_json(*documents(answer.body))
            else:
                steps += answer.value.items
        if steps and now is not None:
            render.say(render.timeline(steps, now, render.width()))


@incident.command
def plan(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """Tell what will happen to an incident by the clock, to whom and when."""
    with speaking(speak) as client:
        answer = client.incidents.plan.answer(incident_id)
        if speak.json:
            print_json(answer.body)
        else:
            render.say("\n".join(harmless(line) for line in foretell(answer.value, answer.now)))


for more in (finding, comparing, answering, describing, following):
    incident.update(more)
