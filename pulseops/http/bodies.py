"""Bodies and query strings, read strictly into structs. What is wrong is named; nothing is guessed."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import fields

from pulseops.http import exchange
from pulseops.http.exchange import Req
from pulseops.http.pointers import located, meant
from pulseops.http.refusal import Fault, Refused
from pulseops.kernel.moments import with_plus

T = TypeVar("T")

JSON_LIMIT = 256 * 1024
"""Bytes of one JSON body."""
_PATIENCE = 10.0
"""Seconds for a whole body to arrive: the server itself would wait for ever."""
_PARAMETERS = 200
"""Of one query string: more than all values of all filters."""
_JSON_TYPE = re.compile(
    rb"application/(?:[\w.!#$&^-]+\+)?json\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE
)


async def read(request: Req, limit: int) -> bytes:
    """The body, of at most `limit` bytes."""
    headers = exchange.of(request).headers
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Refused("unsupported-media-type", "Compressed bodies are not accepted.")
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > limit:
        raise _too_large(limit)
    arrived: Callable[[], bool] | None = request.scope.get("arrived")  # type: ignore[assignment]  # ours
    if arrived is not None and arrived():
        # As with nearly all: there is nothing to wait for, and so nothing to time.
        body, _ = await _part(request)
        if len(body) > limit:
            raise _too_large(limit)
        return body
    try:
        async with asyncio.timeout(_PATIENCE):
            body, more = b"", True
            while more:
                part, more = await _part(request)
                body += part
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise Refused(
            "request-timeout",
            f"The body did not arrive within {_PATIENCE:.0f} seconds.",
            headers=[(b"connection", b"close")],
        ) from None
    return body


async def _part(request: Req) -> tuple[bytes, bool]:
    message = await request.receive()
    if message["type"] != "http.request":
        raise Refused("malformed", "The client left before the body was complete.")
    return message.get("body", b""), message.get("more_body", False)


def _too_large(limit: int) -> Refused:
    # The rest of the body is not read, so the connection cannot carry another request.
    return Refused(
        "too-large", f"The body may have at most {limit:,} bytes.", headers=[(b"connection", b"close")]
    )


class Body(Generic[T]):
    """JSON bodies of one type. With `empty`, no body at all means that value.

    `accepted` is what a caller is told to send.
    """

    def __init__(self, kind: type[T], *, empty: T | None = None, accepted: str = "application/json") -> None:
        self.kind, self._empty, self._accepted = kind, empty, accepted
        self._decoder = msgspec.json.Decoder(kind)

    async def read(self, request: Req, limit: int = JSON_LIMIT) -> T:
        """Raises Refused: malformed, unsupported-media-type, too-large, request-timeout, invalid-input."""
        body = await read(request, limit)
        if not body and self._empty is not None:
            return self._empty
        content_type = exchange.of(request).headers.get(b"content-type", b"")
        if content_type != b"application/json" and not _JSON_TYPE.fullmatch(content_type):
            raise Refused("unsupported-media-type", f"Send it with Content-Type: {self._accepted}.")
        if not body:
            raise Refused("malformed", "There is no body.")
        return self.decode(body)

    def decode(self, body: bytes | msgspec.Raw) -> T:
        """Raises Refused: malformed, invalid-input. Of a repeated key the last one counts."""
        try:
            value = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _invalid(str(error), self.kind) from None
        except UnicodeDecodeError:
            raise Refused("malformed", "The body is not UTF-8.") from None
        except RecursionError:
            raise Refused("malformed", "The body is nested too deeply.") from None
        except msgspec.DecodeError as error:
            raise Refused("malformed", f"The body is not JSON: {error}.") from None
        # PostgreSQL's text cannot hold it. The bytes are searched first, because almost none have any.
        if b"\\u0000" in bytes(body) and self.kind != list[msgspec.Raw]:
            for pointer in _nul(msgspec.to_builtins(value), ""):
                detail = "The character U+0000 is not acceptable."
                raise Refused("invalid-input", detail, errors=[Fault(detail=detail, pointer=pointer)])
        return value


class Query(Generic[T]):
    """Query strings of one struct type: none unknown, and each once at most unless it is a tuple.

    Of a tuple each value is a parameter of its own (`team=a&team=b`): values may have commas. With `others`,
    those that are not known are passed over: somebody else chooses them.
    """

    def __init__(self, kind: type[T], *, others: bool = False) -> None:
        self.kind, self._others = kind, others
        hints = get_type_hints(kind, include_extras=True)
        self._kinds = {field.encode_name: _present(hints[field.name]) for field in fields(kind)}  # type: ignore[arg-type]  # a Struct
        self._several = {
            name: one for name, hint in self._kinds.items() if (one := _one_of(hint)) is not None
        }

    def read(self, request: Req) -> T:
        """Raises Refused: malformed, invalid-input."""
        try:
            pairs = parse_qsl(
                request.scope["query_string"].decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_PARAMETERS,
            )
        except ValueError:
            raise Refused("malformed", "The query string cannot be read.") from None
        given: dict[str, Any] = {}
        for name, text in pairs:
            if name not in self._kinds and self._others:
                continue
            if name not in self._kinds:
                raise _parameter(name, f"There is no such parameter.{meant(name, list(self._kinds))}")
            if name in given and name not in self._several:
                raise _parameter(name, "It is given more than once.")
            if "\x00" in text:
                raise _parameter(name, "The character U+0000 is not acceptable.")
            value = self._value(name, text)
            if name in self._several:
                given.setdefault(name, []).append(value)
            else:
                given[name] = value
        try:
            return msgspec.convert(given, self.kind)
        except msgspec.ValidationError as error:
            pointer, detail = located(str(error), self.kind)
            raise _parameter(pointer.removeprefix("/"), detail) from None

    def _value(self, name: str, text: str) -> Any:
        """Times in UTC."""
        kind = self._several.get(name, self._kinds[name])
        try:
            if not _is_time(kind):
                return msgspec.convert(text, kind, strict=False)
            # Not strictly, a number would be a time as well: seconds of the epoch.
            instant: datetime = msgspec.convert(with_plus(text), kind)
            return instant.astimezone(UTC)
        except msgspec.ValidationError as error:
            raise _parameter(name, located(f"{error} - at `$.{name}`", self.kind)[1]) from None
        except OverflowError:
            raise _parameter(name, "There is no such time in the years 1 to 9999 of UTC.") from None


def _present(hint: Any) -> Any:
    """`hint` without None: there is no null in a query string, and a team may be called so."""
    kinds = tuple(one for one in get_args(hint) if one is not NoneType)
    return reduce(or_, kinds) if get_origin(hint) in {Union, UnionType} else hint


def _is_time(hint: Any) -> bool:
    return _is_time(get_args(hint)[0]) if get_origin(hint) is Annotated else hint is datetime


def _one_of(hint: Any) -> Any:
    """The type of each value of a tuple of any length; None for what is no such tuple."""
    if get_origin(hint) is Annotated:
        return _one_of(get_args(hint)[0])
    return get_args(hint)[0] if get_origin(hint) is tuple else None


def _parameter(name: str, detail: str) -> Refused:
    name = name[:100]
    return Refused("invalid-input", detail, errors=[Fault(detail=detail, parameter=name)])


def _invalid(message: str, kind: Any) -> Refused:
    pointer, detail = located(message, kind)
    return Refused("invalid-input", detail, errors=[Fault(detail=detail, pointer=pointer)])


def _nul(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, str) and "\x00" in value:
        yield pointer
    elif isinstance(value, dict):
        for key, one in value.items():
            if "\x00" in key:
                yield pointer
            yield from _nul(one, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _nul(one, f"{pointer}/{index}")
