"""What is another about a thing between two moments, field by field. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

# 0 is something: that nobody is affected was said.
_NOTHING: tuple[Any, ...] = (None, "", (), [], {})


class Change(Struct, frozen=True, kw_only=True):
    """A field by its name in the API. `before` is null also where the thing was not there yet."""

    field: str
    before: Any
    after: Any


def changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], *, besides: Collection[str] = ()
) -> tuple[Change, ...]:
    """In the order of the later one's fields. Of what was not there before all that it has."""
    return tuple(
        Change(field=name, before=None if before is None else before.get(name), after=value)
        for name, value in after.items()
        if name not in besides and (value not in _NOTHING if before is None else value != before.get(name))
    )
