"""Times on the command line, read alike by every option: how long ago, a date, or a time with its zone."""

from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter

from pulseops.kernel.clock import utc_now
from pulseops.kernel.durations import parse_duration

FORMS = "how long ago (36h, 7d), a date (2026-11-23), or a time with its zone (2026-11-23T14:05:00Z)"
AGO = "Or how long ago (36h, 7d), or a date (2026-11-23)."


def past(text: str, zone: tzinfo = UTC) -> datetime:
    """Of `36h`, `2026-11-23` (the midnight with which it begins in `zone`) or `2026-11-23T14:05:00Z`.

    Raises ValueError, which says what it may be.
    """
    found = _meant(text, zone)
    if found is None:
        with suppress(ValueError):
            found = datetime.fromisoformat(text)
    if found is None or found.tzinfo is None:
        raise ValueError(f"it is {FORMS}")
    return found


def instant(text: str) -> str:
    """The instant that is meant by how long ago or by a date; anything else as it is."""
    found = _meant(text, UTC)
    return text if found is None else found.isoformat()


def _meant(text: str, zone: tzinfo) -> datetime | None:
    for read in (_ago, partial(_midnight, zone=zone)):
        with suppress(ValueError, OverflowError):
            return read(text)
    return None


def _ago(text: str) -> datetime:
    return utc_now() - parse_duration(text)


def _midnight(text: str, zone: tzinfo) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone)


def _checked(_: Any, text: str | None) -> None:
    if text is not None:
        past(text)


Past = Annotated[str | None, Parameter(validator=_checked)]
"""Checked when it is read; `past` makes an instant of it."""
