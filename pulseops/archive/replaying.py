"""Replays history: folds it anew, in Python, and holds what that comes to against what everybody reads.

Nothing of the live rows goes into it, nothing waits for it, and nothing is written but tables of its own, in
the schema replay. One replay of a database at a time; what one that was killed left goes with the next.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
from msgspec import Struct

from pulseops.archive.retelling import Retelling
from pulseops.archive.retold import Difference, difference
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.history import newest
from pulseops.kernel.errors import PulseOpsError
from pulseops.projections.refolding import Refold

_WINDOW = 5_000
"""Positions of a window: lives that began in it are told together."""
_MOST = 1

_SETTINGS = """
SELECT set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
  set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),
  set_config('client_connection_check_interval', '1s', false)
"""
_CLAIM = "SELECT pg_try_advisory_lock(1347767383)"
_GIVE_BACK = "SELECT pg_advisory_unlock(1347767383)"
_REACHED = """
SELECT n.name, (
  SELECT coalesce(min(s.position), 0) FROM eventstore.subscription AS s
  WHERE s.log_id = $1 AND s.name = n.name
) AS position
FROM unnest($2::text[]) AS n (name) ORDER BY position
"""
_PARKED = """
SELECT array(SELECT p.stream_id FROM eventstore.parked AS p WHERE p.log_id = $1 AND p.name = n.name)
FROM unnest($2::text[]) WITH ORDINALITY AS n (name, nth) ORDER BY n.nth
"""
_BEGIN, _END = "SELECT audit.begin_replay_v1($1)", "SELECT audit.end_replay_v1()"
_COMPARE = "SELECT * FROM audit.compare_replay_v1($1, $2, $3, $4, $5, $6)"
# The joins of the comparison are of whole tables.
_WIDE = """
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
  set_config('enable_mergejoin', 'on', true)
"""


class CannotReplay(PulseOpsError):
    """History cannot be replayed."""

    code = "cannot-replay"


class Compared(Struct, frozen=True, kw_only=True, rename="camel"):
    """A read model against its replay. `digest` is of the replay's rows, the same wherever history is.

    Of the live rows `newer` went on or began after the position of the replay, and `left_out` are of streams
    that wait: these were not compared.
    """

    name: str
    relation: str
    rows: int
    digest: str
    compared: int
    newer: int
    left_out: int
    differing: int
    first: Difference | None


class Replayed(Struct, frozen=True, kw_only=True, rename="camel"):
    """The events up to position `up_to` of `head`, and what came of them.

    What PulseOps never writes is told and not compared: `stray` events are of streams whose first one is of
    another kind, and `unfolded` streams cannot be folded, though none of them waits for anybody.
    """

    up_to: int
    head: int
    stray: int
    unfolded: int
    first_unfolded: str | None
    models: tuple[Compared, ...]

    @property
    def same(self) -> bool:
        return self.stray == self.unfolded == 0 and all(one.differing == 0 for one in self.models)


async def replay(
    pool: asyncpg.Pool,
    refolds: Sequence[Refold],
    codec: Codec,
    *,
    log_id: int = 1,
    up_to: int | None = None,
    keep: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Replayed:
    """Up to a position, or to where all these read models are. `keep` leaves its tables for the next to drop.

    `progress` hears the position reached, and the last one. The pool's commands may take long. Raises
    CannotReplay.
    """
    async with pool.acquire() as connection, alone(connection):
        head = await newest(connection, log_id)
        goal = await _goal(connection, refolds, log_id, head, up_to)
        told = Retelling(connection, refolds, codec, log_id=log_id, up_to=goal)
        await connection.execute(_BEGIN, [one.name for one in refolds])
        try:
            for after in range(0, goal, _WINDOW):
                progress(after, goal)
                await told.tell(after, min(after + _WINDOW, goal))
            progress(goal, goal)
            return await _compared(connection, refolds, told, head)
        finally:
            if not keep and not connection.is_closed():
                await connection.execute(_END)


@asynccontextmanager
async def alone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Nobody else replays meanwhile, for as long as the connection lasts. Raises CannotReplay."""
    if not await connection.fetchval(_CLAIM):
        raise CannotReplay("Another replay of this database is under way.")
    await connection.execute(_SETTINGS)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("RESET ALL")
            await connection.execute(_GIVE_BACK)


async def _goal(
    connection: asyncpg.Connection, refolds: Sequence[Refold], log_id: int, head: int, up_to: int | None
) -> int:
    last = await connection.fetchrow(_REACHED, log_id, [one.name for one in refolds])
    if up_to is not None and up_to > head:
        raise CannotReplay(f"History ends at position {head}.")
    if up_to is not None and up_to > last["position"]:
        raise CannotReplay(
            f"{last['name']} has come to position {last['position']} of {head} only. What is longer has "
            "nothing to be held against before a worker has led it on."
        )
    if last["position"] == 0 and head > 0:
        raise CannotReplay(f"No worker has made anything of the {head} events into {last['name']} yet.")
    return int(last["position"] if up_to is None else up_to)


async def _compared(
    connection: asyncpg.Connection, refolds: Sequence[Refold], told: Retelling, head: int
) -> Replayed:
    """In one snapshot of the live rows. Raises CannotReplay."""
    log_id, goal = told.log_id, told.up_to
    names = [one.name for one in refolds]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_WIDE)
        waiting = [row[0] for row in await connection.fetch(_PARKED, log_id, names)]
        known = {stream for parked in waiting for stream in parked}
        unfolded = {stream: why for stream, why in told.untold.items() if stream not in known}
        last = await connection.fetchrow(_REACHED, log_id, names)
        if last["position"] < goal:
            raise CannotReplay(f"{last['name']} was set back to position {last['position']} meanwhile.")
        models = []
        for refold, parked, (rows, digest) in zip(refolds, waiting, told.ended(), strict=True):
            found = await connection.fetchrow(
                _COMPARE, refold.name, refold.stream, log_id, goal, [*parked, *told.untold], _MOST
            )
            one = Compared(
                name=refold.name,
                relation=refold.relation,
                rows=rows,
                digest=digest,
                **{**found, "first": difference(refold, found["first"])},
            )
            models.append(one)
    return Replayed(
        up_to=goal,
        head=head,
        stray=told.stray,
        unfolded=len(unfolded),
        first_unfolded=next((f"{stream} {why}" for stream, why in unfolded.items()), None),
        models=tuple(models),
    )
