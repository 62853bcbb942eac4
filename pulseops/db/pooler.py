"""Connections through a pooler in transaction mode, such as PgBouncer: each transaction has another server.

What a session would keep (the role, the timeouts, how a commit is made durable) is lost there, or was left
behind by somebody else. So each transaction begins by saying it, and no statement is outside of one. That
works with every version of PgBouncer, and through no pooler at all; a lone statement costs four round trips.
"""

from typing import Any

import asyncpg

# The simple protocol takes a script in one round trip, but no parameters. remote_apply promises more than on.
_TERMS = """
SET LOCAL ROLE pulseops_app;
SET LOCAL idle_in_transaction_session_timeout = 5000;
SET LOCAL statement_timeout = {milliseconds:d};
SELECT set_config('synchronous_commit', 'on', true)
WHERE current_setting('synchronous_commit') <> 'remote_apply';
"""


class PooledConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """As asyncpg's. A statement outside of a transaction is given one of its own."""

    __slots__ = ()

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        # asyncpg's own Transaction begins and ends by this method.
        if query.startswith("BEGIN"):
            seconds = self._config.command_timeout or 0
            query += _TERMS.format(milliseconds=int(seconds * 1000))
        elif not self.is_in_transaction():
            async with self.transaction():
                return await self.execute(query, *args, **options)
        done: str = await super().execute(query, *args, **options)
        return done

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        if self.is_in_transaction():
            return await super().fetch(query, *args, **options)
        async with self.transaction():
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        if self.is_in_transaction():
            return await super().fetchrow(query, *args, **options)
        async with self.transaction():
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        if self.is_in_transaction():
            return await super().fetchval(query, *args, **options)
        async with self.transaction():
            return await super().fetchval(query, *args, **options)
