"""Many incidents in one request, as a JSON array or one JSON object a line. Each item stands for itself."""

import asyncio
import re

import msgspec

from pulseops.http import bodies, exchange, problem
from pulseops.http.bodies import Body
from pulseops.http.exchange import Req
from pulseops.http.refusal import Refused
from pulseops.incidents.answers import Batch, Item
from pulseops.incidents.commands import Create
from pulseops.incidents.reporting import Caller, Report, log_batch, report
from pulseops.incidents.store import Incidents

ITEMS, BYTES = 1_000, 1024 * 1024
"""The most that one request may carry."""

_CREATE = Body(Create)
_ARRAY = Body(list[msgspec.Raw], accepted="application/json, or application/x-ndjson")
_LINES = re.compile(rb"application/(x-)?ndjson(\s*;.*)?", re.IGNORECASE)


async def read(request: Req) -> list[bytes | msgspec.Raw]:
    """The items, not yet understood. Raises Refused: malformed, unsupported-media-type, too-large."""
    content_type = exchange.of(request).headers.get(b"content-type", b"")
    items: list[bytes | msgspec.Raw]
    if _LINES.fullmatch(content_type):
        items = [line for line in (await bodies.read(request, BYTES)).split(b"\n") if line.strip()]
    else:
        items = [*await _ARRAY.read(request, BYTES)]
    if len(items) > ITEMS:
        raise Refused("too-large", f"A batch may have at most {ITEMS:,} items; this one has {len(items):,}.")
    return items


async def report_all(
    incidents: Incidents, caller: Caller, items: list[bytes | msgspec.Raw], key: str | None
) -> Batch:
    """Every item on its own: a bad one fails alone. Under a key, the item's place names its command."""

    reports: list[Report] = []

    async def one(index: int, raw: bytes | msgspec.Raw) -> Item:
        made = await report(incidents, caller, _CREATE.decode(raw), None if key is None else f"{key} {index}")
        reports.append(made)
        return Item(
            status=made.status,
            incident=made.incident,
            deduplicated=made.deduplicated,
            replayed=made.replayed,
        )

    done = await asyncio.gather(*(one(index, raw) for index, raw in enumerate(items)), return_exceptions=True)
    answered = [_failed(item) if isinstance(item, BaseException) else item for item in done]
    log_batch(caller, reports)
    _refuse_whole(answered)
    return Batch(
        items=answered,
        stored=sum(item.status == 201 and not item.replayed for item in answered),  # noqa: PLR2004 -- Created
        failed=sum(item.problem is not None for item in answered),
    )


def _failed(error: BaseException) -> Item:
    if not isinstance(error, Exception):
        raise error
    what = problem.of_error(error)
    return Item(status=what.status, problem=what)


def _refuse_whole(items: list[Item]) -> None:
    """When nothing was stored because nothing could be, the request failed, not its items."""
    codes = {item.problem.code if item.problem else None for item in items}
    if codes and codes <= {"unavailable", "overloaded"}:
        raise Refused(codes.pop() or "unavailable", "Nothing was stored. Send the whole batch again.")
