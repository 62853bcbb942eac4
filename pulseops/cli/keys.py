"""`pulseops key …`: the API keys of a database, for operators who can reach it."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import asyncpg
import msgspec
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.access.keys import ADMIN, Key, create_key, open_keys, parsed, revoke_key
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED, UNREACHABLE, USAGE
from pulseops.cli.words import harmless
from pulseops.db.outages import OUTAGES
from pulseops.db.pools import open_pool
from pulseops.kernel.clock import utc_now
from pulseops.settings import Settings, SettingsError
from pulseops.up.home import database_of

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

key = App(
    name="key",
    help="""Make, list and revoke API keys, in the database of PULSEOPS_DATABASE_URL, else of the local `up`.

    `pulseops up` makes the first one, and keeps it in its home as admin.key.
    """,
)

Json = Annotated[bool, Parameter(negative=())]


class Listed(Struct, frozen=True, omit_defaults=True):
    """A key as `--json` tells of it; `key` itself once, when it is made."""

    id: str
    name: str
    role: str
    key: str | None = None


class Revoked(Struct, frozen=True):
    id: str
    revoked: bool = True


def _named(_: Any, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("a name has up to 64 letters, digits, dots, dashes and underscores")


@key.command
def create(name: Annotated[str, Parameter(validator=_named)], /, *, json: Json = False) -> None:
    """Make a key and print it, this one time: only its hash is kept. Events name who used it: key:NAME.

    Parameters
    ----------
    json
        Print it as JSON, with its id.
    """

    async def make(pool: asyncpg.Pool) -> str:
        try:
            return await create_key(pool, name, now=utc_now())
        except asyncpg.UniqueViolationError as error:
            raise _stop(f"There is a key named {name} already.", REFUSED) from error

    token = _in_database(make)
    key_id, _ = parsed(token) or ("", "")
    _print(Listed(id=key_id, name=name, role=ADMIN, key=token)) if json else print(token)


@key.command(name="list")
def list_keys(*, json: Json = False) -> None:
    """List the keys that open: id, name and role.

    Parameters
    ----------
    json
        Print them as JSON.
    """

    async def read(pool: asyncpg.Pool) -> dict[str, Key]:
        return await open_keys(pool)

    found = sorted((one.principal for one in _in_database(read).values()), key=lambda one: one.name)
    if json:
        _print([Listed(id=one.key_id, name=one.name, role=one.role) for one in found])
        return
    rows = Table("ID", "NAME", "ROLE", box=None, pad_edge=False, header_style="dim")
    for one in found:
        rows.add_row(*(Text(harmless(text)) for text in (one.key_id, one.name, one.role)))
    say(rows)


@key.command
def revoke(key_id: Annotated[str, Parameter(name="ID")], /, *, json: Json = False) -> None:
    """Revoke a key by its id: it opens nothing from at most a second later.

    Parameters
    ----------
    json
        Print what was done as JSON.
    """

    async def close(pool: asyncpg.Pool) -> bool:
        return await revoke_key(pool, key_id, now=utc_now())

    if not _in_database(close):
        raise _stop("There is no such key that opens.", REFUSED)
    if json:
        _print(Revoked(id=key_id))
    else:
        say(f"Revoked {harmless(key_id)}.")


def _in_database(work: Callable[[asyncpg.Pool], Awaitable[T]]) -> T:
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        raise _stop(str(error), USAGE) from error
    if (url := settings.database_url or database_of(settings.home)) is None:
        told = f"PulseOps does not run from {settings.home}"
        raise _stop(f"{told}: start it with `pulseops up`, or set PULSEOPS_DATABASE_URL.", USAGE)

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
        raise _stop(
            f"The database does not answer: {str(error) or type(error).__name__}", UNREACHABLE
        ) from error


def _print(what: Struct | list[Listed]) -> None:
    print(msgspec.json.encode(what).decode())


def _stop(sentences: str, code: int) -> SystemExit:
    for sentence in sentences.splitlines():
        say(harmless(sentence), stderr=True)
    return SystemExit(code)
