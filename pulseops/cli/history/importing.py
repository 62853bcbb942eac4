"""`pulseops events import`: the export of a whole log, into an empty one."""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import Parameter
from msgspec import Struct

from pulseops.archive.alone import Wrong
from pulseops.archive.vouching import Vouching
from pulseops.cli.advance import counting
from pulseops.cli.database import Json, ended, print_structs, stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED, UNREACHABLE, USAGE
from pulseops.cli.trust import trusted
from pulseops.cli.words import harmless
from pulseops.db.outages import MISTAKEN
from pulseops.escalation.timers import NAME as DEADLINES
from pulseops.eventstore.directory import DEFAULT, NAME
from pulseops.eventstore.importing import Into, take_in
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import PulseOpsError
from pulseops.settings import Settings, SettingsError
from pulseops.up.home import database_of
from pulseops.up.processes import CannotStart
from pulseops.up.standing import standing
from pulseops.wiring import CODEC, HOLDS

_RIGHTS = "An import needs the login that migrates: PULSEOPS_MIGRATION_URL names it."
_CONNECT_SECONDS = 10.0


class Imported(Struct, frozen=True, rename="camel"):
    """An import as `--json` tells of it. `root` is that of the log's tree, as a checkpoint of it has it."""

    log: str
    events: int
    root: str


def import_events(
    file: Path,
    /,
    *,
    log: str = DEFAULT,
    key: Path | None = None,
    home: Path | None = None,
    accept: Annotated[bool, Parameter(negative=())] = False,
    deadlines: bool = True,
    json: Json = False,
) -> None:
    """Take the export of a whole log into an empty one: the same events, to the byte.

    All or nothing: interrupted, nothing is there. Where FILE.manifest.json lies beside it, the file must be
    what that says. Into the database of PULSEOPS_MIGRATION_URL or
    PULSEOPS_DATABASE_URL, as a login that may migrate; else into the local `up`, or into a home that no `up`
    runs from, whose PostgreSQL is started meanwhile.

    Parameters
    ----------
    file
        What `pulseops events export` wrote, of all types and from the first position on.
    log
        The log to take it into. It has no event; where there is none of this name, it is made.
    key
        The public keys that are trusted, a line each: the checkpoint in the manifest must be signed by one.
    home
        The home to take it into; else PULSEOPS_HOME, else ~/.pulseops.
    accept
        Take in facts that this release does not know, as they are. What they are about waits for a newer one.
    deadlines
        Go on with what waits: what should have been escalated, woken or closed by now is, at once. With
        --no-deadlines nothing that came in is, until something happens to it: for a copy to look at.
    json
        Print what was done as JSON.
    """
    if not NAME.fullmatch(log):
        raise stop(f"A log cannot be named {log}.", USAGE)
    if file.exists() and not file.is_file():
        raise stop(f"{file} is no file: an import looks at its end first, and then goes through it.", USAGE)
    vouching = _vouching(file, key)
    with _owned(home) as url:

        async def work() -> int:
            connection = await _opened(url)
            try:
                with counting() as bar:
                    task = bar.add_task("events", total=None)
                    return await take_in(
                        connection,
                        file,
                        Into(log=log, now=utc_now()),
                        knows=CODEC.knows if not accept else lambda *_: True,
                        names=HOLDS,
                        passing=() if deadlines else (DEADLINES,),
                        hear=vouching.hear,
                        agree=vouching.agree,
                        progress=lambda done, total: bar.update(
                            task,
                            completed=done,
                            total=total,
                            description="events" if done < total else "streams, commands and names",
                        ),
                    )
            except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
                raise stop(f"{file} cannot be read: {error.strerror}", USAGE) from error
            finally:
                await connection.close()

        events = ended(work, _RIGHTS)
    done = Imported(log=log, events=events, root=b64encode(vouching.root).decode())
    if json:
        print_structs(done)
    else:
        say(harmless(f"{log} has the {events:,} events of {file}. The root of its tree is {done.root}"))


def _vouching(file: Path, key: Path | None) -> Vouching:
    manifest = file.with_name(f"{file.name}.manifest.json")
    keys = None if key is None else trusted(key)
    try:
        return Vouching(manifest if manifest.exists() else None, keys)
    except (PulseOpsError, Wrong) as error:
        raise stop(str(error), REFUSED) from error
    except OSError as error:
        raise stop(f"{manifest} cannot be read: {error.strerror}", USAGE) from error


@contextmanager
def _owned(home: Path | None) -> Iterator[str]:
    """Where, as whom the tables belong to."""
    try:
        settings = Settings.from_environment(os.environ)
        url = None if home is not None else settings.migrates_at
    except SettingsError as error:
        raise stop(str(error), USAGE) from error
    path = (home or settings.home).expanduser()
    if url is not None or (url := database_of(path, admin=True)) is not None:
        yield url
        return
    try:
        with standing(path) as url:
            yield url
    except (CannotStart, PulseOpsError) as error:
        raise stop(str(error), REFUSED) from error
    except OSError as error:
        raise stop(f"{error.filename or path}: {error.strerror or error}", REFUSED) from error


async def _opened(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(
            url,
            timeout=_CONNECT_SECONDS,
            server_settings={"application_name": "pulseops import", "timezone": "UTC"},
        )
    except MISTAKEN as error:
        raise stop(f"The database cannot be opened: {error}", UNREACHABLE) from error
