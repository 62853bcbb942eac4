"""The notary: signs what is sealed of each log, a second after the last time, if the tree only grew."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import asyncpg
import structlog
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.merkle import Run, consistency, consistent
from pulseops.audit.note import NotSigned, Signer, Verifier, opened, signed
from pulseops.audit.sealing import NAME, CannotSeal, tiles_at
from pulseops.audit.shelf import Unreachable
from pulseops.audit.tiles import hashed, needed

_LOOK = 0.2
"""Seconds between looks at how far the logs are sealed."""
_APART = timedelta(seconds=1)
_DOUBT = 10.0
"""Seconds for which it is believed, without a look at what is signed, that nothing is due."""
_ASK = 30.0
"""Seconds between questions to a place that does not answer."""
_MANY = 10_000
"""Events that are signed for at once, however short ago the last signature is."""

# A signature of the future says that the clock was set back: it is no reason to wait until it is past.
_DUE = """
SELECT l.log_id, l.name, s.position AS size, c.note
FROM eventstore.log AS l
JOIN eventstore.subscription AS s ON s.log_id = l.log_id AND s.name = $1 AND s.shard = 0
LEFT JOIN audit.checkpoint AS c ON c.log_id = l.log_id
WHERE s.position > coalesce(c.size, 0)
  AND (c.log_id IS NULL OR s.position - c.size >= $2
    OR c.signed_at NOT BETWEEN clock_timestamp() - $3::interval AND clock_timestamp())
"""
# What the table says of size and time may be written by whoever has the application's login, and kept new.
_ALL = """
SELECT l.log_id, l.name, s.position AS size, c.note
FROM eventstore.log AS l
JOIN eventstore.subscription AS s ON s.log_id = l.log_id AND s.name = $1 AND s.shard = 0
JOIN audit.checkpoint AS c ON c.log_id = l.log_id
"""
# Where it is still what was looked at: nobody's newer one is replaced.
_KEEP = """
INSERT INTO audit.checkpoint AS c (log_id, size, note, signed_at) VALUES ($1, $2, $3, clock_timestamp())
ON CONFLICT (log_id) DO UPDATE
SET size = excluded.size, note = excluded.note, signed_at = excluded.signed_at, refused = NULL
WHERE c.note = $4
"""
_REFUSE = "UPDATE audit.checkpoint SET refused = $2 WHERE log_id = $1 AND refused IS DISTINCT FROM $2"
_log = structlog.get_logger(__name__)


class Refused(CannotSeal):
    """The tree is not what was signed before: nothing more of this log is signed."""

    code = "not-as-signed"


class Keys(Struct, frozen=True, kw_only=True):
    """What signs now, and whose signatures of before are ours."""

    signer: Signer
    earlier: tuple[Verifier, ...] = ()

    @property
    def verifiers(self) -> Sequence[Verifier]:
        return (self.signer.verifier, *self.earlier)

    def origin(self, log: str) -> str:
        """What the checkpoints of a log call it."""
        return f"{self.signer.name}/{log}"


Ask = Callable[[str], Awaitable[Checkpoint | None]]
"""The checkpoint of a log that is published, by the log's name. Raises Unreachable."""


