"""`pulseops analyst …`: logins that read the views for analysts, made by operators who may migrate."""

import os
import re
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.access.recording import local
from pulseops.analytics import logins
from pulseops.cli.database import Json, database_url, in_database, print_structs
from pulseops.cli.render import say
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT
from pulseops.kernel.clock import utc_now
from pulseops.kernel.durations import parse_duration
from pulseops.settings import Settings

_NAME = re.compile(r"(?!pg_|pulseops)[a-z][a-z0-9_]{0,62}")
_RESERVED = frozenset(("public", "none", "postgres", "user", "current_user", "session_user", "current_role"))
_LONGEST = timedelta(days=1)

analyst = App(
    name="analyst",
    help="""Make, list and revoke logins that read the views for analysts with SQL, and nothing else.

    In the database of PULSEOPS_MIGRATION_URL, else PULSEOPS_DATABASE_URL, else of the local `up`: as a login
    that may make others. What they read is in docs/analytics.md.
    """,
)


class Made(Struct, frozen=True):
    """A login as `--json` tells of it; `url` has its password, this one time."""

    name: str
    logs: tuple[str, ...]
    url: str
    replica: str | None = None


class Revoked(Struct, frozen=True):
    """`dropped`: the role is gone as well. `left`: its sessions that this login may not end."""

    name: str
    dropped: bool
    left: tuple[int, ...]


def _named(_: Any, name: str) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ValueError(
            "a login has up to 63 small letters, digits and underscores, begins with a letter, and with "
            "neither pg_ nor pulseops"
        )


def _bounded(_: Any, text: str) -> None:
    if parse_duration(text) > _LONGEST:
        raise ValueError("a query may take a day at most")


def _counted(_: Any, connections: int) -> None:
    if not 1 <= connections <= 100:  # noqa: PLR2004  # said right below
        raise ValueError("a login has 1 to 100 connections")


@analyst.command
def create(
    name: Annotated[str, Parameter(validator=_named)],
    /,
    *,
    log: Annotated[tuple[str, ...], Parameter(negative=())] = (DEFAULT,),
    timeout: Annotated[str, Parameter(validator=_bounded)] = "1m",
    connections: Annotated[int, Parameter(validator=_counted)] = 5,
    json: Json = False,
) -> None:
    """Make a login and print where it connects, with its password, this one time: it is kept nowhere.

    Parameters
    ----------
    log
        The log whose incidents it sees. May be given several times.
    timeout
        How long a query may take, such as 90s or 5m. The login may lift that.
    connections
        How many it may have at a time.
    json
        Print it as JSON.
    """
    at = database_url(migrates=True)

    async def make(pool: asyncpg.Pool) -> str:
        return await logins.create(
            pool,
            local("cli", now=utc_now()),
            name,
            logs=log,
            longest=parse_duration(timeout),
            connections=connections,
        )

    password = in_database(make, migrates=True)
    url = for_login(at, name, password)
    replica = Settings.from_environment(os.environ).read_database_url
    if json:
        print_structs(Made(name, log, url, for_login(replica, name, password) if replica else None))
        return
    print(url)
    say(f"{name} reads the views of the schema analytics: docs/analytics.md has a first query.", stderr=True)
    if replica:
        say(f"On the replica as well: {urlsplit(replica).netloc.rpartition('@')[2]}", stderr=True)


@analyst.command(name="list")
def list_all(*, json: Json = False) -> None:
    """List the logins: name, the logs that each reads, how long a query may take, how many connections.

    Parameters
    ----------
    json
        Print them as JSON.
    """
    found = in_database(logins.analysts, migrates=True)
    if json:
        print_structs(found)
        return
    rows = Table("NAME", "LOGS", "TIMEOUT", "CONNECTIONS", box=None, pad_edge=False, header_style="dim")
    for one in found:
        most = "" if one.connections is None else "any" if one.connections < 0 else str(one.connections)
        cells = (one.name, ",".join(one.logs), _lasting(one.timeout), most)
        rows.add_row(*(Text(harmless(cell)) for cell in cells))
    say(rows)


@analyst.command
def revoke(name: str, /, *, json: Json = False) -> None:
    """Shut a login out: it sees nothing more, and its sessions end. The role is dropped if it was made here.

    Parameters
    ----------
    json
        Print what was done as JSON.
    """

    async def shut(pool: asyncpg.Pool) -> logins.Shut:
        return await logins.revoke(pool, local("cli", now=utc_now()), name)

    done = in_database(shut, migrates=True)
    if json:
        print_structs(Revoked(name, done.dropped, done.left))
        return
    kept = "" if done.dropped else ": it sees nothing. The role is kept, for what it owns or who made it"
    say(f"Revoked {harmless(name)}{kept}.")
    if done.left:
        end = ", ".join(f"pg_terminate_backend({pid})" for pid in done.left)
        say(
            "What it began before it may go on reading, which this login cannot end. Let a superuser run: "
            f"SELECT {end};",
            stderr=True,
        )


def for_login(url: str, name: str, password: str) -> str:
    """The same database, for another login."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(name)}:{quote(password)}@{place}"))


def _lasting(timeout: str | None) -> str:
    """As it was set here, in seconds; as it is where somebody set it by hand."""
    return "none" if timeout is None else f"{int(timeout) / 1000:g}s" if timeout.isdigit() else timeout
