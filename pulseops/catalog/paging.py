"""Lists of the catalog, by name: what can be asked of them, and where a page ends."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar
from zlib import crc32

import asyncpg
from msgspec import Meta, Struct, field

from pulseops.catalog.entry import Kind
from pulseops.http.moments import AsOf
from pulseops.http.position import Position
from pulseops.kernel.errors import InvalidInput

MOST = 200
"""Entries on one page."""

T = TypeVar("T")


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries a list shows."""

    text: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=200,
                description="Only those that have this in their name, display name or description.",
            ),
        ]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")] = 50
    cursor: Annotated[str, Meta(max_length=400, description="`nextCursor` of the page before.")] | None = None
    as_of: AsOf | None = field(name="asOf", default=None)
    min_position: Position | None = None

    def after(self, kind: Kind, log_id: int) -> str | None:
        """The name that the page before ended with. Raises InvalidInput."""
        return None if self.cursor is None else _name(self.cursor, kind, log_id)


class WantedServices(Wanted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which services a list shows."""

    team: (
        Annotated[str, Meta(min_length=1, max_length=200, description="Only those of this team.")] | None
    ) = None
    tier: Annotated[int, Meta(ge=1, le=4, description="Only those of this tier.")] | None = None


class Page(Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """In the order of their names. `nextCursor` leads on; it is null on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None


def page(
    rows: Sequence[asyncpg.Record],
    read: Callable[[asyncpg.Record], T],
    wanted: Wanted,
    kind: Kind,
    log_id: int,
) -> Page[T]:
    """Of rows that are one more than wanted, if there are more."""
    shown = rows[: wanted.limit]
    more = len(rows) > len(shown)
    return Page(
        items=tuple(read(row) for row in shown),
        next_cursor=cursor_after(shown[-1]["name"], kind, log_id) if more else None,
    )


def cursor_after(name: str, kind: Kind, log_id: int) -> str:
    """Leads to what comes after `name`."""
    # The sum tells a cursor of another list, or of another log, from one of ours.
    checked = crc32(f"{kind} {log_id} {name}".encode())
    return urlsafe_b64encode(checked.to_bytes(4, "big") + name.encode()).decode().rstrip("=")


def _name(cursor: str, kind: Kind, log_id: int) -> str:
    try:
        name = urlsafe_b64decode(cursor + "==")[4:].decode()
    except ValueError:
        name = ""
    if not name or "\0" in name or cursor != cursor_after(name, kind, log_id):
        raise InvalidInput("This is not a cursor of ours.", pointer="/cursor")
    return name
