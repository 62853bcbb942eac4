"""The rules that a process goes by are recorded in each log, when they are not those recorded before.

Never on the way of a request or of a start: a database that is away, or not migrated, is asked again later.
"""

import asyncio
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.eventstore.directory import list_logs
from pulseops.eventstore.within import append_within
from pulseops.kernel.clock import utc_now
from pulseops.kernel.durations import duration_text
from pulseops.kernel.envelope import Meta
from pulseops.kernel.ids import derived_id, new_id
from pulseops.rulebook.events import RulesApplied
from pulseops.rulebook.loader import Rulebook

_LOOK = 5.0
"""Seconds between looks for logs that were made meanwhile."""
_AGAIN = 5.0
"""Seconds until it is tried again after it failed."""
_ATTEMPTS = 8

_NEWEST = """
SELECT version, data ->> 'sha256' AS sha256 FROM eventstore.event
WHERE log_id = $1 AND stream_id = $2 ORDER BY version DESC LIMIT 1
"""

_log = structlog.get_logger(__name__)


def stream_of(log_id: int) -> UUID:
    return derived_id("rules", log_id)


def applied(rules: Rulebook, process: str) -> RulesApplied:
    """The rules as they are recorded; `process` is who goes by them, such as `api`."""
    sections = {
        "classification": said(rules.classification.rules),
        "assignment": said(rules.assignment),
        "escalation": said(rules.escalation),
    }
    content = msgspec.json.encode([sections, rules.text], order="sorted")
    return RulesApplied(sha256=sha256(content).hexdigest(), process=process, text=rules.text, **sections)


class Recorder:
    """Records once in each log. What another process records afterwards stays the newest."""

    def __init__(self, pool: asyncpg.Pool, rules: Rulebook, process: str) -> None:
        self._pool, self._fact = pool, applied(rules, process)
        self._done: set[int] = set()

    async def watch(self) -> None:
        """For ever, whatever fails."""
        failing = False
        while True:
            try:
                await self.record()
            except Exception as error:  # noqa: BLE001 -- logged; the next look tries again
                if not failing:
                    _log.warning("the rules are not recorded yet", error=repr(error)[:200])
                failing = True
            else:
                failing = False
            await asyncio.sleep(_AGAIN if failing else _LOOK)

    async def record(self) -> list[int]:
        """The logs in which they were not the newest, and now are."""
        told = list[int]()
        async with self._pool.acquire() as connection:
            for log in await list_logs(connection):
                if log.log_id in self._done:
                    continue
                if await record(connection, self._fact, log_id=log.log_id):
                    told.append(log.log_id)
                    _log.info("rules recorded", log=log.name, sha256=self._fact.sha256[:12])
                self._done.add(log.log_id)
        return told


async def record(connection: asyncpg.Connection, fact: RulesApplied, *, log_id: int) -> bool:
    """Whether it was not the newest, and now is. Of several who begin together one records it."""
    stream_id = stream_of(log_id)
    for _ in range(_ATTEMPTS):
        newest = await connection.fetchrow(_NEWEST, log_id, stream_id)
        version, before = (0, None) if newest is None else (newest["version"], newest["sha256"])
        if before == fact.sha256:
            return False
        # Of what it follows, too: rules that come back are recorded again.
        command_id = derived_id("rules applied", log_id, version, fact.sha256)
        event = NewEvent(
            type=fact.type,
            schema_version=fact.schema_version,
            event_id=derived_id(str(command_id), 0),
            occurred_at=utc_now(),
            data=fact,
            meta=Meta(actor=f"system:{fact.process}", correlation_id=new_id()),
        )
        request = AppendRequest(
            stream_id=stream_id, expected_version=version, command_id=command_id, events=(event,)
        )
        (result,) = await append_within(connection, [request], log_id=log_id)
        if result.verdict in {"stored", "replayed"}:
            return result.verdict == "stored"
    return False


def said(rules: Any) -> Any:
    """As a rules file says it: durations in its words, and nothing that is empty."""
    return _plain(msgspec.to_builtins(rules, builtin_types=(timedelta,)))


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, dict):
        told = {name: _plain(one) for name, one in value.items()}
        return {name: one for name, one in told.items() if one is not None and one not in ("", [], {})}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
