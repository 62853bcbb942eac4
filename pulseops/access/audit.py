"""Who was refused, on its way into the access stream of a log.

A refusal costs its request nothing but a note in memory. The notes are written every few seconds: a process
that is killed loses those since then. Acts are `recording`'s.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from litestar.connection import ASGIConnection
from msgspec import Struct
from msgspec.structs import replace

from pulseops.access import trail
from pulseops.access.events import AccessDenied, AccessFact
from pulseops.db.outages import OUTAGES
from pulseops.eventstore.within import append_within, versions
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Meta
from pulseops.kernel.ids import new_id

WINDOW = 10.0
"""Seconds in which refusals that are alike become one event."""
MOST = 100
"""Refusals of a window that are told one by one; the rest of each log is one event."""
_PAUSE = 1.0
_ATTEMPTS = 8
_SOMETIME = datetime(1970, 1, 1, tzinfo=UTC)
"""When a refusal was that has not been counted yet: two that are alike must be equal."""
_LONGEST = 200  # characters of what a caller may have chosen

_log = structlog.get_logger("pulseops.access")


class _Batch(Struct, frozen=True):
    """What goes into one log together. Under its command id a repetition is recognised."""

    log_id: int
    command_id: UUID
    facts: tuple[tuple[AccessFact, Meta], ...]


def where(request: ASGIConnection[Any, Any, Any, Any]) -> tuple[str, str | None, str]:
    """The method, the route's template and the peer's address of a request: nothing that is secret."""
    client = request.scope.get("client")
    template: str | None = request.scope.get("path_template")
    return str(request.scope.get("method")), template, client[0] if client else "unknown"


class Auditor:
    """Begins to write with `start`; `stop` writes what is left."""

    def __init__(self, pool: asyncpg.Pool, *, window: float = WINDOW, most: int = MOST) -> None:
        self._pool, self._window, self._most = pool, window, most
        self._refusals: dict[tuple[int, AccessDenied], AccessDenied] = {}
        self._others: dict[int, AccessDenied] = {}
        self._going: list[_Batch] = []
        self._due = float("inf")
        self._called = asyncio.Event()
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    def denied(
        self,
        request: ASGIConnection[Any, Any, Any, Any],
        code: str,
        *,
        log_id: int = 1,
        who: str = "anonymous",
        key_id: str | None = None,
        action: str | None = None,
    ) -> None:
        """Somebody was refused with `code`. Whose log is not known is told to the first."""
        method, path, origin = where(request)
        now = utc_now()
        alike = AccessDenied(
            who=who,
            code=code,
            first_at=_SOMETIME,
            last_at=_SOMETIME,
            key_id=key_id,
            method=method,
            path=path,
            action=action,
            origin=origin,
        )
        if not (self._refusals or self._others):
            self._due = asyncio.get_running_loop().time() + self._window
            self._called.set()
        known = self._refusals.get((log_id, alike))
        if known is not None or len(self._refusals) < self._most:
            self._refusals[log_id, alike] = _again(known or alike, now)
        else:
            others = self._others.get(log_id) or AccessDenied(
                who="others", code="various", first_at=_SOMETIME, last_at=_SOMETIME
            )
            self._others[log_id] = _again(others, now)

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="pulseops audit")

    async def stop(self) -> None:
        """Write what is left, if the database takes it soon."""
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        self._due = 0.0
        try:
            async with asyncio.timeout(2):
                await self.flush()
                await self.flush()  # what came while the last batches were waiting
        except (*OUTAGES, asyncpg.PostgresError) as error:
            _log.warning("audit not written", error=type(error).__name__)

    async def _write(self) -> None:
        while True:
            with suppress(TimeoutError):
                left = self._due - asyncio.get_running_loop().time()
                async with asyncio.timeout(max(0.0, left) if self._due < float("inf") else None):
                    await self._called.wait()
            self._called.clear()
            try:
                await self.flush()
            except (*OUTAGES, asyncpg.PostgresError) as error:
                _log.warning("audit not written", error=type(error).__name__)
                await asyncio.sleep(_PAUSE)
                self._called.set()

    async def flush(self) -> None:
        """Write the refusals, if their window is over. Raises what asyncpg raises."""
        async with self._turn:
            self._going = self._going or self._taken()
            while self._going:
                await self._store(self._going[0])
                self._going.pop(0)

    def _taken(self) -> list[_Batch]:
        facts: dict[int, list[tuple[AccessFact, Meta]]] = {}
        if self._due <= asyncio.get_running_loop().time():
            told = Meta(actor="system:audit", correlation_id=new_id())
            for (log_id, _), refusal in self._refusals.items():
                facts.setdefault(log_id, []).append((refusal, told))
            for log_id, refusal in self._others.items():
                facts.setdefault(log_id, []).append((refusal, told))
            self._refusals, self._others, self._due = {}, {}, float("inf")
        return [_Batch(log_id, new_id(), tuple(some)) for log_id, some in facts.items()]

    async def _store(self, batch: _Batch) -> None:
        stream = trail.stream_of(batch.log_id)
        for _ in range(_ATTEMPTS):
            async with self._pool.acquire() as connection:
                stand = await versions(connection, (stream,), log_id=batch.log_id)
                request = trail.request(stream, stand[stream], batch.facts, batch.command_id, now=utc_now())
                (result,) = await append_within(connection, [request], log_id=batch.log_id)
            if result.verdict != "conflict":
                return
        raise TimeoutError


def _again(known: AccessDenied, now: datetime) -> AccessDenied:
    if known.last_at == _SOMETIME:
        return replace(known, first_at=now, last_at=now)
    return replace(known, last_at=now, count=known.count + 1)
