"""How often one caller may come. Pure: the time is an argument, in seconds of a clock that goes forward.

The generic cell rate algorithm: of each caller one number is kept, the time at which its bucket is full
again. A request moves that on by 1/rate seconds, and is let in while it lies no further ahead than `window`.
"""

import math
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

KEPT = 10_000
"""Callers that are told apart; those who come when so many are busy share one bucket."""
_SHARED = ""


class Verdict(Struct, frozen=True):
    """`wait`: seconds until a request would be let in, 0 when this one is. `rate` is a second."""

    wait: float
    rate: float
    window: float

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What one who must wait is told: Retry-After, and draft-ietf-httpapi-ratelimit-headers-10."""
        wait = max(1, math.ceil(self.wait))
        quota = max(1, math.floor(self.rate * self.window))
        return (
            (b"retry-after", b"%d" % wait),
            (b"ratelimit-policy", b'"default";q=%d;w=%d' % (quota, self.window)),
            (b"ratelimit", b'"default";r=0;t=%d' % wait),
        )


class Limiter:
    """Lets each caller in `rate` times a second, and after a pause up to `rate * window` times at once.

    In any t seconds no caller is let in more than `rate * (t + window)` times. `window` is whole seconds, and
    each rate at least one request a window.
    """

    def __init__(self, *, window: int, kept: int = KEPT) -> None:
        self._window, self._kept = window, kept
        self._full_at: dict[str, float] = {}
        self._swept_at = -math.inf

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: str, rate: float, now: float) -> float:
        """Let `caller` in (0.0), or the seconds that it must wait: being refused costs nothing."""
        full_at = self._full_at.get(caller)
        if full_at is None:
            if len(self._full_at) >= self._kept and not self._sweep(now):
                caller = _SHARED
            full_at = self._full_at.get(caller, now)
        latest = now + self._window
        # A clock that was set back finds it too far ahead: the bucket is empty then, and fills from here on.
        apart = 1.0 / rate
        next_at = (now if full_at < now else min(full_at, latest)) + apart
        # Rounding errors of floats must not cost a request: they are far below a hundredth of one.
        if next_at > latest + apart / 100:
            if full_at > latest:
                self._full_at[caller] = latest
            return next_at - latest
        self._full_at[caller] = next_at
        return 0.0

    def wait(self, caller: str, rate: float, now: float) -> float:
        """What `take` would answer; nothing is counted."""
        latest, apart = now + self._window, 1.0 / rate
        left = max(now, min(self._full_at.get(caller, now), latest)) + apart - latest
        return left if left > apart / 100 else 0.0

    def verdict(self, wait: float, rate: float) -> Verdict:
        return Verdict(wait, rate, self._window)

    def _sweep(self, now: float) -> bool:
        """Forget whose bucket is full, looking at all of them once a window. Whether there is room now."""
        if 0 <= now - self._swept_at < self._window:
            return False
        self._swept_at = now
        latest = now + self._window
        self._full_at = {caller: min(at, latest) for caller, at in self._full_at.items() if now < at}
        return len(self._full_at) < self._kept


def neighbourhood(address: str | None) -> str:
    """Whom a peer's address stands for: an IPv4 address itself, of IPv6 the /64, which one host may have."""
    if address is None:
        return "unknown"
    try:
        peer = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(peer, IPv6Address):
        return str(peer)
    if peer.ipv4_mapped is not None:
        return str(peer.ipv4_mapped)
    return f"{IPv6Address(int(peer) >> 64 << 64)}/64"
