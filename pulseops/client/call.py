"""One call, described: what is sent, and how its answer is read. Nothing here sends anything."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pulseops.client.errors import NotUnderstood
from pulseops.client.reading import reader
from pulseops.client.terms import server_time
from pulseops.kernel.errors import PulseOpsError

T = TypeVar("T")
Id: TypeAlias = UUID | str
Value: TypeAlias = str | int | bool | datetime | Sequence[str] | None


class _More(Struct, rename="camel"):
    next_cursor: str | None = None


_more = reader(_More)


class Call(Struct, Generic[T], frozen=True, kw_only=True):
    """`key` is the Idempotency-Key of a command: made once, and the same in every try.

    `also` are statuses that are answers too, though others would be refusals; `media` is what they come in.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, str | Sequence[str]] = {}
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    key: str | None = None
    also: tuple[int, ...] = ()
    media: str = "application/json"

    def at(self, cursor: str) -> "Call[T]":
        """The same, for another page."""
        return replace(self, query={**self.query, "cursor": cursor})

    def more(self, page: bytes) -> str | None:
        """Where the page after this one begins. Raises NotUnderstood."""
        return understood(_more, page).next_cursor

    def answered(self, *statuses: int) -> "Call[T]":
        """The same, to which these statuses are answers, too."""
        return replace(self, also=statuses)

    def unless(self, known: "Answer[Any]") -> "Call[T]":
        """The same, which need not be answered again where it is as known. ValueError for a command."""
        if self.method != "GET":
            raise ValueError("only what is read can be asked for unless it is as known")
        tag = known.headers.get("ETag")
        return self if tag is None else replace(self, headers={**self.headers, "If-None-Match": tag})


class Answer(Struct, Generic[T], frozen=True, kw_only=True):
    """A 2xx, or a 304 that was asked for. `body` is what came, mostly JSON; `now` is the server's clock.

    `position` is the place in the log of what was written, or to which a list has come: a list that is asked
    for with it as `min_position` shows it. `version` is that of the ETag. `replayed`: the command was carried
    out before, and this is the first answer once more.
    """

    status: int
    body: bytes
    headers: httpx.Headers
    read: Callable[[bytes], T]

    @property
    def value(self) -> T:
        """Raises NotUnderstood."""
        return understood(self.read, self.body)

    @property
    def now(self) -> datetime:
        return server_time(self.headers)

    @property
    def position(self) -> int | None:
        text = self.headers.get("X-PulseOps-Position", "")
        return int(text) if text.isdecimal() else None

    @property
    def version(self) -> int | None:
        text = self.headers.get("ETag", "").strip('"')
        return int(text) if text.isdecimal() else None

    def or_known(self, known: "Answer[T]") -> "Answer[T]":
        """`known`, under this answer's headers, where this is a 304; `changed` says which it was."""
        return replace(self, body=known.body) if self.status == HTTPStatus.NOT_MODIFIED else self

    @property
    def changed(self) -> bool:
        """Whether it is another than was known."""
        return self.status != HTTPStatus.NOT_MODIFIED

    @property
    def replayed(self) -> bool:
        return bool(self.headers.get("Idempotency-Replayed") == "true")


def understood(read: Callable[[bytes], T], body: bytes) -> T:
    """Raises NotUnderstood."""
    try:
        return read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, PulseOpsError, RecursionError) as error:
        raise NotUnderstood(f"The answer is not what this version expects: {error}") from error


def get(
    path: str,
    kind: type[T],
    query: Mapping[str, Value] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call[T]:
    return Call(
        method="GET", path=path, read=reader(kind), query=parameters(query or {}), headers=headers or {}
    )


def command(
    path: str,
    body: Struct | Sequence[Struct] | None,
    kind: type[T],
    *,
    key: str | None,
    if_match: int | None = None,
    method: str = "POST",
    query: Mapping[str, Value] | None = None,
) -> Call[T]:
    """`key` is made unless the caller has one. UnicodeEncodeError for text that is not Unicode."""
    return Call(
        method=method,
        path=path,
        read=reader(kind),
        query=parameters(query or {}),
        headers={} if if_match is None else {"If-Match": f'"{if_match}"'},
        body=None if body is None else msgspec.json.encode(body),
        key=str(uuid4()) if key is None else key,
    )


def or_none(call: Call[T]) -> Call[T | None]:
    """None for an answer without a body, as a 304 is."""
    return Call(
        method=call.method,
        path=call.path,
        read=lambda body: call.read(body) if body else None,
        query=call.query,
        headers=call.headers,
    )


def parameters(query: Mapping[str, Value]) -> dict[str, str | Sequence[str]]:
    """What goes into the query string; None and empty sequences stay out."""
    return {
        name: _written(value) for name, value in query.items() if value is not None and value not in ((), [])
    }


def _written(value: Value) -> str | Sequence[str]:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return instant(value)
        case int():
            return str(value)
        case str():
            return value
        case _:
            return list(value or ())


def together(words: str | Sequence[str] | None) -> str | None:
    """Several values as one, for a parameter that takes them between commas."""
    return words if words is None or isinstance(words, str) else ",".join(words) or None


def instant(moment: datetime) -> str:
    """As RFC 3339 has it. ValueError for a time without a zone: nobody knows when that is."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def identity(incident: Id) -> str:
    """ValueError for what is no id: it must not become another path."""
    return str(UUID(str(incident)))


def incident_path(incident: Id, *rest: str) -> str:
    return "/".join(("/incidents", identity(incident), *rest))


def named_path(collection: str, name: str) -> str:
    if not name.strip("."):
        raise ValueError(f"{name!r} is no name: it would be a step in the path")
    return f"/{collection}/{quote(name, safe='')}"
