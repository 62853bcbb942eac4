"""Where reads go: to the replica, if there is one, while it answers; else to the primary."""

from collections.abc import Hashable
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

import asyncpg

from pulseops.db.outages import OUTAGES
from pulseops.eventstore import metrics
from pulseops.eventstore.replica import NotOurReplica, Replica
from pulseops.kernel.errors import Behind
from pulseops.subscriptions.positions import Look, Seen, look_from
from pulseops.subscriptions.tides import Measure, Tides
from pulseops.subscriptions.turns import Turns

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds that a read waits for its turn."""

# It is there, and was slow, or this question was: elsewhere the question would be as slow.
_SLOW: tuple[type[Exception], ...] = (asyncpg.QueryCanceledError,)
# The replica gave up the question, to replay what made it impossible; it can be asked again.
_CONFLICTS: tuple[type[Exception], ...] = (asyncpg.TransactionRollbackError,)
_AWAY: tuple[type[Exception], ...] = (*OUTAGES, OSError, NotOurReplica)


class Reads:
    """`of` reads where there is room, `current` on the primary. Both say how far what they found goes.

    Lists may take long, so that they have `aside` connections at a time, of the primary and of the replica:
    who writes, or asks for one incident, needs the others. Callers take turns at these. All who wait for a
    position wait together.
    """

    def __init__(self, primary: asyncpg.Pool, replica: Replica | None = None, *, aside: int = 4) -> None:
        self._primary, self.replica = primary, replica
        self._aside, self._aside_there = (Turns(aside, patience=_PATIENCE) for _ in range(2))
        self._tides = Tides()

    async def current(self, measure: Measure, look: Look[T], *, least: int = 0) -> Seen[T]:
        """As `positions.look_from`."""
        return await look_from(self._primary, measure, look, least=least, tides=self._tides)

    async def of(
        self, measure: Measure, look: Look[T], *, caller: Hashable | None, least: int | None = None
    ) -> Seen[T]:
        """As `positions.look_from`. Without a `caller` it asks for one thing by its key, and needs no turn.

        Raises Overloaded when too many others read.
        """
        least, replica = least or 0, self.replica
        if replica is not None and replica.answers:
            try:
                return await self._there(replica, measure, look, least, caller)
            except _SLOW:
                raise
            except _AWAY as error:
                replica.gone(error)
                if isinstance(error, TimeoutError):
                    # It has cost the caller all its time already.
                    raise
        if replica is not None:
            metrics.FALLBACKS.inc()
        if caller is None:
            return await self.current(measure, look, least=least)
        turn = partial(self._aside.of, caller)
        return await look_from(self._primary, measure, look, least=least, turn=turn, tides=self._tides)

    async def _there(
        self, replica: Replica, measure: Measure, look: Look[T], least: int, caller: Hashable | None
    ) -> Seen[T]:
        there = partial(
            look_from,
            replica.pool,
            measure,
            look,
            least=least,
            turn=nullcontext if caller is None else partial(self._aside_there.of, caller),
            tides=self._tides,
        )
        try:
            return await there()
        except (*_CONFLICTS, asyncpg.ConnectionDoesNotExistError):
            # Between two messages replay ends the whole session: connecting anew tells whether it was that.
            metrics.CONFLICTS.inc()
        try:
            return await there()
        except _CONFLICTS:
            metrics.CONFLICTS.inc()
            raise Behind("The replica had to give way to what it replays. Ask again in a moment.") from None
