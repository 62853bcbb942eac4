"""Who attacks history, how it begins, and what every attack is held to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

ROLES = ("pulseops_owner", "postgres")


OFF = "ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL"


LENIENT = """
CREATE OR REPLACE FUNCTION eventstore.refuse_change_v1() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RETURN coalesce(NEW, OLD); END'
"""


DEAF = """
CREATE OR REPLACE FUNCTION eventstore.append_v2(p_log smallint, p_batch jsonb)
RETURNS TABLE (
  ordinal int, verdict text, stream_id uuid, version int, "position" bigint, recorded_at timestamptz
) LANGUAGE sql AS 'SELECT 1, ''stored'', gen_random_uuid(), 1, 601, clock_timestamp()'
"""


@asynccontextmanager
async def attacked(admin: asyncpg.Connection, attack: str, *, role: str) -> AsyncIterator[asyncpg.Connection]:
    """Done by the role, and seen by whoever looks on this connection; afterwards nothing of it is left."""
    transaction = admin.transaction()
    await transaction.start()
    try:
        await admin.execute(f"SET LOCAL ROLE {role}")
        await admin.execute(attack)
        await admin.execute("RESET ROLE")
        yield admin
    finally:
        await transaction.rollback()
