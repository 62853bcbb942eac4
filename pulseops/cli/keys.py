"""`pulseops key …`: the API keys of a database, for operators who can reach it."""

import re
from typing import Annotated, Any

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.access.keys import ADMIN, Key, create_key, open_keys, parsed, revoke_key
from pulseops.cli.database import Json, in_database, print_structs, stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log, list_logs
from pulseops.kernel.clock import utc_now

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

key = App(
    name="key",
    help="""Make, list and revoke API keys, in the database of PULSEOPS_DATABASE_URL, else of the local `up`.

    `pulseops up` makes the first one, and keeps it in its home as admin.key.
    """,
)


class Listed(Struct, frozen=True, omit_defaults=True):
    """A key as `--json` tells of it; `key` itself once, when it is made."""

    id: str
    name: str
    role: str
    log: str
    key: str | None = None


class Revoked(Struct, frozen=True):
    id: str
    revoked: bool = True


def _named(_: Any, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("a name has up to 64 letters, digits, dots, dashes and underscores")


@key.command
def create(
    name: Annotated[str, Parameter(validator=_named)], /, *, log: str = DEFAULT, json: Json = False
) -> None:
    """Make a key and print it, this one time: only its hash is kept. Events name who used it: key:NAME.

    Parameters
    ----------
    log
        The log that it opens, and the only one (see `pulseops logs`).
    json
        Print it as JSON, with its id.
    """

    async def make(pool: asyncpg.Pool) -> str:
        try:
            return await create_key(pool, name, now=utc_now(), log_id=await find_log(pool, log))
        except asyncpg.UniqueViolationError as error:
            raise stop(f"There is a key named {name} already.", REFUSED) from error

    token = in_database(make)
    key_id, _ = parsed(token) or ("", "")
    print_structs(Listed(id=key_id, name=name, role=ADMIN, log=log, key=token)) if json else print(token)


@key.command(name="list")
def list_keys(*, json: Json = False) -> None:
    """List the keys that open: id, name, role, and the log that each opens.

    Parameters
    ----------
    json
        Print them as JSON.
    """

    async def read(pool: asyncpg.Pool) -> tuple[dict[str, Key], dict[int, str]]:
        return await open_keys(pool), {one.log_id: one.name for one in await list_logs(pool)}

    keys, logs = in_database(read)
    listed = [
        Listed(id=one.key_id, name=one.name, role=one.role, log=logs.get(one.log_id, str(one.log_id)))
        for one in (key.principal for key in keys.values())
    ]
    listed.sort(key=lambda one: (one.log, one.name))
    if json:
        print_structs(listed)
        return
    rows = Table("ID", "NAME", "ROLE", "LOG", box=None, pad_edge=False, header_style="dim")
    for one in listed:
        rows.add_row(*(Text(harmless(text)) for text in (one.id, one.name, one.role, one.log)))
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

    if not in_database(close):
        raise stop("There is no such key that opens.", REFUSED)
    if json:
        print_structs(Revoked(id=key_id))
    else:
        say(f"Revoked {harmless(key_id)}.")
