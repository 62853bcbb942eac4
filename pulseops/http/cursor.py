"""Pages: a cursor says where the next one begins, in a form that nobody needs to understand."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from pulseops.http.problem import Fault, Refused

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """Some of the items, in order. `nextCursor` asks for those that follow; null after the last."""

    items: list[T]
    next_cursor: str | None = None


def written(place: object) -> str:
    return urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


def read(cursor: str, kind: type[T]) -> T:
    """The place that `written` wrote. A cursor grants nothing: it is only checked for its form."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.msgpack.decode(raw, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        detail = "It is not a cursor of ours."
        raise Refused("invalid-input", detail, errors=[Fault(detail=detail, parameter="cursor")]) from None
