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


async def open_pool(
    url: str, *, role: str | None = APP_ROLE, size: int = 16, command_seconds: float = 30.0
) -> asyncpg.Pool:
    """A pool of at most `size` connections, two at first. JSON comes and goes as text."""
    return await asyncpg.create_pool(
        url,
        min_size=min(2, size),
        max_size=size,
        init=_prepare,
        reset=_keep,
        **_options(role, command_seconds),
    )
