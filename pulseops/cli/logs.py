"""`pulseops logs …`: one log a tenant. Whoever can reach the database may make one; no API key can."""

from typing import Annotated, Any

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.access.recording import local
from pulseops.cli.database import Json, in_database, print_structs, stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import NAME, Log, list_logs
from pulseops.kernel.clock import utc_now
from pulseops.operations import acting

logs = App(
    name="logs",
    help="""Make and list logs, in the database of PULSEOPS_DATABASE_URL, else of the local `up`.

    A log is a tenant's own history: its order, incidents and escalations, and the keys that open it. There is
    one to begin with, named default. A log keeps its name, and is never removed.
    """,
)


class Made(Struct, frozen=True):
    """A new log as `--json` tells of it."""

    id: int
    name: str


def _named(_: Any, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(
            "a log's name has up to 63 small letters, digits, dots, dashes and underscores, and begins "
            "with a letter or digit"
        )


@logs.command
def create(name: Annotated[str, Parameter(validator=_named)], /, *, json: Json = False) -> None:
    """Make a log. Every worker leads it within seconds; `pulseops key create --log` makes keys to it.

    Parameters
    ----------
    json
        Print it as JSON, with its number.
    """

    async def make(pool: asyncpg.Pool) -> int:
        try:
            return await acting.create_log(pool, local("cli", now=utc_now()), name)
        except asyncpg.UniqueViolationError as error:
            raise stop(f"There is a log named {name} already.", REFUSED) from error

    log_id = in_database(make)
    if json:
        print_structs(Made(id=log_id, name=name))
    else:
        say(harmless(f"Made log {name}. A key to it: pulseops key create NAME --role admin --log {name}"))


@logs.command(name="list")
def list_all(*, json: Json = False) -> None:
    """List the logs: number, name, the position of the newest event, and how far the last follower is behind.

    Parameters
    ----------
    json
        Print them as JSON.
    """

    async def read(pool: asyncpg.Pool) -> list[Log]:
        return await list_logs(pool)

    found = in_database(read)
    if json:
        print_structs(found)
        return
    rows = Table("ID", "NAME", "POSITION", "BEHIND", box=None, pad_edge=False, header_style="dim")
    for one in found:
        rows.add_row(
            *(Text(harmless(str(text))) for text in (one.log_id, one.name, one.position, one.behind))
        )
    say(rows)
