"""`pulseops key …`: the API keys of a database, for operators who can reach it."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import asyncpg
from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from pulseops.access.keys import Key, create_key, open_keys, revoke_key
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED, UNREACHABLE, USAGE
from pulseops.cli.words import harmless
from pulseops.db.outages import OUTAGES
from pulseops.db.pools import open_pool
from pulseops.kernel.clock import utc_now
from pulseops.settings import Settings, SettingsError

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

key = App(
    name="key",
    help="""Make, list and revoke API keys, in the database that PULSEOPS_DATABASE_URL names.

    `pulseops up` makes its own, and keeps it in its home as admin.key.
    """,
)


def _named(_: Any, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("a name has up to 64 letters, digits, dots, dashes and underscores")


@key.command
def create(name: Annotated[str, Parameter(validator=_named)], /) -> None:
    """Make a key and print it, this one time: only its hash is kept. Events name who used it: key:NAME."""

    async def make(pool: asyncpg.Pool) -> str:
        try:
            return await create_key(pool, name, now=utc_now())
        except asyncpg.UniqueViolationError as error:
            raise _stop(f"There is a key named {name} already.", REFUSED) from error

    print(_in_database(make))


@key.command(name="list")
def list_keys() -> None:
    """List the keys that open: id, name and role."""

    async def read(pool: asyncpg.Pool) -> dict[str, Key]:
        return await open_keys(pool)

    rows = Table("ID", "NAME", "ROLE", box=None, pad_edge=False, header_style="dim")
    for one in sorted(_in_database(read).values(), key=lambda found: found.principal.name):
        principal = one.principal
        rows.add_row(*(Text(harmless(text)) for text in (principal.key_id, principal.name, principal.role)))
    say(rows)


@key.command
def revoke(key_id: Annotated[str, Parameter(name="ID")], /) -> None:
    """Revoke a key by its id: it opens nothing from at most a second later."""

    async def close(pool: asyncpg.Pool) -> bool:
        return await revoke_key(pool, key_id, now=utc_now())

    if not _in_database(close):
        raise _stop("There is no such key that opens.", REFUSED)
    say(f"Revoked {harmless(key_id)}.")


def _in_database(work: Callable[[asyncpg.Pool], Awaitable[T]]) -> T:
    try:
        url = Settings.from_environment(os.environ).database_url
    except SettingsError as error:
        raise _stop(str(error), USAGE) from error
    if url is None:
        raise _stop("Set PULSEOPS_DATABASE_URL: keys are made in a database.", USAGE)

    async def connected() -> T:
        pool = await open_pool(url, size=1)
        try:
            return await work(pool)
        finally:
            await pool.close()

    try:
        return asyncio.run(connected())
    except asyncpg.UndefinedTableError as error:
        raise _stop("The database has no schema yet: run `pulseops migrate`.", REFUSED) from error
    except (*OUTAGES, OSError, asyncpg.PostgresError) as error:
        raise _stop(f"The database does not answer: {error or type(error).__name__}", UNREACHABLE) from error


def _stop(sentences: str, code: int) -> SystemExit:
    for sentence in sentences.splitlines():
        say(harmless(sentence), stderr=True)
    return SystemExit(code)
