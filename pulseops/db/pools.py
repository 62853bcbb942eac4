"""Connections to PostgreSQL, as the role that may do no more than the application needs."""

from typing import Any

import asyncpg

APP_ROLE = "pulseops_app"

_CONNECT_SECONDS = 5.0
# remote_apply promises more than on; local and remote_write promise less.
_COMMIT_DURABLY = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') <> 'remote_apply'
"""


def _options(role: str | None, command_seconds: float) -> dict[str, Any]:
    settings = {
        "application_name": "pulseops",
        "timezone": "UTC",
        # The server gives up as well when the client has.
        "statement_timeout": str(int(command_seconds * 1000)),
        # A client that vanished between its append and its commit would hold the log's lock.
        "idle_in_transaction_session_timeout": "5000",
    }
    if role is not None:
        settings["role"] = role
    return {
        "server_settings": settings,
        "timeout": _CONNECT_SECONDS,
        "command_timeout": command_seconds,
    }


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.execute(_COMMIT_DURABLY)


async def _keep(_connection: asyncpg.Connection) -> None:
    """No session state is ever left behind, and a reset would cost a round trip at each release."""


async def open_connection(
    url: str, *, role: str | None = APP_ROLE, command_seconds: float = 30.0
) -> asyncpg.Connection:
    """One connection of its own. Raises what asyncpg raises."""
    connection = await asyncpg.connect(url, **_options(role, command_seconds))
    await _prepare(connection)
    return connection


class _Pool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg has no types
    """Nobody waits for ever: not for a connection that others have, nor for one that does not come back."""

    patience: float

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=self.patience if timeout is None else timeout)


async def open_pool(
    url: str, *, role: str | None = APP_ROLE, size: int = 16, command_seconds: float = 30.0
) -> asyncpg.Pool:
    """A pool of at most `size` connections, two at first. JSON comes and goes as text.

    While the database is silent, an answer, or TimeoutError, takes at most three times `command_seconds`: to
    get a connection, to use it and to give up the command. Connecting has five seconds in any case.
    """
    pool = _Pool(
        url,
        min_size=min(2, size),
        max_size=size,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        connect=asyncpg.connect,
        setup=None,
        init=_prepare,
        reset=_keep,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        **_options(role, command_seconds),
    )
    pool.patience = min(command_seconds, _CONNECT_SECONDS)
    return await pool
