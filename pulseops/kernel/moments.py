"""Moments of a log, as `asOf`, `from` and `to` say them: a time, or a position."""

import re
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from pulseops.kernel.errors import InvalidInput

_POSITION = re.compile(r"@(0|[1-9][0-9]{0,18})")
_LAST = 2**63 - 1
# History knows microseconds. What is beyond them is left off: rounded up it would be a later moment.
_FINER = re.compile(r"(\.\d{6})\d+")
# In a query string + stands for a blank, which is not what whoever writes +02:00 means.
_OFFSET = re.compile(r"(\S+) (\d\d:\d\d)")


class At(Struct, frozen=True, order=True):
    """A position of the log: everything up to it, and nothing after. 0 is before the first event."""

    position: int

    def __str__(self) -> str:
        return f"@{self.position}"


Moment = datetime | At


def moment(text: str, *, pointer: str = "/asOf", such: str = "") -> Moment:
    """`@48213` or a time with its offset; `such` is what else it may be. Raises InvalidInput."""
    found = _POSITION.fullmatch(text)
    if found is not None and int(found[1]) <= _LAST:
        return At(int(found[1]))
    try:
        instant = msgspec.convert(_FINER.sub(r"\1", with_plus(text), count=1), datetime)
    except msgspec.ValidationError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidInput(
            f"It is {such}a time such as 2026-01-01T12:00:00Z, or a position such as @48213.", pointer=pointer
        )
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise InvalidInput("There is no such time in the years 1 to 9999 of UTC.", pointer=pointer) from None


def with_plus(time: str) -> str:
    """A time of a query string, as it was meant."""
    found = _OFFSET.fullmatch(time)
    return f"{found[1]}+{found[2]}" if found else time
