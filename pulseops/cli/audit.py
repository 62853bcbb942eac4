"""`pulseops audit …`: what was signed of history, and whether history is still that."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct

from pulseops.audit import keyfile
from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.notary import newest_note
from pulseops.audit.note import NotSigned, Verifier, opened
from pulseops.audit.sealing import NAME
from pulseops.audit.walk import Walked, walk
from pulseops.cli.advance import counting
from pulseops.cli.alone import verifier, verify_export
from pulseops.cli.database import Json, in_database, print_structs, stop
from pulseops.cli.proofs import proofs
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED
from pulseops.cli.trust import own_key, taken, trusted
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log
from pulseops.subscriptions.positions import models

audit = App(
    name="audit",
    help="""See what was signed of history, and hold history against it.

    In the database of PULSEOPS_DATABASE_URL, else of the local `up`. A checkpoint says how many events there
    are and what they hash to, signed. Keep some where nobody who has the database can change them.
    """,
)


class Rotated(Struct, frozen=True):
    """The key that signs from now on, as `--json` tells of it."""

    key: str


@audit.command
def checkpoint(*, log: str = DEFAULT) -> None:
    """Print the newest checkpoint, as it was signed.

    Parameters
    ----------
    log
        The log that it is about, by its name (see `pulseops logs`).
    """

    async def read(pool: asyncpg.Pool) -> str | None:
        async with pool.acquire() as connection:
            return await newest_note(connection, await find_log(pool, log))

    note = in_database(read, size=2)
    if note is None:
        raise stop("Nothing has been signed yet. A worker with PULSEOPS_AUDIT_KEY signs.", REFUSED)
    print(note, end="")


audit.command(verifier)


@audit.command
def verify(
    file: Path | None = None,
    /,
    *,
    against: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    key: Path | None = None,
    log: str = DEFAULT,
    json: Json = False,
) -> None:
    """Hold every event against what was sealed and signed. Exits with 1 at the first that differs.

    What the database holds can be changed by whoever has it, tree and checkpoint included. A checkpoint that
    was kept elsewhere cannot: give it with --against. An export is verified without any database.

    Parameters
    ----------
    file
        An export, with its manifest and its hashes beside it, to be verified in place of the database.
    against
        A checkpoint that was kept. May be given several times.
    key
        The public keys that are trusted, a line each; else the home's audit.pub.
    log
        The log to verify, by its name (see `pulseops logs`).
    json
        Print what was found as JSON.
    """
    if file is not None:
        verify_export(file, key or keyfile.public(own_key()), against, json=json)
        return
    believed = trusted(key)
    kept = [(str(path), taken(path)) for path in against]

    async def work(pool: asyncpg.Pool) -> tuple[Walked, list[Checkpoint]]:
        log_id = await find_log(pool, log)
        async with pool.acquire() as connection:
            note = await newest_note(connection, log_id)
            signed = _signed(note, kept, believed)
            sealed = await models((NAME,), log_id=log_id)(connection)
            with counting() as bar:
                task = bar.add_task("events", total=max([sealed, *(one.size for one in signed)]))
                found = await walk(
                    connection, log_id, sealed, signed, progress=lambda at: bar.update(task, completed=at)
                )
            return found, signed

    found, signed = in_database(work, size=2)
    if json:
        print_structs(found)
    elif found.divergence is not None:
        say(harmless(f"History is not what was sealed and signed. At {found.divergence}."), stderr=True)
    else:
        say(harmless(_verified(found.events, signed)))
    if found.divergence is not None:
        raise SystemExit(REFUSED)


@audit.command(name="key")
def show_key() -> None:
    """Print the public half of the key that signs; where there is no key, make it."""
    path = own_key()
    try:
        keys = keyfile.make(path)
    except (keyfile.KeyUnusable, OSError) as error:
        raise stop(str(error), REFUSED) from error
    print(keys.signer.verifier)


@audit.command
def rotate(*, json: Json = False) -> None:
    """Make the key that signs anew. Auditors go on trusting both: give them the new audit.pub.

    Workers read it when they start. What was signed before stays signed.

    Parameters
    ----------
    json
        Print its public half as JSON.
    """
    path = own_key()
    try:
        keys = keyfile.rotate(path)
    except (keyfile.KeyUnusable, OSError) as error:
        raise stop(str(error), REFUSED) from error
    if json:
        print_structs(Rotated(key=str(keys.signer.verifier)))
    else:
        say(harmless(f"{path} is a new key, {keyfile.public(path)} has its public half. Start workers anew."))


def _signed(
    own: str | None, kept: Iterable[tuple[str, bytes]], believed: Sequence[Verifier]
) -> list[Checkpoint]:
    """What is to be held against history. Checkpoints of where it was taken out may be among those kept."""
    found = [(whose, _opened(whose, note, believed)) for whose, note in kept]
    if own is not None and not _of_another_place(own, [one for _, one in found], believed):
        found.insert(0, ("the database", _opened("the database", own.encode(), believed)))
    origins = dict[str, str]()
    for whose, one in found:
        origin = origins.setdefault(_place(one), one.origin)
        if one.origin != origin:
            raise stop(f"The checkpoint of {whose} is of {one.origin}, not of {origin}.", REFUSED)
    return [one for _, one in found]


def _opened(whose: str, note: bytes, believed: Sequence[Verifier]) -> Checkpoint:
    try:
        return Checkpoint.parsed(opened(note, believed))
    except (NotSigned, NotACheckpoint) as error:
        raise stop(f"The checkpoint of {whose} is not to be trusted: {error}", REFUSED) from error


def _of_another_place(own: str, kept: Sequence[Checkpoint], believed: Sequence[Verifier]) -> bool:
    """Whether this place, which took history in, signs with a key that nobody asked about; and say so.

    What was kept is then held against history all the same.
    """
    try:
        says = Checkpoint.parsed(own.rpartition("\n\n")[0] + "\n")
    except NotACheckpoint:
        return False
    if not kept or _place(says) in {*map(_place, kept), *(one.name for one in believed)}:
        return False
    told = (
        f"The database's own checkpoint, of {says.origin}, is left aside: none of the keys is of that name."
    )
    say(harmless(told), stderr=True)
    return True


def _place(one: Checkpoint) -> str:
    return one.origin.rpartition("/")[0]


def _verified(events: int, signed: Sequence[Checkpoint]) -> str:
    told = f"{events:,} events are what was sealed"
    if not signed:
        return f"{told}; nothing of it was signed."
    sizes = dict[str, set[int]]()
    for one in signed:
        sizes.setdefault(one.origin, set()).add(one.size)
    each = (
        f"the first {' and '.join(f'{size:,}' for size in sorted(some))} what {origin} signed"
        for origin, some in sizes.items()
    )
    return f"{told}, and {', and '.join(each)}."


audit.update(proofs)
