"""History that can be proved, over HTTP: the newest checkpoint, tiles of the tree, and proofs."""

from pathlib import Path as Segments
from uuid import UUID

import asyncpg
from litestar import get
from litestar.params import FromPath

from pulseops.access.guards import principal
from pulseops.audit import specs
from pulseops.audit.merkle import HASH
from pulseops.audit.proof import Proof
from pulseops.audit.proving import (
    newest_signed,
    position_named,
    position_of,
    prove_consistency,
    prove_inclusion,
)
from pulseops.audit.registered import newest_register
from pulseops.audit.sealing import tiles_at
from pulseops.audit.specs import Between, Which, Whose
from pulseops.audit.streams import NO_REGISTER, prove_completeness
from pulseops.audit.tiles import Path
from pulseops.eventstore.history import newest
from pulseops.http import etag
from pulseops.http.answer import Answer, encoded
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.refusal import Header, Refused
from pulseops.kernel.errors import InvalidInput, NotFound
from pulseops.subscriptions.positions import head
from pulseops.subscriptions.reads import Reads

_WHICH, _BETWEEN, _WHOSE = Query(Which), Query(Between), Query(Whose)
_TEXT = b"text/plain; charset=utf-8"
_BYTES = b"application/octet-stream"
# Of one address: but it is another log's for another key.
_FOR_EVER: tuple[Header, ...] = (
    (b"cache-control", b"private, max-age=31536000, immutable"),
    (b"vary", b"authorization, cookie"),
)


@get("/audit/checkpoint", opt={"spec": specs.CHECKPOINT})
async def checkpoint(request: Req) -> Answer:
    """A worker that has the key signs about once a second what is new."""
    async with _pool(request).acquire() as connection:
        signed = await newest_signed(connection, principal(request).log_id)
    if signed is None:
        raise NotFound("Nothing of this log is signed yet. A worker with PULSEOPS_AUDIT_KEY signs.")
    return _note(request, signed.note)


@get("/audit/register", opt={"spec": specs.REGISTER})
async def register(request: Req) -> Answer:
    """A worker that has the key makes one once an hour, and `pulseops audit register` at once."""
    async with _pool(request).acquire() as connection:
        note = await newest_register(connection, principal(request).log_id)
    if note is None:
        raise NotFound(NO_REGISTER)
    return _note(request, note)


@get("/audit/tile/{tile:path}", opt={"spec": specs.TILE})
async def tile(request: Req, tile: FromPath[Segments]) -> Answer:
    """Whole, or its first hashes (`.p/W`): a tile is only ever added to, so either never changes."""
    try:
        path = Path.parsed(tile.as_posix().removeprefix("/"))
    except ValueError as error:
        raise NotFound(str(error)) from None
    if path.place.index >= 1 << 63:
        raise NotFound("There is no such tile.")
    found = await tiles_at(_pool(request), principal(request).log_id, [path.place])
    hashes = found.get(path.place, b"")[: path.width * HASH]
    if len(hashes) < path.width * HASH:
        raise NotFound(f"There is no tile {path} yet.")
    return Answer(hashes, media=_BYTES, headers=_FOR_EVER)


@get("/audit/proofs/inclusion", opt={"spec": specs.INCLUSION})
async def inclusion(request: Req) -> Answer:
    """It was held against the tree that was signed. Who trusts nobody holds it against a public key, too."""
    wanted, log_id = _WHICH.read(request), principal(request).log_id
    as_text = "text/plain" in request.headers.get("accept", "")
    position = await _position(request, wanted)
    async with _pool(request).acquire() as connection:
        found = await prove_inclusion(connection, log_id, position, wanted.size)
    vary = [(b"vary", b"accept, authorization, cookie")]
    if not as_text:
        return encoded(found, headers=vary)
    if found.checkpoint is None:
        raise InvalidInput("In text a proof has the checkpoint, which is of more events.", pointer="/size")
    proof = Proof(index=found.index, hashes=found.hashes, checkpoint=found.checkpoint, entry=found.entry)
    return Answer(str(proof).encode(), media=_TEXT, headers=vary)


@get("/audit/proofs/consistency", opt={"spec": specs.CONSISTENCY})
async def consistency(request: Req) -> Answer:
    """What you kept of history, a checkpoint of so many events, is the beginning of what is signed by now."""
    wanted, log_id = _BETWEEN.read(request), principal(request).log_id
    async with _pool(request).acquire() as connection:
        return encoded(await prove_consistency(connection, log_id, wanted.older, wanted.newer))


@get("/audit/proofs/completeness", opt={"spec": specs.COMPLETENESS})
async def completeness(request: Req) -> Answer:
    """As of the newest register: `since` says how many events the log has beyond it."""
    wanted, log_id = _WHOSE.read(request), principal(request).log_id
    async with _pool(request).acquire() as connection:
        return encoded(await prove_completeness(connection, log_id, wanted.incident))


def _note(request: Req, note: str) -> Answer:
    """As it was signed, to who has it not yet."""
    text = note.encode()
    known = etag.of(text)
    sent = [(b"etag", b'"%b"' % known)]
    if etag.none_match(request, known):
        return Answer(b"", status=304, headers=sent)
    return Answer(text, media=_TEXT, headers=sent)


async def _position(request: Req, wanted: Which) -> int:
    """Raises Refused (invalid-input), NotFound, and Overloaded when too many look through history."""
    asking, pool = principal(request), _pool(request)
    match wanted:
        case Which(position=int(position), event_id=None, incident=None, version=None):
            return position
        case Which(position=None, event_id=None, incident=UUID() as incident, version=int(version)):
            async with pool.acquire() as connection:
                return await position_of(connection, asking.log_id, incident, version)
        case Which(position=None, event_id=UUID() as event_id, incident=None, version=None):

            async def look(connection: asyncpg.Connection) -> int:
                return await position_named(connection, asking.log_id, event_id)

            # It takes as long as a list, and is looked for where those are; there it must be, if it is here.
            reads: Reads = request.app.state.reads
            least = await newest(pool, asking.log_id)
            seen = await reads.of(head(log_id=asking.log_id), look, caller=asking.caller, least=least)
            return seen.found
        case _:
            raise Refused(
                "invalid-input", "Name one event: by position, by eventId, or by incident and version."
            )


def _pool(request: Req) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.pool
    return pool


ROUTES = (checkpoint, register, tile, inclusion, consistency, completeness)
