"""What one worker leads: its share of the shards of every subscription in every log.

Each worker looks at the same rows and reckons its share by itself (`shares.py`). It takes what is free up to
its share, gives back what is more, and takes over at once whatever lease ran out.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from time import monotonic

import asyncpg
import structlog
from msgspec import Struct

from pulseops.eventstore.bell import Bell
from pulseops.subscriptions.ending import ended
from pulseops.subscriptions.leases import HELD
from pulseops.subscriptions.shares import share
from pulseops.subscriptions.subscription import Projector, Subscription

_LOOK = 0.5  # seconds between looks at who leads what
_LEFT = 2.0  # seconds that a given back shard waits for whose it is, before anybody takes it
_KEPT = 10.0  # seconds that a worker keeps what it took beyond its share: by then the dead are known as such

_ROSTER = f"""
    SELECT l.log_id, n.name, s.shard,
        s.owner IS NULL OR {HELD} IS NOT TRUE AS free,
        s.owner IS NOT NULL AS abandoned,
        abs(extract(epoch FROM clock_timestamp() - s.updated_at))::float8 AS idle
    FROM eventstore.log AS l
    CROSS JOIN unnest($1::text[]) AS n (name)
    LEFT JOIN eventstore.subscription AS s ON s.log_id = l.log_id AND s.name = n.name
    ORDER BY l.log_id, n.name, s.shard
"""  # noqa: S608 -- a constant of ours
# A log that is new follows the generation that the others have come to.
_BEGIN = """
    INSERT INTO eventstore.subscription (log_id, name, position, epoch, updated_at, attempts, generation)
    SELECT l.log_id, n.name, 0, 0, clock_timestamp(), 0, coalesce((
        SELECT max(s.generation) FROM eventstore.subscription AS s WHERE s.name = n.name
    ), 1)
    FROM eventstore.log AS l CROSS JOIN unnest($1::text[]) AS n (name)
    ON CONFLICT DO NOTHING
"""
_WORKERS = f"""
    SELECT worker_id FROM eventstore.worker
    WHERE seen_at BETWEEN clock_timestamp() - interval '5 seconds' AND clock_timestamp()
    UNION
    SELECT owner FROM eventstore.subscription WHERE owner IS NOT NULL AND {HELD}
"""  # noqa: S608 -- a constant of ours

_log = structlog.get_logger(__name__)

Place = tuple[int, str, int]
"""A shard: of which log, of what name, which one."""


class _Seat(Struct, frozen=True, kw_only=True):
    place: Place
    free: bool
    abandoned: bool
    """If free: its holder did not give it back."""
    idle: float


class _Led(Struct):
    subscription: Subscription
    task: asyncio.Task[None]
    kept_until: float


class Subscriptions:
    """One worker's subscriptions, side by side. `owner` names this worker and no other.

    The doorbell rings for all of them, or `bells` gives each log one of its own.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        projectors: Iterable[Projector],
        *,
        owner: str,
        doorbell: Bell,
        bells: Callable[[int], Bell] | None = None,
        lease: float = 4.0,
        batch: int = 5_000,
    ) -> None:
        self._projectors = {one.name: one for one in projectors}
        self._pool, self._owner = pool, owner
        self._bells = bells or (lambda _: doorbell)
        self._lease, self._batch = lease, batch
        self._led: dict[Place, _Led] = {}
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.run(), name="subscriptions")

    async def stop(self, within: float = 5.0) -> None:
        """Lets the batches under way end for `within` seconds; what takes longer is rolled back."""
        self.end()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=within)
            await ended([self._task, *(one.task for one in self._led.values())])

    def end(self) -> None:
        """Ends `run` after the batches under way; every lease is given back."""
        self._ended.set()
        for one in self._led.values():
            one.subscription.stop()

    async def run(self) -> None:
        """Until `end`, whatever fails. Cancelled, it lets its leases run out, as a killed worker does."""
        try:
            while not self._ended.is_set():
                try:
                    await self._look()
                except Exception as error:  # noqa: BLE001 - logged; most likely the database is away
                    _log.warning("subscriptions cannot be divided", error=repr(error)[:200])
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), _LOOK)
            self.end()
            await asyncio.gather(*(one.task for one in self._led.values()), return_exceptions=True)
        finally:
            tasks = [one.task for one in self._led.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        """Takes and gives back, as the rows now stand."""
        for place in [place for place, one in self._led.items() if one.task.done()]:
            del self._led[place]
        seats, workers = await self._roster()
        groups = [list(group) for _, group in groupby(seats, key=lambda seat: seat.place[:2])]
        shares = share(workers, self._owner, [len(group) for group in groups])
        for group, mine in zip(groups, shares, strict=True):
            await self._settle(group, mine)

    async def _roster(self) -> tuple[list[_Seat], list[str]]:
        """Every shard of what this worker can lead, and every worker that is alive."""
        names = list(self._projectors)
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_ROSTER, names)
            if any(row["shard"] is None for row in rows):
                await connection.execute(_BEGIN, names)
                rows = await connection.fetch(_ROSTER, names)
            workers = {row[0] for row in await connection.fetch(_WORKERS)}
        seats = [
            _Seat(
                place=(row["log_id"], row["name"], row["shard"]),
                free=row["free"],
                abandoned=row["abandoned"],
                idle=row["idle"],
            )
            for row in rows
        ]
        return seats, sorted(workers | {self._owner})

    async def _settle(self, group: Sequence[_Seat], mine: int) -> None:
        """One subscription's shards: no more than `mine`, but for those that nobody else takes."""
        held = [seat.place for seat in group if seat.place in self._led]
        for seat in group:
            if not seat.free or seat.place in self._led or self._ended.is_set():
                continue
            if len(held) < mine:
                kept_until = 0.0
            elif seat.abandoned or seat.idle > _LEFT:
                kept_until = monotonic() + _KEPT
            else:
                continue
            if await self._take(seat.place, kept_until):
                held.append(seat.place)
        for place in held[mine:]:
            if self._led[place].kept_until < monotonic():
                self._led[place].subscription.stop()

    async def _take(self, place: Place, kept_until: float) -> bool:
        log_id, name, shard = place
        subscription = Subscription(
            self._pool,
            self._projectors[name],
            owner=self._owner,
            doorbell=self._bells(log_id),
            log_id=log_id,
            shard=shard,
            lease=self._lease,
            batch=self._batch,
        )
        if not await subscription.take():
            return False
        task = asyncio.create_task(subscription.lead(), name=f"{name}/{log_id}/{shard}")
        self._led[place] = _Led(subscription, task, kept_until)
        return True
