"""`Idempotency-Key`: the same request asked twice is one command."""

import re
from uuid import UUID

import msgspec
from msgspec import Struct

from pulseops.http import exchange
from pulseops.http.exchange import Req
from pulseops.http.refusal import Fault, Header, Refused
from pulseops.kernel.ids import derived_id, new_id

REPLAYED: Header = (b"idempotency-replayed", b"true")
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_canonical = msgspec.json.Encoder(order="deterministic")


class Identity(Struct, frozen=True):
    """`command_id` makes the command recognisable, `fingerprint` tells two requests under one key apart."""

    command_id: UUID
    fingerprint: UUID | None = None


def key(request: Req) -> str | None:
    """The caller's key, if it sent one."""
    given = exchange.of(request).headers.get(b"idempotency-key")
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        detail = "It takes 1 to 255 visible ASCII characters."
        raise Refused("invalid-header", detail, errors=[Fault(detail=detail, header="Idempotency-Key")])
    return given.decode()


def identity(given: str | None, *, caller: str, kind: str, body: object, of: object = "") -> Identity:
    """A key belongs to its caller and one kind of request; what it is asked `of` may not change under it."""
    if given is None:
        return Identity(new_id())
    fingerprint = derived_id(of, _canonical.encode(body).decode())
    return Identity(derived_id("idempotency-key", caller, kind, given), fingerprint)
