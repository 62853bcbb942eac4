"""`pulseops audit register` and `complete`: that nothing is left out of an incident."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import App, Parameter
from rich.progress import Progress, TaskID

from pulseops.audit import keyfile
from pulseops.audit.completeness import Completeness
from pulseops.audit.note import NotSigned
from pulseops.audit.proof import NotProved
from pulseops.audit.recount import recount
from pulseops.audit.register import Register
from pulseops.audit.registered import newest_register
from pulseops.audit.registrar import make
from pulseops.audit.sealing import CannotSeal
from pulseops.audit.streams import prove_completeness
from pulseops.audit.walk import Divergence
from pulseops.cli.database import Json, in_database, print_structs, stop
from pulseops.cli.either import HERE, Server
from pulseops.cli.render import put, say
from pulseops.cli.reply import Id
from pulseops.cli.speak import REFUSED, speaking
from pulseops.cli.trust import own_key, trusted
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log

registering = App()
_SECONDS = 900.0


@registering.command
def register(*, anew: Annotated[bool, Parameter(negative=())] = False, log: str = DEFAULT) -> None:
    """Make the register of what is signed by now, and print it as it was signed.

    It has each stream, such as an incident, with how many events it has, so that nothing can be left out.
    Workers make one every hour. This reads the key that signs.

    Parameters
    ----------
    anew
        From the first event on, whatever is kept of the one before.
    log
        The log that it is about, by its name (see `pulseops logs`).
    """
    path = own_key()
    try:
        keys = keyfile.read(path)
    except keyfile.KeyUnusable as error:
        raise stop(str(error), REFUSED) from error

    async def work(pool: asyncpg.Pool) -> str | None:
        log_id = await find_log(pool, log)
        async with pool.acquire() as connection:
            try:
                made = await make(connection, log_id, log, keys, anew=anew)
            except NotSigned as error:
                raise NotSigned(f"{log} was signed by another key than {path}.") from error
            return None if made is None else await newest_register(connection, log_id)

    note = in_database(work, size=2, command_seconds=_SECONDS)
    if note is None:
        raise stop("Another process makes it at this moment: ask again.", REFUSED)
    put(note)


@registering.command
def complete(
    incident: Id,
    /,
    *,
    key: Path | None = None,
    log: str = DEFAULT,
    server: Server = HERE,
    json: Json = False,
) -> None:
    """Prove that an incident has these events and no others, as of the newest register.

    What --json prints is checked by `pulseops audit check`, with a public key alone. Exits with 1 when it is
    not proved.

    Parameters
    ----------
    incident
        Its id; or that of anything else that has a history, such as a team.
    key
        The public keys that are trusted, a line each; else the home's audit.pub.
    log
        The log that it is in, by its name (see `pulseops logs`).
    json
        Print the proof, whole.
    """
    believed = trusted(key)

    async def work(pool: asyncpg.Pool) -> Completeness:
        log_id = await find_log(pool, log)
        async with pool.acquire() as connection:
            return await prove_completeness(connection, log_id, incident)

    if (asking := server.asked(log)) is None:
        found = in_database(work, size=2)
    else:
        with speaking(asking) as client:
            found = client.proofs.completeness(incident)
    try:
        register = found.check(believed, log=log)
    except NotProved as error:
        raise stop(str(error), REFUSED) from error
    if json:
        print_structs(found)
    else:
        more = f" {found.since:,} events of the log came since." if found.since > 0 else ""
        say(harmless(f"{found.told(register)}{more}"))


async def recounted(
    connection: asyncpg.Connection, log_id: int, registers: Sequence[Register], *, own: bool, bar: Progress
) -> Divergence | None:
    """The first stream that one of them has wrong. `own`: the first is the one whose pages are kept here."""
    for number, one in enumerate(registers):
        task = bar.add_task("streams", total=one.entries)
        with suppress(CannotSeal):  # a tile is lost, which `walk` finds and names
            bad = await recount(
                connection,
                log_id,
                one,
                kept=own and not number,
                progress=partial(_advance, bar, task),
            )
            if bad is not None:
                return bad
    return None


def _advance(bar: Progress, task: TaskID, done: int) -> None:
    bar.update(task, completed=done)
