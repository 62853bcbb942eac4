"""Time is an argument. Whoever needs it is handed a clock."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the present moment comes from."""

    async def now(self) -> datetime:
        """The present moment, in UTC."""


def utc_now() -> datetime:
    """This machine's clock, in UTC. For claims and logs; deadlines go by the database's clock."""
    return datetime.now(UTC)


def in_utc(instant: datetime) -> bool:
    """Whether it is a time of UTC too: an offset may lead out of the years 1 to 9999."""
    try:
        instant.astimezone(UTC)
    except OverflowError:
        return False
    return True
