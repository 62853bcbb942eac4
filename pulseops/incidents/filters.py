"""Which incidents a list shows or a count counts: as a query's parameters, and as the database is asked."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import fields

from pulseops.incidents.commands import Instant, Word
from pulseops.incidents.events import Priority, Status
from pulseops.kernel.errors import InvalidInput

T = TypeVar("T")

MOST = 20
"""Values of one filter."""

Several = Annotated[tuple[T, ...], Meta(max_length=MOST)]
_ANY = Meta(description="Only those with one of these.")
_Label = Annotated[str, Meta(min_length=1, max_length=1_201)]
_Words = Annotated[
    str,
    Meta(min_length=1, max_length=200, description="Words, each in the title or the description."),
]


class Filters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Only incidents that all of these let through; one that is given several times takes any of its values.

    But for `label`: all that are given must be there, `name=value` with this value, `name` with any. `since`
    (from then on) and `until` (before it) are about when an incident was created.
    """

    status: Annotated[Several[Status], _ANY] = ()
    priority: Annotated[Several[Priority], _ANY] = ()
    category: Annotated[Several[Word], _ANY] = ()
    team: Annotated[Several[Word], _ANY] = ()
    service: Annotated[Several[Word], _ANY] = ()
    responder: Annotated[Several[Word], _ANY] = ()
    source: Annotated[Several[Word], _ANY] = ()
    label: Annotated[
        Several[_Label],
        Meta(description="`name=value`, or `name` with any value; all that are given must be there."),
    ] = ()
    since: Annotated[Instant, Meta(description="Created then or later.")] | None = None
    until: Annotated[Instant, Meta(description="Created before then.")] | None = None
    text: _Words | None = None


NOTHING = Filters()
_NAMES = tuple(field.name for field in fields(Filters))


def asked(filters: Filters, teams: frozenset[str] | None) -> tuple[Any, ...]:
    """As the functions of the database take them, `p_status` to `p_teams`. Raises InvalidInput."""
    for name, text in _texts(filters):
        if "\0" in text:
            raise InvalidInput("There is a NUL in it.", pointer=f"/{name}")
    labels, names = _labels(filters.label)
    return (
        filters.status or None,
        filters.priority or None,
        filters.category or None,
        filters.team or None,
        filters.service or None,
        filters.responder or None,
        filters.source or None,
        msgspec.json.encode(labels).decode() if labels else None,
        names or None,
        filters.text,
        filters.since,
        filters.until,
        None if teams is None else sorted(teams),
    )


def identity(filters: Filters, teams: frozenset[str] | None, *more: object) -> bytes:
    """The same for the same question of the same scope, however its values are ordered."""
    values = [getattr(filters, name) for name in _NAMES]
    sorted_ = [sorted(value) if isinstance(value, tuple) else value for value in values]
    return msgspec.json.encode([*more, *sorted_, None if teams is None else sorted(teams)])


def _labels(given: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    labels, names = dict[str, str](), list[str]()
    for one in given:
        name, equals, value = one.partition("=")
        if not name:
            raise InvalidInput("It is name=value, or a name.", pointer="/label")
        if not equals:
            names.append(name)
        elif labels.setdefault(name, value) != value:
            raise InvalidInput(f"A label has one value; two of {name[:100]} are asked for.", pointer="/label")
    return labels, names


def _texts(filters: Filters) -> Iterator[tuple[str, str]]:
    for name in _NAMES:
        value = getattr(filters, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str):
                yield name, one
