"""`client.history`: events as they are sealed, to be kept, replayed or verified elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic

from msgspec.structs import replace

from pulseops.client.call import Call, Id, T, identity, parameters
from pulseops.client.method import Room, W, method, paged
from pulseops.client.results import Page
from pulseops.eventstore.cloudevents import position_of

_PAGE = 500


class _Lines(Call[T], Generic[T], frozen=True, kw_only=True):
    """It goes on after the last position of a full page."""

    def at(self, cursor: str) -> "_Lines[T]":
        return replace(self, query={**self.query, "after": cursor})

    def more(self, page: bytes) -> str | None:
        lines = page.split(b"\n")[:-1]
        return str(position_of(lines[-1])) if len(lines) == int(str(self.query["limit"])) else None


class History(Room[W]):
    """Lines of CloudEvents, as `pulseops events export` writes them."""

    @method
    def page(
        self,
        *,
        after: int = 0,
        up_to: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        type: str | Sequence[str] = (),  # noqa: A002 -- the parameter's name
        incident: Id | Sequence[Id] = (),
        limit: int = _PAGE,
    ) -> Call[Page[bytes]]:
        """Events after a position, up to another; else up to what is signed, or the newest where nothing is.

        `since`, `until`: recorded then or later, and before then. Of several types or incidents any.
        """
        return _Lines(
            method="GET",
            path="/events",
            read=_read,
            query=parameters(
                {
                    "after": after,
                    "upTo": up_to,
                    "since": since,
                    "until": until,
                    "type": [type] if isinstance(type, str) else type,
                    "incident": [identity(one) for one in _several(incident)],
                    "limit": limit,
                }
            ),
            headers={"Accept": "application/x-ndjson"},
            media="application/x-ndjson",
        )

    lines = paged(page)
    """The line of each event, without its end, through all pages."""


def _several(incident: Id | Sequence[Id]) -> Sequence[Id]:
    return incident if isinstance(incident, list | tuple) else [incident]  # type: ignore[list-item]  # an Id


def _read(body: bytes) -> Page[bytes]:
    return Page(items=tuple(body.split(b"\n")[:-1]))
