"""Whoever has the database, and no key, has no false register signed, and keeps none from being made."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import leaf_hash
from pulseops.audit.registrar import CannotRegister, make
from pulseops.eventstore.codec import COLUMNS
from tests.integration.registering import KEYS, UNGUARDED, made_anew, signed_up_to, streams

__all__ = ("streams",)

_MOVED = "UPDATE eventstore.event_p0000 SET stream_id = $1, version = 3 WHERE position = 8"


@pytest.mark.parametrize("tree", [False, True], ids=["in the log", "in the log and the tree"])
async def test_who_has_the_database_for_a_while_has_no_stream_signed_as_shorter_than_it_is(
    app: asyncpg.Connection,
    admin: asyncpg.Connection,
    pool: asyncpg.Pool,
    streams: Sequence[UUID],
    *,
    tree: bool,
) -> None:
    """The last event of the fourth stream is told to be the fifth's, while the register is made."""
    await signed_up_to(app, pool, 1200)
    await admin.execute(UNGUARDED)
    await admin.execute(_MOVED, streams[4])
    if tree:
        row = await admin.fetchrow(f"SELECT {COLUMNS} FROM eventstore.event WHERE position = 8")
        forged = (
            "UPDATE audit.tile SET hashes = overlay(hashes PLACING $1 FROM 225) WHERE level = 0 AND index = 0"
        )
        await admin.execute(forged, leaf_hash(sealed(row)))
    with pytest.raises(
        CannotRegister, match="hashes of its events" if tree else "At position 10 there is not"
    ):
        await make(app, 1, "default", KEYS)


async def test_no_login_but_the_applications_own_can_keep_a_register_from_being_made(
    app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, streams: Sequence[UUID]
) -> None:
    await signed_up_to(app, pool, 1200)
    await admin.execute("SELECT pg_advisory_lock(1347767383, 1)")  # as any login may
    assert (await made_anew(app)).log.size == 1200
    await admin.execute("SET ROLE pulseops_analyst")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute("SELECT FROM audit.register_turn FOR UPDATE")
    await admin.execute("RESET ROLE")
    async with admin.transaction():
        await admin.execute("SELECT FROM audit.register_turn FOR UPDATE")
        assert await make(app, 1, "default", KEYS) is None, "somebody else makes it"
