"""Times in the past on the command line: an instant with its zone, or how long ago."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

from pulseops.cli.reply import zoned
from pulseops.kernel.durations import parse_duration


def past(text: str | None) -> datetime | None:
    """Of `2026-11-23T14:05:00Z`, or `36h`. Raises ValueError."""
    if text is None:
        return None
    if not re.match(r"\d{4}-", text):
        try:
            return datetime.now(UTC) - parse_duration(text)
        except ValueError as error:
            raise ValueError(f"{error}, or as an instant, YYYY-MM-DDThh:mm:ssZ") from error
    moment = datetime.fromisoformat(text)
    zoned(None, moment)
    return moment


def _checked(_: Any, text: str | None) -> None:
    past(text)


Past = Annotated[str | None, Parameter(validator=_checked)]