class Notary:
    """Signs for all logs. Several may: what they sign is of one tree.

    What it signs first of a log adds to what was kept of it, and, as soon as the place answers, to what was
    `published`.
    """

    def __init__(self, pool: asyncpg.Pool, keys: Keys, *, published: Ask | None = None) -> None:
        self._pool, self._keys, self._published = pool, keys, published
        self._signed: dict[int, Checkpoint] = {}
        self._failing = False
        self._doubts, self._stood = time.monotonic(), dict[int, str]()
        self._there, self._asks = dict[int, Checkpoint | None](), 0.0
        self._held = set[int]()

    async def watch(self) -> None:
        """For ever, whatever fails."""
        while True:
            try:
                await self.sign()
            except Exception as error:  # noqa: BLE001 -- logged; the next look tries again
                if not self._failing:
                    _log.error("history is not signed", error=repr(error)[:200])
                self._failing = True
            else:
                if self._failing:
                    _log.info("history is signed again")
                self._failing = False
            await asyncio.sleep(_LOOK)

    async def sign(self) -> list[Checkpoint]:
        """What was sealed and not yet signed; one log's trouble is raised when the others are signed."""
        made, trouble = list[Checkpoint](), None
        async with self._pool.acquire() as connection:
            for due in [*await connection.fetch(_DUE, NAME, _MANY, _APART), *await self._overdue(connection)]:
                try:
                    made.append(await self._signed_or_refused(connection, due))
                # Such as a row that somebody holds on to: what is away for all fails for the next one too.
                except (CannotSeal, NotSigned, asyncpg.PostgresError, TimeoutError) as error:
                    trouble = error
        if trouble is not None:
            raise trouble
        return made

    async def _signed_or_refused(self, connection: asyncpg.Connection, due: asyncpg.Record) -> Checkpoint:
        try:
            return await self._sign(connection, due)
        except (CannotSeal, NotSigned) as error:
            await connection.execute(_REFUSE, due["log_id"], str(error))
            raise

    async def _overdue(self, connection: asyncpg.Connection) -> Sequence[asyncpg.Record]:
        """Logs whose checkpoint stands still, whatever is told of it, though more is sealed than it is of."""
        if (now := time.monotonic()) < self._doubts:
            return []
        self._doubts = now + _DOUBT
        before, rows = self._stood, await connection.fetch(_ALL, NAME)
        self._stood = {row["log_id"]: row["note"] for row in rows}
        return [
            row
            for row in rows
            if before.get(row["log_id"]) == row["note"] and row["size"] > self._known(row["note"])
        ]

    def _known(self, note: str) -> int:
        """How many events it is about; none, if it is not ours."""
        try:
            return Checkpoint.parsed(opened(note.encode(), self._keys.verifiers)).size
        except (NotSigned, NotACheckpoint):
            return 0

    async def _sign(self, connection: asyncpg.Connection, due: asyncpg.Record) -> Checkpoint:
        log_id, name, size = due["log_id"], due["name"], due["size"]
        [root] = await hashes(connection, log_id, [Run(0, size)])
        after = Checkpoint(origin=self._keys.origin(name), size=size, root=root)
        for before in await self._before(connection, log_id, name):
            if (why := await amiss(connection, log_id, before, after)) is not None:
                raise Refused(f"{Refused.__doc__} {why}")
        await connection.execute(_KEEP, log_id, size, signed(str(after), [self._keys.signer]), due["note"])
        self._signed[log_id] = after
        if log_id in self._there:
            self._held.add(log_id)
        return after

    async def _before(self, connection: asyncpg.Connection, log_id: int, name: str) -> list[Checkpoint]:
        """What the next checkpoint has to add to."""
        last = self._signed.get(log_id)
        known = [await self._kept(connection, log_id) if last is None else last]
        if log_id not in self._held:
            known.append(await self._there_is(log_id, name))
        return [one for one in known if one is not None]

    async def _there_is(self, log_id: int, name: str) -> Checkpoint | None:
        """What was published when the place first answered; None as well while it does not."""
        if self._published is not None and log_id not in self._there and time.monotonic() >= self._asks:
            try:
                self._there[log_id] = await self._published(name)
            except Unreachable as error:
                if not self._asks:
                    _log.warning("history is signed without a look at what is published", error=str(error))
                self._asks = time.monotonic() + _ASK
        return self._there.get(log_id)

    async def _kept(self, connection: asyncpg.Connection, log_id: int) -> Checkpoint | None:
        """What was signed before this process began. Raises NotSigned when it is not by one of our keys."""
        note = await newest_note(connection, log_id)
        return None if note is None else Checkpoint.parsed(opened(note.encode(), self._keys.verifiers))


async def newest_note(connection: asyncpg.Connection, log_id: int) -> str | None:
    """The newest checkpoint of a log, as a note."""
    note: str | None = await connection.fetchval(
        "SELECT note FROM audit.checkpoint WHERE log_id = $1", log_id
    )
    return note


async def amiss(
    connection: asyncpg.Connection, log_id: int, before: Checkpoint, after: Checkpoint
) -> str | None:
    """Why `after` does not only add to `before` (RFC 9162, 2.1.4), as the kept tree shows; None when it does.

    Raises CannotSeal where the tree has a hole.
    """
    if before.origin != after.origin:
        return f"It is of {after.origin} where {before.origin} was signed."
    if before.size > after.size:
        return f"It has {after.size} events where {before.size} were signed."
    path = await hashes(connection, log_id, consistency(before.size, after.size) if before.size else [])
    if consistent(before.size, before.root, after.size, after.root, path):
        return None
    return f"It differs somewhere in the first {before.size} events."


async def hashes(connection: asyncpg.Connection, log_id: int, runs: Sequence[Run]) -> list[bytes]:
    """From the tiles that are kept. Raises CannotSeal where one is missing."""
    tiles = await tiles_at(connection, log_id, needed(runs))
    try:
        return hashed(runs, tiles)
    except KeyError as error:
        raise CannotSeal("The tree has lost a tile: seal from the beginning.") from error
