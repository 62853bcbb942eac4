"""Commands that speak to the database itself, for operators who can reach it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar

import asyncpg
import msgspec
import structlog
from cyclopts import Parameter
from msgspec import Struct

from pulseops.audit.shelf import Unreachable
from pulseops.cli.render import put, say
from pulseops.cli.speak import REFUSED, UNREACHABLE, USAGE
from pulseops.cli.words import harmless
from pulseops.db.outages import MISTAKEN, OUTAGES
from pulseops.db.pools import APP_ROLE, open_pool
from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.reasons import reason
from pulseops.settings import Settings, SettingsError
from pulseops.up.home import database_of

T = TypeVar("T")

Json = Annotated[bool, Parameter(negative=())]
Position = Annotated[int, Parameter(validator=lambda _, value: _countable(value))]

_MIGRATE = "The database has not this version's schema: run `pulseops migrate`."
_GIVEN = "`pulseops migrate` gives the rights."
_AWAY: tuple[type[Exception], ...] = (*OUTAGES, OSError)
_UNMIGRATED: tuple[type[Exception], ...] = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)


def _countable(position: int | None) -> None:
    if position is not None and not 0 <= position < 1 << 63:
        raise ValueError("a position is 0 or more, and below 2^63")


def database_url(*, migrates: bool = False) -> str:
    """Where the operator's database is, or that of the local `up`, for who may migrate or not; or the end."""
    try:
        settings = Settings.from_environment(os.environ)
        at = settings.migrates_at if migrates else settings.session_at
    except SettingsError as error:
        raise stop(str(error), USAGE) from error
    if (url := at or database_of(settings.home, admin=migrates)) is None:
        told = f"PulseOps does not run from {settings.home}"
        raise stop(f"{told}: start it with `pulseops up`, or set PULSEOPS_DATABASE_URL.", USAGE)
    return url


def in_database(
    work: Callable[[asyncpg.Pool], Awaitable[T]],
    *,
    size: int = 1,
    command_seconds: float = 30.0,
    migrates: bool = False,
) -> T:
    """What `work` makes of the operator's database as pulseops_app, or as who may migrate; or the end."""
    url = database_url(migrates=migrates)

    async def connected() -> T:
        pool = await _opened(url, size, command_seconds, role=None if migrates else APP_ROLE)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return ended(connected, _GIVEN)


def ended(connected: Callable[[], Coroutine[Any, Any, T]], rights: str) -> T:
    """What it comes to, or the end; `rights` says how to get them where PostgreSQL forbids it."""
    if not structlog.is_configured():
        # What is logged on the way is for whoever looks on: stdout is for what comes of it.
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        return asyncio.run(connected())
    except Unreachable as error:
        raise stop(f"What is published cannot be reached: {error}", UNREACHABLE) from error
    except PulseOpsError as error:
        raise stop(str(error), REFUSED) from error
    except _UNMIGRATED as error:
        raise stop(_MIGRATE, REFUSED) from error
    except _AWAY as error:
        raise stop(f"The database does not answer: {reason(error)}", UNREACHABLE) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise stop(f"PostgreSQL forbids it: {error}. {rights}", REFUSED) from error
    except asyncpg.PostgresError as error:
        raise stop(f"PostgreSQL refuses it: {error}", REFUSED) from error


async def _opened(url: str, size: int, command_seconds: float, *, role: str | None) -> asyncpg.Pool:
    """Raises what says that nobody answers; everything else that can be wrong is the end."""
    try:
        return await open_pool(url, role=role, size=size, command_seconds=command_seconds)
    except MISTAKEN as error:
        raise stop(f"The database cannot be opened: {reason(error)}", UNREACHABLE) from error
    except OUTAGES:
        raise
    except asyncpg.InvalidParameterValueError as error:  # no role pulseops_app
        raise stop(_MIGRATE, REFUSED) from error
    except asyncpg.InsufficientPrivilegeError as error:
        told = f"The database cannot be opened: {error}"
        raise stop(f"{told}. As its owner: GRANT {APP_ROLE} TO the login of the URL.", REFUSED) from error
    except asyncpg.PostgresError as error:
        raise stop(f"The database cannot be opened: {error}. Is its URL right?", UNREACHABLE) from error


def print_structs(what: Struct | Sequence[Struct]) -> None:
    """As one JSON document on a line."""
    put(msgspec.json.encode(what).decode() + "\n")


def stop(sentences: str, code: int) -> SystemExit:
    for sentence in sentences.splitlines():
        say(harmless(sentence), stderr=True)
    return SystemExit(code)
