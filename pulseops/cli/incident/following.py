"""`pulseops stream`, `pulseops incident follow` and what else is told event by event."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter

from pulseops.cli import render
from pulseops.cli.reply import Id, WholeId
from pulseops.cli.speak import PLAINLY, Speak, documents, print_json, speaking
from pulseops.client import PulseOps, Terms
from pulseops.client.call import understood
from pulseops.client.reading import reader
from pulseops.incidents.entries import EventEntry

_ENTRY = reader(EventEntry)
_Names = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]
# A server that restarts is away for longer than whoever waits for an answer would bear.
_PATIENT = Terms(longest_pause=2.0)

following = App()


def stream(
    *,
    after: int | None = None,
    team: _Names = (),
    incident: WholeId | None = None,
    type: _Names = (),  # noqa: A002 -- the option's name
    speak: Speak = PLAINLY,
) -> None:
    """Follow every event that the key may see, until Ctrl-C. A lost connection goes on where it broke off.

    Parameters
    ----------
    after
        Begin after this position of the log; else with what happens from now on.
    team
        Only incidents of this team; repeat for more.
    incident
        Only this incident.
    type
        Only events of this type, such as ESCALATED; repeat for more.
    """
    with speaking(speak) as client:
        client.whoami()  # says at once that there is no server, or no key
        wanted: dict[str, Any] = {"after": after, "team": team, "incident": incident, "type": type}
        _follow(client, wanted, speak, named=incident is None)


@following.command
def follow(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """Show an incident, and then what happens to it, until Ctrl-C."""
    with speaking(speak) as client:
        answer = client.incidents.get.answer(incident_id)
        if speak.json:
            print_json(answer.body)
        else:
            seen = answer.value
            render.say(render.story(seen, seen.timeline, answer.now, render.width()))
        sys.stdout.flush()
        _follow(client, {"after": answer.value.position, "incident": incident_id}, speak, named=False)


@following.command
def events(incident_id: Id, /, *, speak: Speak = PLAINLY) -> None:
    """List the events of an incident as they are recorded. With --json: one document a line."""
    with speaking(speak) as client:
        for answer in client.incidents.iterate_events.pages(incident_id):
            if speak.json:
                print_json(*documents(answer.body))
            else:
                _say(answer.value.items, named=False)


def _follow(client: PulseOps, wanted: dict[str, Any], speak: Speak, *, named: bool) -> None:
    for document in client.under(_PATIENT).stream.raw(**wanted):
        if speak.json:
            print_json(document)
        else:
            _say([understood(_ENTRY, document)], named=named)
        sys.stdout.flush()  # whoever reads a pipe wants it now


def _say(entries: Sequence[EventEntry], *, named: bool) -> None:
    for entry in entries:
        render.say(render.happening(entry, incident=named))
