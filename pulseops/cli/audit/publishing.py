"""`pulseops audit publish`, and the place that is meant."""

from collections.abc import Sequence
from pathlib import Path

import asyncpg
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.note import Verifier
from pulseops.audit.shelf import PlaceInvalid, Shelf, register
from pulseops.audit.walk import Divergence
from pulseops.cli.advance import counting
from pulseops.cli.database import Json, in_database, print_structs, stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED, USAGE
from pulseops.cli.trust import own_settings, told, trusted
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publish import Published, publish
from pulseops.publishing.published import compare, notes, registers


def publish_now(*, key: Path | None = None, log: str = DEFAULT, json: Json = False) -> None:
    """Publish what was signed last, once, at the place of PULSEOPS_AUDIT_PUBLISH.

    Workers do so by themselves. Exits with 1 when it does not add to what is published there.

    Parameters
    ----------
    key
        The public keys that are trusted, a line each; else the home's audit.pub.
    log
        The log to publish, by its name (see `pulseops logs`).
    json
        Print how far it is published as JSON.
    """
    believed, shelf = trusted(key), shelf_at(None)

    async def work(pool: asyncpg.Pool) -> Published | None:
        return await publish(pool, shelf, believed, log_id=await find_log(pool, log), log=log)

    found = in_database(work)
    if found is None:
        raise stop("Nothing has been signed yet. A worker with PULSEOPS_AUDIT_KEY signs.", REFUSED)
    if json:
        print_structs(found)
    else:
        since = "were published already" if found.before == found.size else "are published"
        say(harmless(f"The first {found.size:,} events of {log} {since}."))


class Held(Struct, frozen=True):
    """What was published of a log: how many `checkpoints`, and where the tree is not what these are about.

    To be held against history are the `newest` checkpoint and register, and of each register its log.
    """

    checkpoints: int = 0
    newest: Sequence[tuple[str, bytes]] = ()
    logs: Sequence[Checkpoint] = ()
    divergence: Divergence | None = None


async def held(
    pool: asyncpg.Pool, shelf: Shelf, believed: Sequence[Verifier], *, log_id: int, log: str
) -> Held:
    async with shelf.visit() as visit, pool.acquire() as connection:
        there = [(one.path, one.text) for one in await notes(visit, log)]
        listed = {one.path: one.text for one in await registers(visit, log)}
        if not there:
            raise stop(f"Nothing of {log} is published there.", REFUSED)
        signed = told([*there, *listed.items()], believed)
        if len(signed.checkpoints) != len(there):
            raise stop("A register stands there in place of a checkpoint, or the other way about.", REFUSED)
        logs = sorted((one.log for one in signed.registers), key=lambda one: one.size)
        last = {register(log, one.size) for one in logs[-1:]}
        with counting() as bar:
            task = bar.add_task("published", total=max(one.size for one in signed.checkpoints))
            bad = await compare(
                connection,
                log_id,
                visit,
                log,
                signed.checkpoints,
                progress=lambda at: bar.update(task, completed=at),
            )
        newest = [there[-1], *((path, text) for path, text in listed.items() if path in last)]
        return Held(len(there), newest, logs, bad)


def shelf_at(place: str | None) -> Shelf:
    """The one that is named, else that of the settings."""
    chosen = place or own_settings().audit_publish
    if chosen is None:
        raise stop("Where? Set PULSEOPS_AUDIT_PUBLISH to a folder, a repository or a bucket.", USAGE)
    try:
        return shelf_of(chosen)
    except PlaceInvalid as error:
        raise stop(str(error), USAGE) from error
