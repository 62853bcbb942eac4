"""`pulseops audit …`: what was signed of history, and whether history is still that."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from msgspec.structs import replace

from pulseops.audit import keyfile
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.notary import newest_note
from pulseops.audit.registered import newest_register
from pulseops.audit.sealing import NAME
from pulseops.audit.walk import Walked, strays, walk
from pulseops.cli.advance import counting
from pulseops.cli.audit.alone import verifier, verify_export
from pulseops.cli.audit.proofs import proofs
from pulseops.cli.audit.publishing import Held, held, shelf_at
from pulseops.cli.audit.register import recounted, registering
from pulseops.cli.database import Json, in_database, print_structs, stop
from pulseops.cli.either import HERE, Server
from pulseops.cli.render import put, say
from pulseops.cli.speak import REFUSED, USAGE, speaking
from pulseops.cli.trust import Told, own_key, taken, told, trusted
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log
from pulseops.eventstore.history import newest
from pulseops.kernel.reasons import reason
from pulseops.subscriptions.positions import models

audit = App(
    name="audit",
    help="""See what was signed of history, and hold history against it.

    In the database of PULSEOPS_DATABASE_URL, else of the local `up`. A checkpoint says how many events there
    are and what they hash to, signed. Keep some where nobody who has the database can change them.
    """,
)


audit.command("pulseops.cli.audit.publishing:publish_now", name="publish")
for more in (proofs, registering):
    audit.update(more)

_PUBLISHED = ("", " The published checkpoint says the same.", " All {:,} published checkpoints say the same.")


class Rotated(Struct, frozen=True):
    """The key that signs from now on, as `--json` tells of it."""

    key: str


@audit.command
def checkpoint(*, log: str = DEFAULT, server: Server = HERE) -> None:
    """Print the newest checkpoint, as it was signed.

    Parameters
    ----------
    log
        The log that it is about, by its name (see `pulseops logs`).
    """
    if (asking := server.asked(log)) is not None:
        with speaking(asking) as client:
            put(client.proofs.checkpoint())
        return

    async def read(pool: asyncpg.Pool) -> str | None:
        async with pool.acquire() as connection:
            return await newest_note(connection, await find_log(pool, log))

    note = in_database(read, size=2)
    if note is None:
        raise stop("Nothing has been signed yet. A worker with PULSEOPS_AUDIT_KEY signs.", REFUSED)
    put(note)


audit.command(verifier)


@audit.command
def verify(
    file: Path | None = None,
    /,
    *,
    against: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    published: Annotated[bool | str, Parameter(negative=())] = False,
    key: Path | None = None,
    log: str = DEFAULT,
    json: Json = False,
) -> None:
    """Hold every event against what was sealed and signed. Exits with 1 at the first that differs.

    Each hash of the tree is held against what lies below it, and each stream is counted anew and held against
    the register. What the database holds can be changed by whoever has it, all of this included. A checkpoint
    or a register that was kept elsewhere cannot: give it with --against, or all that were published with
    --published. An export is verified without any database.

    Parameters
    ----------
    file
        An export, with its manifest and its hashes beside it, to be verified in place of the database.
    against
        A checkpoint or a register that was kept. May be given several times.
    published
        Hold it against all checkpoints, tiles and registers that were published; at the place of
        PULSEOPS_AUDIT_PUBLISH, or at another one that is named.
    key
        The public keys that are trusted, a line each; else the home's audit.pub.
    log
        The log to verify, by its name (see `pulseops logs`).
    json
        Print what was found as JSON.
    """
    if file is not None:
        if published:
            raise stop("An export is held against kept checkpoints: name them with --against.", USAGE)
        verify_export(file, key or keyfile.public(own_key()), against, json=json)
        return
    believed = trusted(key)
    kept = [(str(path), taken(path)) for path in against]
    shelf = shelf_at(published if isinstance(published, str) else None) if published else None

    async def work(pool: asyncpg.Pool) -> tuple[Walked, str]:
        log_id = await find_log(pool, log)
        # First, so that history is as long as what is published.
        there = Held() if shelf is None else await held(pool, shelf, believed, log_id=log_id, log=log)
        if there.divergence is not None:
            return Walked(events=0, divergence=there.divergence), ""
        async with pool.acquire() as connection:
            with counting() as bar:
                # The register that is kept, and its pages, as of one moment.
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    ours = [await newest_register(connection, log_id), await newest_note(connection, log_id)]
                    notes = [("the database", one.encode()) for one in ours if one is not None]
                    signed = told([*there.newest, *kept], believed, own=notes)
                    bad = await recounted(connection, log_id, signed.registers, own=signed.own, bar=bar)
                sealed = await models((NAME,), log_id=log_id)(connection)
                sizes = [*signed.sizes, *there.logs]
                task = bar.add_task("events", total=max([sealed, *(one.size for one in sizes)]))
                found = await walk(
                    connection,
                    log_id,
                    sealed,
                    sizes,
                    progress=lambda at: bar.update(task, completed=at),
                )
            if found.divergence is None:
                found = replace(found, divergence=bad or await strays(connection, log_id))
            more = max(await newest(connection, log_id) - found.events, 0)
            return found, _verified(found.events, signed, more=more, published=there.checkpoints)

    found, verified = in_database(work, size=2)
    if json:
        print_structs(found)
    elif found.divergence is not None:
        say(harmless(f"History is not what was sealed and signed. At {found.divergence}."), stderr=True)
    else:
        say(harmless(verified))
    if found.divergence is not None:
        raise SystemExit(REFUSED)


@audit.command(name="key")
def show_key() -> None:
    """Print the public halves of the key that signs, as in audit.pub; where there is no key, make it."""
    path = own_key()
    try:
        keys = keyfile.make(path)
    except keyfile.KeyUnusable as error:
        raise stop(str(error), REFUSED) from error
    except OSError as error:
        raise stop(f"{path} cannot be written: {reason(error)}", REFUSED) from error
    put("".join(f"{one}\n" for one in keys.verifiers))


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
    except keyfile.KeyUnusable as error:
        raise stop(str(error), REFUSED) from error
    except OSError as error:
        raise stop(f"{path} cannot be written: {reason(error)}", REFUSED) from error
    if json:
        print_structs(Rotated(key=str(keys.signer.verifier)))
    else:
        say(harmless(f"{path} is a new key, {keyfile.public(path)} has its public half. Start workers anew."))


def _verified(events: int, signed: Told, *, more: int, published: int) -> str:
    said = f"{events:,} events are what was sealed"
    since = f" Of the {more:,} that came since nothing is said." if more else ""
    if not signed.sizes:
        return f"{said}; nothing of it was signed.{since}"
    origins = dict[str, list[Checkpoint]]()
    for one in signed.sizes:
        origins.setdefault(one.origin, []).append(one)
    each = (f"the first {_counted(sizes)} what {origin} signed" for origin, sizes in origins.items())
    said += f", and {', and '.join(each)}."
    if signed.registers:
        whole = _counted([one.log for one in signed.registers])
        said += f" Nothing is left out of any stream in the first {whole}."
    said += since
    return said + _PUBLISHED[min(published, 2)].format(published)


def _counted(sizes: Sequence[Checkpoint]) -> str:
    *most, last = [f"{size:,}" for size in sorted({one.size for one in sizes})]
    return f"{', '.join(most)} and {last}" if most else last
