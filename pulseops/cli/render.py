"""Incidents for human eyes: a table, a timeline with its reasons, a refusal. Data is never markup."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO, TextIOWrapper
from itertools import pairwise
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pulseops.cli.story import tell, tell_event
from pulseops.cli.words import age, ago, harmless
from pulseops.client.errors import Problem
from pulseops.client.results import Entry, Facet, Facets
from pulseops.incidents.entries import EventEntry
from pulseops.incidents.incident import Incident
from pulseops.kernel.durations import span

PRIORITY = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "green"}
STATUS = {"open": "bold", "acknowledged": "cyan", "resolved": "green", "merged": "dim"}
EVENT = {"CREATED": "blue", "ACKNOWLEDGED": "cyan", "ESCALATED": "bold red", "RESOLVED": "green"}
_LONGEST_EVENT = 16
_UNBOUNDED = 10_000
_WIDE = 120
_BAR = 20


def say(what: RenderableType, *, stderr: bool = False) -> None:
    """Print in a terminal's width and colours (NO_COLOR and COLUMNS heeded); elsewhere in unfolded lines."""
    console = _console(sys.stderr if stderr else sys.stdout)
    with console.capture() as captured:
        console.print(what)
    for line in captured.get().splitlines():
        console.file.write((line if console.is_terminal else line.rstrip()) + "\n")


def put(document: str) -> None:
    """On standard output as it is, in UTF-8: whatever letters a terminal has, it is for programs."""
    sys.stdout.flush()
    sys.stdout.buffer.write(document.encode())
    sys.stdout.buffer.flush()


def plainly(what: RenderableType, columns: int) -> str:
    """As it is written into a file: without colours, in so many columns."""
    into = StringIO()
    Console(file=into, width=columns, markup=False, emoji=False, highlight=False, no_color=True).print(what)
    return "".join(f"{line.rstrip()}\n" for line in into.getvalue().splitlines())


def width() -> int:
    """Columns that there are for standard output."""
    return _console(sys.stdout).width


def _console(stream: TextIO) -> Console:
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    plain = not stream.isatty()
    return Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=plain,
        width=_UNBOUNDED if plain else None,
    )


def table(
    incidents: Sequence[Incident], now: datetime, columns: int, *, heading: bool = True
) -> RenderableType:
    """One line an incident, where there is room for it; else id and team stand under the title."""
    wide = columns >= _WIDE
    rows = Table(box=None, pad_edge=False, show_header=heading, header_style="dim")
    rows.add_column("AGE", justify="right", no_wrap=True)
    if wide:
        rows.add_column("ID", no_wrap=True, style="dim")
    for name in ("PRIORITY", "STATUS"):
        rows.add_column(name, no_wrap=True)
    if wide:
        rows.add_column("TEAM", no_wrap=True, max_width=None if columns == _UNBOUNDED else 16)
    rows.add_column("TITLE")
    for one in incidents:
        how_old, team = Text(age(one.created_at, now)), Text(harmless(one.assigned_team or "-"))
        title = Text(harmless(one.title), no_wrap=True, overflow="ellipsis")
        identity = Text(str(one.id), style="dim", overflow="fold")
        if wide:
            rows.add_row(how_old, identity, _priority(one.priority), _status(one), team, title)
        else:
            under = Text.assemble(identity, "  ", team, overflow="fold")
            rows.add_row(how_old, _priority(one.priority), _status(one), Group(title, under))
    return rows


def story(
    incident: Incident, entries: Sequence[Entry], now: datetime, columns: int, *, past: bool = False
) -> RenderableType:
    """The incident as it stands, or stood in the `past`, then how it came to that."""
    parts: list[RenderableType] = [
        Text(harmless(incident.title), style="bold"),
        _standing(incident),
        Text(f"{incident.id} · {'as it was at ' if past else ''}version {incident.version}", style="dim"),
    ]
    if incident.labels:
        labels = "  ".join(f"{name}={value}" for name, value in sorted(incident.labels.items()))
        parts.append(Text(harmless(labels), style="dim"))
    if incident.description:
        parts.append(Padding(Text(harmless(incident.description, lines=True)), (1, 0, 0, 2)))
    return Group(*parts, timeline(entries, now, columns))


def timeline(entries: Sequence[Entry], now: datetime, columns: int) -> RenderableType:
    """What happened, a line or two a step."""
    parts: list[RenderableType] = []
    heads = _heads(entries, now)
    reasons = [Text(harmless("\n".join(tell(entry)), lines=True)) for entry in entries]
    if columns >= _WIDE:
        lines = Table.grid(padding=(0, 2, 0, 0))
        for head, reason in zip(heads, reasons, strict=True):
            lines.add_row(head, reason)
        parts.append(Padding(lines, (1, 0, 0, 0)))
    else:
        for head, reason in zip(heads, reasons, strict=True):
            parts.append(Padding(head, (1, 0, 0, 0)))
            parts.append(Padding(reason, (0, 0, 0, 4)))
    return Group(*parts)


