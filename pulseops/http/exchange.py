"""What is known of a request from the moment it comes in: its headers, its name in the logs, its trace."""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from litestar import Request
from msgspec import Struct

from pulseops.http.refusal import Header
from pulseops.kernel.ids import new_id

Req = Request[Any, Any, Any]

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NO_TRACE = b"0" * 32


class Exchange(Struct, frozen=True):
    """`headers` by lower-case name, of repeated ones the last; `correlation_id` joins all events caused."""

    headers: dict[bytes, bytes]
    request_id: str
    correlation_id: UUID


def exchange(headers: Iterable[tuple[bytes, bytes]]) -> Exchange:
    """A trace of the caller's is continued: `traceparent` first, then an `X-Request-Id` that is a UUID."""
    named = dict(headers)
    given = named.get(b"x-request-id")
    request_id = given.decode() if given is not None and _REQUEST_ID.fullmatch(given) else None
    correlation_id = _traced(named.get(b"traceparent")) or _uuid(request_id) or new_id()
    return Exchange(named, request_id or str(correlation_id), correlation_id)


def signature(known: Exchange) -> tuple[Header, Header]:
    """What every answer carries."""
    return (b"x-request-id", known.request_id.encode()), (b"x-content-type-options", b"nosniff")


def of(request: Req) -> Exchange:
    found: Exchange = request.scope["exchange"]  # type: ignore[typeddict-item]  # ours, put there by the edge
    return found


def _traced(traceparent: bytes | None) -> UUID | None:
    if traceparent is None or (found := _TRACEPARENT.fullmatch(traceparent)) is None:
        return None
    return None if found[1] == _NO_TRACE else UUID(found[1].decode())


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text is not None and _UUID.fullmatch(text) else None
