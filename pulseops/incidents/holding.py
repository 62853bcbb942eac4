"""Which names incidents hold, when nothing but their facts is there: for a log that was taken in."""

import asyncpg

_TAKE = """
INSERT INTO eventstore.claim (log_id, name, stream_id)
SELECT $1, h.name, h.stream_id FROM incidents.held_names_v1($1) AS h
"""


async def take_names(connection: asyncpg.Connection, log_id: int) -> None:
    """As the owner of the tables, in the transaction that took the log in."""
    await connection.execute(_TAKE, log_id)
