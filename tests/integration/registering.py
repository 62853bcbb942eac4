"""Registers of streams, for tests."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from pulseops.audit.notary import Keys, Notary
from pulseops.audit.note import Signer
from pulseops.audit.register import Register
from pulseops.audit.registrar import make
from pulseops.kernel.ids import new_id
from tests.integration.appending import append, request
from tests.integration.sealing import sealed_up_to

KEYS = Keys(signer=Signer("pulseops/test", bytes(range(32))))
LONG_AGO = "UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'"
UNGUARDED = "ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL"


async def signed_up_to(app: asyncpg.Connection, pool: asyncpg.Pool, size: int) -> None:
    await sealed_up_to(app, size)
    await app.execute(LONG_AGO)
    await Notary(pool, KEYS).sign()


async def made(app: asyncpg.Connection, pool: asyncpg.Pool, size: int) -> Register:
    await signed_up_to(app, pool, size)
    found = await make(app, 1, "default", KEYS)
    assert found is not None
    return found


@pytest.fixture
async def streams(app: asyncpg.Connection) -> Sequence[UUID]:
    """600 streams of two events each, by their ids."""
    found = sorted(new_id() for _ in range(600))
    await append(app, *(request(one, events=2) for one in found))
    return found


async def made_anew(app: asyncpg.Connection) -> Register:
    found = await make(app, 1, "default", KEYS, anew=True)
    assert found is not None
    return found
