"""How long a call may take, and how it is tried again."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom

import httpx
from msgspec import Struct

_random = SystemRandom()


class Terms(Struct, frozen=True, kw_only=True):
    """All in seconds, but for `tries`.

    `connect` and `read` bound one try: how long until the server accepts, and how long it may be silent.
    `deadline` bounds all of them: no try begins after it. Between two tries lies what the server asks for,
    else a pause that doubles from `shortest_pause` to `longest_pause`, of which up to half is left to chance,
    so that a crowd does not come back as one. A server that asks for more than what is left of the deadline
    is not asked again. `tries` counts the first one; 0 sets no bound.
    """

    connect: float = 5.0
    read: float = 30.0
    deadline: float = 60.0
    shortest_pause: float = 0.2
    longest_pause: float = 10.0
    tries: int = 0

    def timeout(self, left: float) -> httpx.Timeout:
        """For a try that begins with `left` seconds to go."""
        left = max(left, 0.1)
        return httpx.Timeout(min(self.read, left), connect=min(self.connect, left))

    def pause(self, tried: int, asked: float | None) -> float:
        """Until the next try, after the first, second … has failed."""
        if asked is not None:
            return max(asked, self.shortest_pause)
        doubled: float = min(self.longest_pause, self.shortest_pause * 2 ** min(tried - 1, 30))
        return doubled * _random.uniform(0.5, 1.0)


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds from now. A date is read by the server's clock; what cannot be read counts as absent."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    until = _date(text)
    return None if until is None else max(0.0, (until - server_time(headers)).total_seconds())


def server_time(headers: httpx.Headers) -> datetime:
    """The server's clock, else this machine's: ages must not depend on ours."""
    return _date(headers.get("Date", "")) or datetime.now(UTC)


def _date(text: str) -> datetime | None:
    try:
        # "-0000" reads as a time without a zone; HTTP has no other than GMT.
        return parsedate_to_datetime(text).replace(tzinfo=UTC) if text.endswith("GMT") else None
    except (ValueError, OverflowError):
        return None
