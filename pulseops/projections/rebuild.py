"""Rebuilds a read model beside the live one, and puts it in its place.

fill: all of history, into tables without indexes. index. catch up: the rest, batch by batch, to where the
live one stands. compare: both in one snapshot, at the same positions. switch: in one transaction; the old
tables stay. What each phase came to is in the database: interrupted anywhere, the same call goes on there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from time import monotonic

import asyncpg
from msgspec import Struct

from pulseops.db.outages import passing
from pulseops.kernel.errors import PulseOpsError
from pulseops.projections import following
from pulseops.projections.comparing import compare
from pulseops.projections.filling import fill, index, lanes
from pulseops.projections.generations import ReadModel, claimed

_PATIENCE = 60.0
"""Seconds in which the switch, or the moment before the comparison, must succeed."""
_PAUSE = 0.2

_SETTINGS = """
SELECT set_config('client_connection_check_interval', '1s', false), set_config('lock_timeout', '0', false)
"""
# Whoever waits for a lock keeps others waiting behind it: not for long.
_BRIEFLY = """
SELECT set_config('lock_timeout', '500ms', true),
  set_config('idle_in_transaction_session_timeout', '30s', true)
"""
_IN_THE_WAY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, following.Moved)
_LOOK = "SELECT"
_EVENTS = """
SELECT coalesce(sum(one.position), 0)::bigint FROM (
  SELECT min(s.position) AS position FROM eventstore.subscription s WHERE s.name = $1 GROUP BY s.log_id
) one
"""
_BEGIN = "SELECT eventstore.begin_generation_v1($1)"
_STATE = "SELECT state FROM eventstore.generation WHERE name = $1 AND generation = $2"
_SWITCH = "SELECT eventstore.switch_generation_v1($1, $2)"


class CannotRebuild(PulseOpsError):
    """The read model cannot be rebuilt."""

    code = "cannot-rebuild"


class Step(Struct, frozen=True, kw_only=True):
    """What is going on: `done` of `total` positions, where the phase counts any, `resumed` of them before."""

    phase: str
    done: int = 0
    total: int = 0
    resumed: int = 0


Tell = Callable[[Step], None]
Record = Callable[[asyncpg.Connection, int], Awaitable[None]]
"""Is told the new generation in the transaction that switches to it."""


class Rebuilt(Struct, frozen=True, kw_only=True):
    """`compared` is how many rows were found equal; None where there was nothing to compare or no wish to."""

    name: str
    generation: int
    events: int
    compared: int | None


async def rebuild(
    pool: asyncpg.Pool,
    model: ReadModel,
    *,
    tell: Tell,
    record: Record | None = None,
    width: int = 2,
    accept: bool = False,
) -> Rebuilt:
    """Fills over `width` connections of the pool, and needs one more. `accept` switches whatever differs.

    The pool's commands may take long. Raises RebuildUnderWay, GenerationsDiffer and CannotRebuild; what was
    done by then stays, and is gone on with next time.
    """
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(pool.acquire()) for _ in range(width + 1)]
        for connection in connections:
            await connection.execute(_SETTINGS)
        keeper, others = connections[0], connections[1:]
        await stack.enter_async_context(claimed(keeper, model.name))
        try:
            return await _Rebuild(keeper, others, model, tell, record, accept=accept).run()
        except asyncpg.PostgresError as error:
            if passing(error):
                raise
            raise CannotRebuild(f"{model.name} cannot be rebuilt: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """PostgreSQL goes on with the row that it refused, which is nobody's business."""
    return str(error).partition("\n")[0]


