"""Moments on the command line: `--as-of`, `--from` and `--to`, and how differences are shown."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pulseops.cli.words import harmless
from pulseops.client.past import Change, Point
from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.moments import Moment, moment

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _moment(_: Any, text: str | None) -> None:
    """For cyclopts: raises ValueError for what is neither a time with its zone nor a position."""
    try:
        if text is not None:
            moment(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from error


AsOf = Annotated[str | None, Parameter(validator=_moment)]
From = Annotated[str, Parameter(name="--from", validator=_moment)]
To = Annotated[str | None, Parameter(name="--to", validator=_moment)]


def required(text: str) -> Moment:
    """What was checked already."""
    return moment(text)


def meant(text: str | None) -> Moment | None:
    """What was checked already."""
    return None if text is None else moment(text)


def placed(since: Point, until: Point) -> str:
    """Between which moments."""
    return f"From {_at(since)} to {_at(until)}:"


def changed(changes: Sequence[Change]) -> RenderableType:
    """A line a field: what it was, and what it is."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    for one in changes:
        before, after = (Text(harmless(_value(value)), overflow="fold") for value in (one.before, one.after))
        before.stylize("red" if one.before is not None else "dim")
        after.stylize("green" if one.after is not None else "dim")
        rows.add_row(Text(harmless(one.field), style="bold"), before, "→", after)
    return rows


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
