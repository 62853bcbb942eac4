"""`pulseops incident list` and `counts`: finding incidents, and how many there are of which kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter

from pulseops.cli import render
from pulseops.cli.past import AsOf, meant
from pulseops.cli.speak import PLAINLY, Speak, documents, print_json, speaking
from pulseops.cli.when import Past, past
from pulseops.cli.words import harmless
from pulseops.client import Answer
from pulseops.client.incidents import Sort
from pulseops.client.results import Page
from pulseops.incidents.events import Priority, Status
from pulseops.incidents.incident import Incident

T = TypeVar("T", bound=str)
_Several = Annotated[tuple[T, ...], Parameter(negative=(), show_default=False)]

finding = App()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Which:
    """Filters. One that is repeated takes any of its values, but every --label."""

    status: _Several[Status] = ()
    priority: _Several[Priority] = ()
    category: _Several[str] = ()
    team: _Several[str] = ()
    service: _Several[str] = ()
    responder: _Several[str] = ()
    """Only those that this person has."""
    source: _Several[str] = ()
    """Only those that come from there: user, monitoring …"""
    label: _Several[str] = ()
    """Only those with this name=value, or with this name."""
    since: Past = None
    """Only those reported then or later: how long ago (36h, 7d), a date, or a time with its zone."""
    until: Past = None
    """Only those reported before then."""
    text: str | None = None
    """Only those with these words, each in the title or the description."""

    def said(self) -> dict[str, Any]:
        times = {name: at and past(at) for name, at in (("since", self.since), ("until", self.until))}
        return vars(self) | times


ANY = Which()


@finding.command(name="list")
def list_incidents(
    *,
    which: Which = ANY,
    sort: Annotated[Sort | None, Parameter(allow_leading_hyphen=True)] = None,
    as_of: AsOf = None,
    limit: Annotated[int | None, Parameter(name=["--limit", "-n"])] = None,
    cursor: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    speak: Speak = PLAINLY,
) -> None:
    """List incidents, newest first. A filter that is repeated takes any of its values, but every --label.

    With --json: one page as the API gives it; with --json --all: every incident, one JSON document a line.

    Parameters
    ----------
    sort
        A minus is the newest, or the worst, first.
    as_of
        As it was then: how long ago (36h), a date, a time with its zone, or a position (@48213).
    limit
        How many at most; with --all, how many a page.
    cursor
        Where the page before said that the next one begins (`nextCursor`).
    every
        Follow the pages to the end.
    """
    with speaking(speak) as client:
        pages: Iterator[Answer[Page[Incident]]] = client.incidents.iterate.pages(
            **which.said(), sort=sort, as_of=meant(as_of), limit=limit, cursor=cursor
        )
        for number, answer in enumerate(pages):
            if not speak.json:
                _show_table(answer, first=number == 0, every=every, past=as_of is not None)
            elif every:
                print_json(*documents(answer.body))
            else:
                print_json(answer.body)
            if not every:
                return


@finding.command(name=["counts", "facets"])
def counts(*, which: Which = ANY, as_of: AsOf = None, most: int = 10, speak: Speak = PLAINLY) -> None:
    """Count incidents by status, priority, category, team, service and responder.

    Each is counted under all filters but its own: `--status open` still says how many are resolved.

    Parameters
    ----------
    as_of
        As they were then: a time with its zone, or a position of the log (@48213).
    most
        How many values of each are shown, the most frequent ones.
    """
    with speaking(speak) as client:
        answer = client.incidents.facets.answer(**which.said(), as_of=meant(as_of))
        if speak.json:
            print_json(answer.body)
        else:
            if as_of is not None:
                render.say(f"As of position {answer.position}:", stderr=True)
            render.say(render.counts(answer.value, max(most, 1)))


def _show_table(answer: Answer[Page[Incident]], *, first: bool, every: bool, past: bool) -> None:
    incidents, more = answer.value.items, answer.value.next_cursor
    if first and past:
        render.say(f"As of position {answer.position}:", stderr=True)
    if incidents:
        render.say(render.table(incidents, answer.now, render.width(), heading=first))
    elif first:
        render.say("No incidents." if more is None else "No incidents on this page.")
    if more is not None and not every:
        render.say(f"More: --all, or --cursor {harmless(more)}", stderr=True)
