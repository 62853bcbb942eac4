"""`pulseops incident diff` and `changes`: what changed between two moments."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.padding import Padding
from rich.text import Text

from pulseops.cli import render
from pulseops.cli.past import From, To, changed, meant, placed, required
from pulseops.cli.reply import Id, as_told, then
from pulseops.cli.speak import PLAINLY, Speak, documents, print_json, speaking
from pulseops.cli.words import harmless
from pulseops.client import Answer, PulseOps
from pulseops.client.past import Difference, Happened, IncidentDiff, ListDiff, Stand
from pulseops.kernel.moments import Moment

comparing = App()


@comparing.command
def diff(
    incident_id: Id,
    /,
    *,
    since: Annotated[str, Parameter(name="--from", validator=then)],
    until: Annotated[str | None, Parameter(name="--to", validator=then)] = None,
    speak: Speak = PLAINLY,
) -> None:
    """Tell what changed about an incident between two moments, and the events between: who did it, and why.

    With --json: as the API gives it, a line for every 200 events.

    Parameters
    ----------
    since
        The earlier moment: a version, how long ago (36h), a date, a time with its zone, or a position
        (@48213).
    until
        The later one; without it, now.
    """
    first, last = as_told(since), None if until is None else as_told(until)
    with speaking(speak) as client:
        pages, cursor = list[Answer[IncidentDiff]](), None
        while not pages or cursor is not None:
            pages.append(client.incidents.diff.answer(incident_id, first, last, cursor=cursor))
            # What happens to it meanwhile is on no page.
            cursor, last = pages[-1].value.next_cursor, pages[0].value.until.version
        if speak.json:
            print_json(*(page.body for page in pages))
            return
        found, steps = pages[0].value, [step for page in pages for step in page.value.items]
        render.say(Text(f"From {_version(found.since)} to {_version(found.until)}:", style="dim"))
        render.say(changed(found.changes) if found.changes else "Nothing about it changed.")
        if steps:
            render.say(render.timeline(steps, pages[0].now, render.width()))


@comparing.command
def changes(*, since: From, until: To = None, speak: Speak = PLAINLY) -> None:
    """Tell which incidents changed between two moments: created, ended, and how they changed.

    With --json: an incident a line.

    Parameters
    ----------
    since
        The earlier moment: how long ago (36h), a date, a time with its zone, or a position (@48213).
        @0 is before everything.
    until
        The later one; without it, now.
    """
    with speaking(speak) as client:
        show_changes(client, required(since), meant(until), speak)


def show_changes(client: PulseOps, since: Moment, until: Moment | None, speak: Speak) -> ListDiff:
    """All pages. The last one is returned."""
    cursor, begun, many = None, False, 0
    while True:
        answer = client.incidents.changes.answer(since, until, cursor=cursor)
        found = answer.value
        if speak.json:
            print_json(*documents(answer.body))
        else:
            if not begun:
                render.say(Text(placed(found), style="dim"))
                if found.counts is not None:
                    render.say(_counted(found.counts))
            for one in found.items:
                _tell(one)
        many += len(found.items)
        cursor, begun = found.next_cursor, True
        if cursor is None:
            break
    if not many and not speak.json:
        render.say("No incident changed.")
    return found


def _tell(one: Difference) -> None:
    words = [word for word, so in (("created", one.created), ("ended", one.ended)) if so] or ["changed"]
    versions = f"version {one.from_version} to {one.to_version}"
    style = "green" if one.ended else "blue" if one.created else "yellow"
    render.say(Text.assemble((f"{' and '.join(words):<17}", style), (harmless(one.title), "bold")))
    render.say(Padding(Text(f"{one.id} · {versions}", style="dim"), (0, 0, 0, 4)))
    # What a new one says of itself is in itself.
    if one.changes and not one.created:
        render.say(Padding(changed(one.changes), (0, 0, 0, 4)))


def _counted(counts: Happened) -> Text:
    events = ", ".join(f"{harmless(kind)} {many:,}" for kind, many in counts.events.items())
    return Text(
        f"{counts.incidents:,} incident{'' if counts.incidents == 1 else 's'}: {events or 'no events'}"
    )


def _version(stand: Stand) -> str:
    if stand.recorded_at is None:
        return "before it was"
    return f"version {stand.version} ({stand.recorded_at:%Y-%m-%d %H:%M:%SZ})"
