"""A worker that seals and signs, to be killed."""

import asyncio

import asyncpg

from pulseops.audit.notary import Notary
from pulseops.audit.registrar import make
from pulseops.audit.sealing import SEALER
from pulseops.eventstore.wake import Doorbell
from pulseops.kernel.ids import new_id
from pulseops.subscriptions.subscription import Subscription
from tests.integration.appending import until
from tests.integration.proving import KEYS


async def work(pool: asyncpg.Pool, size: int) -> None:
    """As a worker does: all up to there is sealed, signed and registered."""
    sealer = Subscription(pool, SEALER, owner=new_id().hex, doorbell=Doorbell(), lease=2)
    await until(sealer.take)
    leading = asyncio.create_task(sealer.lead())
    await until(lambda: pool.fetchval("SELECT position = $1 FROM eventstore.subscription", size))
    sealer.stop()
    await leading
    await pool.execute("UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'")
    await Notary(pool, KEYS).sign()
    async with pool.acquire() as connection:
        await make(connection, 1, "default", KEYS)
