"""Pages of one incident's life: its timeline in words, or its events as they are stored."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from pulseops.http.position import Least
from pulseops.incidents.entries import EventEntry
from pulseops.incidents.timeline import TimelineEntry
from pulseops.kernel.envelope import Fact, Recorded

R = TypeVar("R", bound=Fact)

MOST = 1_000
"""Entries on one page."""


class Steps(Least, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of it; oldest first."""

    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")] = 200
    cursor: (
        Annotated[
            str, Meta(pattern=r"^[1-9][0-9]{0,8}(?![\s\S])", description="`nextCursor` of the page before.")
        ]
        | None
    ) = None


class TimelinePage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Oldest first. `nextCursor` leads to what came later; it is null on the last page."""

    items: tuple[TimelineEntry, ...]
    next_cursor: str | None


class EventPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Oldest first. `nextCursor` leads to what came later; it is null on the last page."""

    items: tuple[EventEntry, ...]
    next_cursor: str | None


def page(facts: Sequence[Recorded[R]], wanted: Steps) -> tuple[Sequence[Recorded[R]], str | None]:
    """The facts of a page and the cursor to the next: the version of the last one. Versions never change."""
    after = int(wanted.cursor) if wanted.cursor is not None else 0
    end = after + wanted.limit
    return facts[after:end], str(end) if end < len(facts) else None
