"""The replica that reads go to: whether it answers, and how far it is behind."""

import asyncio
from collections.abc import Mapping
from typing import Self

import asyncpg
import structlog
from msgspec import Struct

from pulseops.db.identity import identity
from pulseops.db.outages import OUTAGES
from pulseops.db.pools import open_pool
from pulseops.kernel.errors import PulseOpsError

_PATIENCE = 1.5
"""Seconds that it has to answer whether it is there."""
_AGAIN = 1.0
"""Seconds after which one that was away is asked again."""

# Deliberately one statement: all of it as of one snapshot.
_STANDING = """
SELECT l.log_id, coalesce((
    SELECT e.position FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
  ), l.floor_position) AS position,
  coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::float8 AS quiet
FROM eventstore.log l
"""
_log = structlog.get_logger(__name__)


class NotOurReplica(PulseOpsError):
    """PULSEOPS_READ_DATABASE_URL leads to another database than PULSEOPS_DATABASE_URL, not to a replica."""

    code = "not-our-replica"


class Standing(Struct, frozen=True, kw_only=True, rename="camel"):
    """`answers`: reads go there; else to the primary. How far it is behind, in events and in seconds."""

    answers: bool
    positions: int | None = None
    seconds: float | None = None


class Replica:
    """A pool of a replica, and whether it may be used. Nobody's request finds out that it is back."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.answers = True
        self._asking: asyncio.Task[None] | None = None

    @classmethod
    async def of(cls, url: str, *, primary: str, size: int, command_seconds: float, pooled: bool) -> Self:
        """Of the database that `primary` identifies. It need not be there yet. Raises NotOurReplica."""

        async def check(connection: asyncpg.Connection) -> None:
            if await identity(connection) != primary:
                raise NotOurReplica

        pool = await open_pool(
            url, size=size, least=0, command_seconds=command_seconds, pooled=pooled, check=check
        )
        found = cls(pool)
        try:
            await found._ask()
        except (*OUTAGES, OSError, asyncpg.PostgresError) as error:
            found.gone(error)
        except BaseException:
            pool.terminate()
            raise
        return found

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self.pool.terminate()

    def gone(self, error: Exception) -> None:
        """Do without it until it answers again, which is found out meanwhile."""
        if self.answers:
            _log.warning("the replica is away: reads go to the primary", error=repr(error)[:200])
        self.answers = False
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._until_back(), name="pulseops replica")

    async def standing(self, heads: Mapping[int, int]) -> Standing:
        """Against the primary's `heads`, the newest position of each log, which were read before."""
        if not self.answers:
            return Standing(answers=False)
        try:
            async with asyncio.timeout(_PATIENCE), self.pool.acquire(timeout=_PATIENCE) as connection:
                rows = await connection.fetch(_STANDING)
        except (*OUTAGES, OSError, PulseOpsError, asyncpg.PostgresError) as error:
            self.gone(error)
            return Standing(answers=False)
        there = {row["log_id"]: row["position"] for row in rows}
        behind = sum(max(0, position - there.get(log_id, 0)) for log_id, position in heads.items())
        # Where nothing is written nothing is replayed: its silence says something only if it is behind.
        quiet = max((row["quiet"] for row in rows), default=0.0)
        return Standing(answers=True, positions=behind, seconds=round(quiet, 3) if behind else 0.0)

    async def _until_back(self) -> None:
        told = ""
        while True:
            await asyncio.sleep(_AGAIN)
            try:
                await self._ask()
            except (*OUTAGES, OSError, PulseOpsError, asyncpg.PostgresError):
                continue
            except Exception as error:  # noqa: BLE001 -- logged, each once in a row; nobody else asks
                if (text := repr(error)[:200]) != told:
                    _log.error("the replica cannot be asked", error=text, exc_info=error)
                told = text
            else:
                self.answers = True
                _log.info("the replica answers again")
                return

    async def _ask(self) -> None:
        async with asyncio.timeout(_PATIENCE), self.pool.acquire(timeout=_PATIENCE) as connection:
            await connection.fetchval("SELECT 1")
