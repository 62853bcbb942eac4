"""Which database this is, for the names that several installations on one Redis would share."""

import asyncpg

_IDENTITY = """
SELECT concat_ws('-', system_identifier, oid) FROM pg_control_system(), pg_database
WHERE datname = current_database()
"""


async def identity(pool: asyncpg.Pool | asyncpg.Connection) -> str:
    """The same for everyone who is connected to this database, whatever URL led there."""
    found: str = await pool.fetchval(_IDENTITY)
    return found
