"""An installation whose history is sealed, signed and published, and somebody who has its database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from msgspec import Struct

from pulseops.audit import keyfile
from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.notary import Keys, Notary
from pulseops.audit.note import opened
from pulseops.audit.walk import Divergence, walk
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publish import Published, publish
from pulseops.publishing.published import compare, notes
from tests.integration.sealing import grow, sealed_up_to

SIZE = 600
"""Events there are."""
EARLIER = 300
"""Events that were there when a checkpoint was published before."""
UNGUARDED = "ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL"
EDIT = f"{UNGUARDED}; UPDATE eventstore.event_p0000 SET type = 'OTHER' WHERE position = 5"
"""What is said to have happened there is something else."""
AGAIN = "DELETE FROM audit.tile; DELETE FROM audit.checkpoint"
"""So that workers that start anew seal and sign whatever is there."""


class Scene(Struct, frozen=True):
    """`admin` is whose attack it is, as a superuser or whoever that becomes."""

    admin: asyncpg.Connection
    pool: asyncpg.Pool
    keys: Keys
    place: Path

    async def sign(self, size: int = SIZE) -> Checkpoint:
        """As workers do that were just started."""
        await self.admin.execute("RESET ROLE; RESET session_replication_role")
        async with self.pool.acquire() as app:
            await sealed_up_to(app, size)
        await self.admin.execute("UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'")
        [made] = await Notary(self.pool, self.keys).sign()
        return made

    async def publish(self) -> Published | None:
        shelf = shelf_of(str(self.place))
        return await publish(self.pool, shelf, self.keys.verifiers, log_id=1, log="default")

    async def verify(self, size: int = SIZE) -> Divergence | None:
        """By the tree in the database alone."""
        async with self.pool.acquire() as app:
            return (await walk(app, 1, size)).divergence

    async def verify_published(self) -> Divergence | None:
        async with shelf_of(str(self.place)).visit() as visit, self.pool.acquire() as app:
            signed = [
                Checkpoint.parsed(opened(one.text, self.keys.verifiers))
                for one in await notes(visit, "default")
            ]
            return await compare(app, 1, visit, "default", signed)


@asynccontextmanager
async def scene(admin: asyncpg.Connection, pool: asyncpg.Pool, folder: Path) -> AsyncIterator[Scene]:
    place = folder / "published"
    place.mkdir()
    there = Scene(admin, pool, keyfile.make(folder / "audit.key"), place)
    async with pool.acquire() as app:
        await grow(app, SIZE)
    for size in (EARLIER, SIZE):
        await there.sign(size)
        await there.publish()
    yield there
