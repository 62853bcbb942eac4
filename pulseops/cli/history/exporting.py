"""`pulseops events …`: history itself, for operators and auditors who can reach the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from msgspec.structs import replace

from pulseops.archive.carrying import Carried, carry
from pulseops.archive.columns import NoParquet, arrow, write
from pulseops.audit.checkpoint import NotACheckpoint
from pulseops.audit.sealing import CannotSeal
from pulseops.cli.advance import counting
from pulseops.cli.database import Json, Position, in_database, print_structs, stop
from pulseops.cli.either import HERE, Server
from pulseops.cli.history.fetching import fetch
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED, USAGE, speaking
from pulseops.cli.when import Past, past
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log
from pulseops.eventstore.export import Wanted
from pulseops.eventstore.part import NotItsPart

events = App(
    name="events",
    help="Take history out and in, in the database of PULSEOPS_DATABASE_URL, else of the local `up`.",
)


events.command(
    "pulseops.cli.history.importing:import_events",
    name="import",
    help="Take the export of a whole log into an empty one.",
)


class Exported(Struct, frozen=True, rename="camel"):
    """An export as `--json` tells of it. `signed`: of the log's first so many events there is a signature."""

    output: str
    events: int
    after: int
    up_to: int
    signed: int | None


@events.command(name="export")
def export_events(
    *,
    output: Path,
    after: Position = 0,
    up_to: Position | None = None,
    since: Past = None,
    until: Past = None,
    type: Annotated[tuple[str, ...], Parameter(negative=())] = (),  # noqa: A002 -- the option's name
    incident: Annotated[tuple[UUID, ...], Parameter(negative=())] = (),
    format: Literal["lines", "parquet"] | None = None,  # noqa: A002 -- the option's name
    log: str = DEFAULT,
    server: Server = HERE,
    json: Json = False,
) -> None:
    """Write events to a file as CloudEvents 1.0, a line of JSON each, in the order of their positions.

    Beside it come FILE.hashes and FILE.manifest.json: with these and a public key `pulseops audit verify
    FILE` shows that nothing was changed, without the database. The file takes its name when all is whole;
    until then it is FILE.part. Interrupted, the same command goes on where it stopped.

    Parameters
    ----------
    output
        The file to write. It must not exist yet.
    after
        Only events after this position.
    up_to
        Only events up to this position; else up to the last one that is signed, or the newest where none is.
    since
        Only events recorded then or later: how long ago (36h, 7d), a date, or a time with its zone
        (2026-11-23T14:05:00Z). To go on after an interruption it must not be how long ago.
    until
        Only events recorded before then.
    type
        Only events of this type, such as CREATED. May be given several times.
    incident
        Only events of this incident, by its id. May be given several times.
    format
        lines, or parquet: typed columns, data and meta as JSON. Else what the file's name ends with says.
    log
        The log to read, by its name (see `pulseops logs`).
    json
        Print what was done as JSON.
    """
    if up_to is not None and up_to < after:
        raise stop(f"--up-to {up_to} is before --after {after}.", USAGE)
    asked = Wanted(
        after=after,
        up_to=up_to,
        since=None if since is None else past(since),
        until=None if until is None else past(until),
        types=type,
        streams=incident,
    )

    shape = None
    if output.suffix == ".parquet" if format is None else format == "parquet":
        try:
            arrow()
        except NoParquet as error:
            raise stop(str(error), USAGE) from error
        shape = write
    with counting() as bar:
        tasks = {what: bar.add_task(what, total=None) for what in ("events", "hashes")}

        def tell(what: str, position: int, last: int) -> None:
            bar.update(tasks[what], completed=position - after, total=max(0, last - after))

        async def take(pool: asyncpg.Pool) -> Carried:
            wanted = replace(asked, log_id=await find_log(pool, log))
            with _writing(output):
                async with pool.acquire() as connection:
                    return await carry(connection, wanted, log, output, tell=tell, shape=shape)

        if (asking := server.asked(log)) is None:
            made = in_database(take)
        else:
            with speaking(asking) as client, _writing(output):
                made = fetch(client, asked, output, tell, shape=shape)
    if json:
        print_structs(
            Exported(
                output=str(output),
                events=made.events,
                after=made.after,
                up_to=made.up_to,
                signed=made.signed,
            )
        )
    else:
        say(harmless(f"{output} has {_many(made.events)}{_signed(made)}"))


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    """What can be wrong with a file, in words."""
    try:
        yield
    except BlockingIOError as error:
        raise stop(f"{output}.part is being written by another export.", REFUSED) from error
    except FileExistsError as error:
        raise stop(str(error), REFUSED) from error
    except NotItsPart as error:
        raise stop(f"{output}.part: {error} Remove it, or name another file.", REFUSED) from error
    except (CannotSeal, NotACheckpoint) as error:
        raise stop(str(error), REFUSED) from error
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError):
            raise
        raise stop(f"{output} cannot be written: {error.strerror or error}", REFUSED) from error


def _many(events: int) -> str:
    if events:
        return f"{events:,} event{'s' * (events > 1)}"
    return "no event, as none is what was asked for"


def _signed(made: Carried) -> str:
    if made.signed is None:
        return ". Not all of them are signed, so it cannot be verified alone."
    return f", and with {made.signed:,} that are signed it can be verified alone."
