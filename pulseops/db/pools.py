"""Connections to PostgreSQL, as the role that may do no more than the application needs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from pulseops.db.pooler import PooledConnection

APP_ROLE = "pulseops_app"

_CONNECT_SECONDS = 5.0
# remote_apply promises more than on; local and remote_write promise less.
_COMMIT_DURABLY = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') <> 'remote_apply'
"""


def _options(role: str | None, command_seconds: float, *, pooled: bool) -> dict[str, Any]:
    settings = {"application_name": "pulseops", "timezone": "UTC"}
    if not pooled:
        # The server gives up as well when the client has.
        settings["statement_timeout"] = str(int(command_seconds * 1000))
        # A client that vanished between its append and its commit would hold the log's lock.
        settings["idle_in_transaction_session_timeout"] = "5000"
        if role is not None:
            settings["role"] = role
    options: dict[str, Any] = {
        "server_settings": settings,
        "timeout": _CONNECT_SECONDS,
        "command_timeout": command_seconds,
        "connection_class": PooledConnection if pooled else asyncpg.Connection,
    }
    # A named statement stays with the server that heard it, and a pooler may lead to another.
    return options | {"statement_cache_size": 0} if pooled else options


async def _keep(_connection: asyncpg.Connection) -> None:
    """No session state is ever left behind, and a reset would cost a round trip at each release."""


async def open_connection(
    url: str, *, role: str | None = APP_ROLE, command_seconds: float = 30.0, pooled: bool = False
) -> asyncpg.Connection:
    """One connection of its own; `pooled` if the URL leads through a pooler. Raises what asyncpg raises."""
    connection = await asyncpg.connect(url, **_options(role, command_seconds, pooled=pooled))
    if not pooled:
        await connection.execute(_COMMIT_DURABLY)
    return connection


class _Pool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg has no types
    """Nobody waits for ever: not for a connection that others have, nor for one that does not come back."""

    patience: float
    pooled: bool

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=self.patience if timeout is None else timeout)


async def open_pool(
    url: str,
    *,
    role: str | None = APP_ROLE,
    size: int = 16,
    least: int = 2,
    command_seconds: float = 30.0,
    pooled: bool = False,
    check: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
) -> asyncpg.Pool:
    """A pool of at most `size` connections, `least` at first. JSON comes and goes as text.

    `pooled`: the URL leads through a pooler in transaction mode. `check` may refuse a connection by raising.

    While the database is silent, an answer, or TimeoutError, takes at most three times `command_seconds`: to
    get a connection, to use it and to give up the command. Connecting has five seconds in any case.
    """

    async def prepare(connection: asyncpg.Connection) -> None:
        if not pooled:
            await connection.execute(_COMMIT_DURABLY)
        if check is not None:
            await check(connection)

    pool = _Pool(
        url,
        min_size=min(least, size),
        max_size=size,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        connect=asyncpg.connect,
        setup=None,
        init=prepare,
        reset=_keep,
        loop=None,
        record_class=asyncpg.Record,
        **_options(role, command_seconds, pooled=pooled),
    )
    pool.patience = min(command_seconds, _CONNECT_SECONDS)
    pool.pooled = pooled
    return await pool


@asynccontextmanager
async def one_server(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A connection whose statements all reach the same server, though the URL may lead to several."""
    async with pool.acquire() as connection:
        if not pool.pooled:
            yield connection
            return
        async with connection.transaction():
            yield connection
