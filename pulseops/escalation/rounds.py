"""What is due by the clock: escalations, partitions, the heartbeat.

A round may be gone by any worker at any time, also by two at once. Somebody else rings for them (arq, through
Redis); when nobody has for too long, each worker looks at the time by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
import structlog

from pulseops.db.outages import OUTAGES
from pulseops.escalation.sweep import Store, Swept, due_logs, sweep
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.wake import Doorbell
from pulseops.kernel.clock import Clock
from pulseops.subscriptions import heartbeat

_LIMIT = 500
"""Deadlines fired in one transaction."""
_BUSY = 0.8
"""Seconds that one round may go on while there is more to fire: the logs are left to others in between."""
_HANDS = 2
"""Logs swept at once. They take turns a transaction, so one with much to fire keeps no other waiting."""
_ROUND = 1.0
"""Seconds between looks at the time."""
_UNSWEPT = 2.0
"""Seconds without a sweep by anybody, after which this process sweeps unasked."""
_UNTENDED = 120.0
"""Seconds without a look at the partitions, after which this process looks unasked."""

_log = structlog.get_logger("pulseops.worker")


class Rounds:
    """What is due by the clock. A round that fails is logged, and gone again at the next tick."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        stores: Callable[[int], Store],
        codec: Codec,
        *,
        clock: Clock,
        doorbell: Doorbell,
        worker_id: str,
    ) -> None:
        self._pool, self._stores, self._codec, self._clock = pool, stores, codec, clock
        self._doorbell, self._worker_id = doorbell, worker_id
        self._sweeping, self._hands = asyncio.Lock(), asyncio.Semaphore(_HANDS)
        self._unswept: set[int] = set()
        self._tended = float("-inf")
        self._failing = self._alone = False

    async def watch(self, *, ticked: bool) -> None:
        """Keeps the heartbeat, and goes the rounds that nobody has gone for too long. For ever.

        Not `ticked`: nobody rings, so every round is this process's own.
        """
        await self._go(self._sweep)
        while True:
            await self._go(partial(self._look_after, ticked=ticked))
            await asyncio.sleep(_ROUND)

    async def sweep(self) -> None:
        """Rung for."""
        if self._alone:
            self._alone = False
            _log.info("redis ticks again")
        await self._go(self._sweep)

    async def partitions(self) -> None:
        """Rung for."""
        await self._go(self._tend)

    async def _look_after(self, *, ticked: bool) -> None:
        await heartbeat.beat(self._pool, self._worker_id)
        age = await heartbeat.since_sweep(self._pool)
        if age is None or age > (_UNSWEPT if ticked else _ROUND / 2):
            if ticked and not self._alone:
                self._alone = True
                _log.warning("redis does not tick: sweeping by polling", unsweptSeconds=age)
            await self._sweep()
        if asyncio.get_running_loop().time() - self._tended > _UNTENDED:
            await self._tend()

    async def _sweep(self) -> None:
        """Fires what is due, unless this process is already at it."""
        if self._sweeping.locked():
            return
        async with self._sweeping:
            until = asyncio.get_running_loop().time() + _BUSY
            now = await self._clock.now()
            due = await due_logs(self._pool, now=now)
            # What failed the last time comes last: it may well keep us waiting again.
            due.sort(key=self._unswept.__contains__)
            await asyncio.gather(*(self._sweep_log(log_id, now, until) for log_id in due))
            if not due or set(due) - self._unswept:
                await heartbeat.beat(self._pool, self._worker_id, swept=True)

    async def _sweep_log(self, log_id: int, now: datetime, until: float) -> None:
        """One log's part of the round. When it fails, the other logs have theirs all the same."""
        try:
            while True:
                async with self._hands:
                    swept = await sweep(self._pool, self._stores(log_id), self._codec, now=now, limit=_LIMIT)
                if swept.fired:
                    self._doorbell.on_stored(max(one.position for one in swept.fired))
                _tell(swept)
                if swept.claimed < _LIMIT or asyncio.get_running_loop().time() > until:
                    break
        except Exception as error:  # noqa: BLE001 -- logged; the next round tries again
            if log_id not in self._unswept:
                unforeseen = not isinstance(error, (*OUTAGES, asyncpg.LockNotAvailableError))
                _log.error(
                    "sweep fails",
                    logId=log_id,
                    error=repr(error)[:200],
                    exc_info=error if unforeseen else None,
                )
            self._unswept.add(log_id)
        else:
            if log_id in self._unswept:
                _log.info("sweep succeeds again", logId=log_id)
            self._unswept.discard(log_id)

    async def _tend(self) -> None:
        """Makes the log's next partitions, well ahead of need."""
        made = await self._pool.fetchval("SELECT eventstore.ensure_partitions_v1()")
        self._tended = asyncio.get_running_loop().time()
        if made:
            _log.info("partitions made", count=made)

    async def _go(self, a_round: Callable[[], Awaitable[None]]) -> None:
        try:
            await a_round()
        except Exception as error:  # noqa: BLE001 -- logged; the next round tries again
            if not self._failing:
                unforeseen = not isinstance(error, OUTAGES)
                _log.error("rounds fail", error=repr(error)[:200], exc_info=error if unforeseen else None)
            self._failing = True
        else:
            if self._failing:
                _log.info("rounds succeed again")
            self._failing = False


def _tell(swept: Swept) -> None:
    for one in swept.fired:
        more: dict[str, Any] = {}
        if one.level is not None:
            more = {"escalationLevel": one.level, "to": one.to, "policy": one.policy}
        _log.info(
            "events stored",
            correlationId=str(one.correlation_id),
            incidentId=str(one.incident_id),
            types=[one.type],
            position=one.position,
            actor="system:escalation",
            lateBy=round(one.late_by, 3),
            **more,
        )
    for incident_id in swept.unreadable:
        _log.error("escalation put off: the history cannot be read", incidentId=str(incident_id))