class _Rebuild:
    def __init__(
        self,
        keeper: asyncpg.Connection,
        others: list[asyncpg.Connection],
        model: ReadModel,
        tell: Tell,
        record: Record | None,
        *,
        accept: bool,
    ) -> None:
        self._keeper, self._others, self._model = keeper, others, model
        self._tell, self._record, self._accept = tell, record, accept
        self._generation = 0

    async def run(self) -> Rebuilt:
        self._generation = await self._keeper.fetchval(_BEGIN, self._model.name)
        state = await self._keeper.fetchval(_STATE, self._model.name, self._generation)
        if state == "filling":
            await self._fill()
            self._tell(Step(phase="index"))
            await index(self._keeper, self._model, self._generation)
        first = await self._is_first()
        compared = None
        if not first:
            await self._catch_up()
            if not self._accept:
                compared = await self._patiently("compare", self._compare)
        events = await self._patiently("switch", self._switch)
        return Rebuilt(name=self._model.name, generation=self._generation, events=events, compared=compared)

    async def _fill(self) -> None:
        chosen = await lanes(self._keeper, self._model, self._generation, wanted=len(self._others))
        total = sum(lane.last - lane.first for lane in chosen)
        done = resumed = sum(lane.position - lane.first for lane in chosen)

        def add(count: int) -> None:
            nonlocal done
            done += count
            self._tell(Step(phase="fill", done=done, total=total, resumed=resumed))

        add(0)
        await fill(self._others, self._model, self._generation, chosen, add)

    async def _is_first(self) -> bool:
        """Nobody has dealt with anything yet, so there is nothing to compare with."""
        return all(one.position == 0 for one in await following.shards(self._keeper, self._model.name))

    async def _catch_up(self) -> None:
        """Until neither generation has much to do to be where the other is."""
        done = 0
        while True:
            await self._meet_new_logs()
            live = await following.shards(self._keeper, self._model.name)
            gap = await following.gap(self._keeper, self._model, self._generation, live)
            if gap.ours <= following.MOST and (gap.live == 0 or self._accept):
                return
            self._tell(Step(phase="catch up", done=done, total=done + gap.ours + gap.live))
            done += await following.advance(self._keeper, self._model, self._generation)
            if not self._accept:
                done += await self._lead()

    async def _meet_new_logs(self) -> None:
        await following.meet_new_logs(self._keeper, self._model, self._generation)

    async def _lead(self) -> int:
        try:
            return await following.lead(self._keeper, self._model, self._generation)
        except asyncpg.PostgresError as error:
            if passing(error):
                raise
            raise CannotRebuild(
                f"The live generation of {self._model.name} cannot be brought to where the new one is: "
                f"{_first_line(error)}. To switch without comparing, say --accept."
            ) from error

    async def _patiently(self, phase: str, attempt: Callable[[], Awaitable[int]]) -> int:
        """Whoever is in the way is waited for briefly, again and again: others would queue up behind us."""
        self._tell(Step(phase=phase))
        until = monotonic() + _PATIENCE
        while True:
            try:
                await self._meet_new_logs()
                return await attempt()
            except _IN_THE_WAY as error:
                if monotonic() > until:
                    raise CannotRebuild(
                        f"In {_PATIENCE:.0f} seconds there was no moment to {phase} {self._model.name}: "
                        "somebody holds on to it, maybe with a long query. All is kept: try again."
                    ) from error
            await asyncio.sleep(_PAUSE)
            await self._catch_up()

    async def _compare(self) -> int:
        other = self._others[0]
        async with self._keeper.transaction():
            live = await self._hold()
            async with other.transaction():
                await following.bring(other, self._model, self._generation, live)
            snapshot = other.transaction(isolation="repeatable_read", readonly=True)
            await snapshot.start()
            await other.execute(_LOOK)
        # The live one goes on by now; the snapshot does not.
        try:
            return await compare(other, self._model, self._generation, live)
        finally:
            await snapshot.rollback()

    async def _switch(self) -> int:
        async with self._keeper.transaction():
            live = await self._hold()
            await following.bring(self._keeper, self._model, self._generation, live)
            await following.move_live(self._keeper, self._model, self._generation)
            events = await self._keeper.fetchval(_EVENTS, self._model.name)
            await self._keeper.execute(_SWITCH, self._model.name, self._generation)
            if self._record is not None:
                await self._record(self._keeper, self._generation)
        return int(events)

    async def _hold(self) -> tuple[following.Shard, ...]:
        """The live one stands still until the end of the transaction. Raises Moved when it cannot be met."""
        await self._keeper.execute(_BRIEFLY)
        return await following.hold(self._keeper, self._model, self._generation)
