"""The first row and column in which a read model and its replay differ, in words. Pure."""

from typing import Any

import msgspec
from msgspec import Struct

from pulseops.archive.described import table_of
from pulseops.projections.refolding import Refold

_ROW = "the row"
_LONGEST = 200


class Difference(Struct, frozen=True, kw_only=True):
    """In the row of `key`, such as `id 01a2…`, one column; or the whole row, where one of them has none."""

    key: str
    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.key}: {self.column} should be {self.expected}, and is {self.found}"


def difference(refold: Refold, pairs: str | None) -> Difference | None:
    """Of JSON `[{expected, found}]`, by the key first; None where there is none."""
    if pairs is None:
        return None
    first = msgspec.json.decode(pairs)[0]
    expected, found = first["expected"], first["found"]
    table = table_of(refold)
    keys = [column.name for column in table.primary_key if column.name != "log_id"]
    key = ", ".join(f"{name} {(expected or found)[name]}" for name in keys)
    if expected is None or found is None:
        there = {True: "none", False: "there"}
        return Difference(key=key, column=_ROW, expected=there[expected is None], found=there[found is None])
    for column in table.columns:
        one, other = expected[column.name], found[column.name]
        if one != other:
            return Difference(key=key, column=column.name, expected=_told(one), found=_told(other))
    return Difference(key=key, column=_ROW, expected="as replayed", found="of another shape")


def _told(value: Any) -> str:
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else value
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
