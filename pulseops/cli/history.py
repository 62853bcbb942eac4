"""`pulseops events …`: history itself, for operators and auditors who can reach the database."""

from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct

from pulseops.cli.advance import counting
from pulseops.cli.database import Json, Position, in_database, print_structs, stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log
from pulseops.eventstore.export import NotItsPart, Wanted, export

events = App(
    name="events",
    help="Take history out and in, in the database of PULSEOPS_DATABASE_URL, else of the local `up`.",
)


events.command(
    "pulseops.cli.taking_in:import_events",
    name="import",
    help="Take the export of a whole log into an empty one.",
)


class Exported(Struct, frozen=True, rename="camel"):
    """An export as `--json` tells of it."""

    output: str
    events: int


@events.command(name="export")
def export_events(
    *,
    output: Path,
    after: Position = 0,
    up_to: Position | None = None,
    type: Annotated[tuple[str, ...], Parameter(negative=())] = (),  # noqa: A002 -- the option's name
    log: str = DEFAULT,
    json: Json = False,
) -> None:
    """Write events to a file as CloudEvents 1.0, a line of JSON each, in the order of their positions.

    The file takes its name when it is whole; until then it is FILE.part. Interrupted, the same command goes
    on where it stopped.

    Parameters
    ----------
    output
        The file to write. It must not exist yet.
    after
        Only events after this position.
    up_to
        Only events up to this position; else up to the newest one.
    type
        Only events of this type, such as CREATED. May be given several times.
    log
        The log to read, by its name (see `pulseops logs`).
    json
        Print what was done as JSON.
    """

    async def take(pool: asyncpg.Pool) -> int:
        wanted = Wanted(log_id=await find_log(pool, log), after=after, up_to=up_to, types=type)
        with counting() as bar:
            task = bar.add_task("events", total=None)

            def progress(position: int, last: int) -> None:
                bar.update(task, completed=position - after, total=max(0, last - after))

            try:
                async with pool.acquire() as connection:
                    return await export(connection, wanted, output, progress=progress)
            except BlockingIOError as error:
                raise stop(f"{output}.part is being written by another export.", REFUSED) from error
            except FileExistsError as error:
                raise stop(str(error), REFUSED) from error
            except NotItsPart as error:
                raise stop(f"{output}.part: {error} Remove it, or name another file.", REFUSED) from error
            except OSError as error:
                if isinstance(error, ConnectionError | TimeoutError):
                    raise
                raise stop(f"{output} cannot be written: {error.strerror or error}", REFUSED) from error

    count = in_database(take)
    if json:
        print_structs(Exported(output=str(output), events=count))
    else:
        say(harmless(f"{output} has {count:,} events."))
