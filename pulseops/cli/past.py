"""Moments on the command line: `--as-of`, `--from` and `--to`, and how differences are shown."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

import msgspec
from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pulseops.cli import render
from pulseops.cli.speak import Speak, documents, print_json
from pulseops.cli.when import AGO, instant
from pulseops.cli.words import harmless
from pulseops.client import Answer
from pulseops.client.past import Change, Entries, EntryDiff, Point, RulesApplied, RulesDiff
from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.moments import Moment, moment

_WHAT = {"added": "green", "removed": "red", "changed": "yellow", "unchanged": "dim"}
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _moment(_: Any, text: str | None) -> None:
    """For cyclopts: raises ValueError for what is neither a time nor a position."""
    try:
        if text is not None:
            required(text)
    except InvalidInput as error:
        raise ValueError(f"{error} {AGO}") from error


AsOf = Annotated[str | None, Parameter(validator=_moment)]
From = Annotated[str, Parameter(name="--from", validator=_moment)]
To = Annotated[str | None, Parameter(name="--to", validator=_moment)]


def required(text: str) -> Moment:
    """What was checked already."""
    return moment(instant(text))


def meant(text: str | None) -> Moment | None:
    """What was checked already."""
    return None if text is None else required(text)


class Placed(Protocol):
    """What differs between two moments, whatever it is about."""

    @property
    def since(self) -> Point: ...
    @property
    def until(self) -> Point: ...


def placed(found: Placed) -> str:
    """Between which moments."""
    return f"From {_at(found.since)} to {_at(found.until)}:"


def changed(changes: Sequence[Change]) -> RenderableType:
    """A line a field: what it was, and what it is."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    for one in changes:
        before, after = (Text(harmless(_value(value)), overflow="fold") for value in (one.before, one.after))
        before.stylize("red" if one.before is not None else "dim")
        after.stylize("green" if one.after is not None else "dim")
        rows.add_row(Text(harmless(one.field), style="bold"), before, "→", after)
    return rows


def show_entries(
    ask: Callable[..., Answer[Entries]],
    since: Moment,
    until: Moment | None,
    speak: Speak,
) -> Entries:
    """All pages of what `ask(since, until, cursor=…)` tells. The last one is returned."""
    cursor, begun, many = None, False, 0
    while True:
        answer = ask(since, until, cursor=cursor)
        found = answer.value
        if speak.json:
            print_json(*documents(answer.body))
        else:
            if not begun:
                render.say(Text(placed(found), style="dim"))
            for one in found.items:
                render.say(entry(one))
        many += len(found.items)
        cursor, begun = found.next_cursor, True
        if cursor is None:
            break
    if not many and not speak.json:
        render.say("Nothing changed.")
    return found


def show_rules(answer: Answer[RulesDiff], speak: Speak) -> RulesDiff:
    """Which were applied, and how the whole differs."""
    found = answer.value
    if speak.json:
        print_json(answer.body)
        return found
    render.say(Text(placed(found), style="dim"))
    for one in found.applied:
        render.say(Text(recorded(one), style="dim"))
    render.say(differing(found.diff) if found.diff else "The rules are the same.")
    return found


def recorded(one: RulesApplied) -> str:
    """Which rules, and when which process recorded them."""
    versions = ", ".join(f"{name} {version}" for name, version in one.versions.items())
    who = f"recorded by the {one.process} at position {one.position}, {one.recorded_at:%Y-%m-%d %H:%M:%SZ}"
    return harmless(f"{versions}: {who}")


def entry(one: EntryDiff) -> RenderableType:
    """What it is by now, what changed, and who did it."""
    title = Text.assemble(
        (f"{harmless(one.what):<10}", _WHAT.get(one.what, "")), (f"{one.kind} {harmless(one.name)}", "bold")
    )
    parts: list[RenderableType] = [title]
    if one.changes:
        parts.append(Padding(changed(one.changes), (0, 0, 0, 4)))
    if one.omitted:
        parts.append(Padding(Text(f"… {one.omitted:,} events", "dim"), (0, 0, 0, 4)))
    for act in one.events:
        who = f"{act.recorded_at:%Y-%m-%d %H:%M:%SZ}  {act.event}  {act.actor}"
        parts.append(
            Padding(Text(harmless(f"{who}  “{act.note}”" if act.note else who), "dim"), (0, 0, 0, 4))
        )
    return Group(*parts)


def differing(diff: str) -> RenderableType:
    """A unified diff."""
    lines = [Text(harmless(line), style=_STYLES.get(line[:1], "")) for line in diff.splitlines()]
    return Text("\n").join(lines)


def _value(value: Any) -> str:
    """As JSON, but for a text by itself."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _at(point: Point) -> str:
    if point.recorded_at is None:
        return "before the first event"
    return f"position {point.position} ({point.recorded_at:%Y-%m-%d %H:%M:%SZ})"
