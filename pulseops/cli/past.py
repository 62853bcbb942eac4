"""Moments on the command line: `--as-of`, `--from` and `--to`, and how differences are shown."""

from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from pulseops.cli.words import harmless
from pulseops.client.past import Point
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


def differing(diff: str) -> RenderableType:
    """A unified diff."""
    lines = [Text(harmless(line), style=_STYLES.get(line[:1], "")) for line in diff.splitlines()]
    return Text("\n").join(lines)


def _at(point: Point) -> str:
    if point.recorded_at is None:
        return "before the first event"
    return f"position {point.position} ({point.recorded_at:%Y-%m-%d %H:%M:%SZ})"