def _heads(timeline: Sequence[Entry], now: datetime) -> list[Text]:
    """When it was, how long ago, how long after the event before, and what."""
    ages = [ago(entry.timestamp, now) for entry in timeline]
    gaps = ["", *(f"+{span(then.timestamp - before.timestamp)}" for before, then in pairwise(timeline))]
    names = [harmless(entry.event) for entry in timeline]
    aged, gapped, named = (max(map(len, texts), default=0) for texts in (ages, gaps, names))
    return [
        Text.assemble(
            (f"{entry.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}", "dim"),
            f"  {how_old:>{aged}}  ",
            (f"{gap:>{gapped}}", "dim"),
            "  ",
            (f"{name:<{named}}", EVENT.get(entry.event, "")),
            no_wrap=True,
        )
        for entry, how_old, gap, name in zip(timeline, ages, gaps, names, strict=True)
    ]


def happening(entry: EventEntry, *, incident: bool = True) -> RenderableType:
    """One event as it happens: when, to which incident, what and why."""
    what, *why = (harmless(line, lines=True) for line in tell_event(entry))
    head = Text.assemble((f"{entry.recorded_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}", "dim"), "  ")
    if incident:
        head.append(f"{entry.incident_id}  ", "dim")
    head.append(f"{harmless(entry.type):<{_LONGEST_EVENT}}", EVENT.get(entry.type, ""))
    return Group(Text.assemble(head, "  ", what), *(Padding(Text(line), (0, 0, 0, 4)) for line in why))


def brief(verb: str, incident: Incident) -> RenderableType:
    """One line on what a command came to, and one on where it stands."""
    return Group(Text.assemble((verb, "bold"), " ", str(incident.id)), _standing(incident))


def counts(facets: Facets, most: int) -> RenderableType:
    """The total, then a block a facet: a line a value with its share of the facet as a bar."""
    rows = Table(box=None, pad_edge=False, show_header=False)
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="ellipsis", no_wrap=True)
    rows.add_column(justify="right", no_wrap=True)
    rows.add_column(style="dim", no_wrap=True)
    for name in (one for one in facets.__struct_fields__ if one != "total"):
        facet: Facet = getattr(facets, name)
        shown, rest = facet.values[:most], facet.others + sum(one.count for one in facet.values[most:])
        lines = [(one.value, one.count) for one in shown] + ([("others", rest)] if rest else [])
        whole = sum(count for _, count in lines)
        for number, (value, count) in enumerate(lines):
            style = {"priority": PRIORITY, "status": STATUS}.get(name, {}).get(value or "", "")
            label = Text(harmless(value), style) if value is not None else Text("-", "dim")
            bar = "▪" * max(1, round(_BAR * count / whole)) if count else ""
            rows.add_row("" if number else name, label, f"{count:,}", bar)
    return Group(Text(f"{facets.total:,} incident{'' if facets.total == 1 else 's'}", style="bold"), rows)


def refusal(problem: Problem) -> RenderableType:
    """Title, detail, and a line a field."""
    lines = [Text(f"Refused: {harmless(problem.title) or problem.status}", style="bold red")]
    told = {problem.title, *(error.detail for error in problem.errors)}
    if problem.detail and problem.detail not in told:
        lines.append(Text(harmless(problem.detail, lines=True)))
    for error in problem.errors:
        field = error.pointer or error.parameter or error.header or ""
        lines.append(Text.assemble("  ", (harmless(field), "bold"), "  ", harmless(error.detail)))
    return Group(*lines)


def _standing(incident: Incident) -> Text:
    words: list[Text] = [_priority(incident.priority), _status(incident)]
    if incident.category is not None:
        words.append(Text(harmless(incident.category)))
    if incident.assigned_team is not None:
        words.append(Text(harmless(f"team {incident.assigned_team}")))
    if incident.responder is not None:
        words.append(Text(harmless(incident.responder)))
    if incident.snoozed_until is not None:
        words.append(Text(f"snoozed until {incident.snoozed_until.astimezone(UTC):%Y-%m-%d %H:%MZ}"))
    if incident.merged_into is not None:
        words.append(Text(f"merged into {incident.merged_into}"))
    if incident.escalation_level:
        to = harmless(incident.escalated_to or "?")
        words.append(Text(f"escalated to {to} (level {incident.escalation_level})", style=EVENT["ESCALATED"]))
    return Text(" · ").join(words)


def _priority(priority: str | None) -> Text:
    # A newer server may know others than we do.
    return Text(harmless(priority or "unclassified"), style=PRIORITY.get(priority or "", "dim"))


def _status(incident: Incident) -> Text:
    return Text(harmless(incident.status), style=STATUS.get(incident.status, ""))
