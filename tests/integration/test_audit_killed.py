"""Who dies between two things that belong together leaves a tree that the next one goes on with."""

import asyncio
import sys

import asyncpg
import pytest

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.notary import newest_note
from pulseops.audit.note import opened
from pulseops.audit.recount import recount
from pulseops.audit.registered import newest_register
from pulseops.audit.registrar import make
from pulseops.audit.walk import Walked, walk
from pulseops.db.schema import PACKAGE
from tests.conftest import Database
from tests.integration.appending import until
from tests.integration.proving import KEYS
from tests.integration.sealing import grow, root_of_history
from tests.integration.working import work

SIZE = 300
_WORK = """
import asyncio, sys
from pulseops.db.pools import open_pool
from tests.integration.working import work

async def main(url, size):
    await work(await open_pool(url, size=4), int(size))

asyncio.run(main(*sys.argv[1:]))
"""
_HOLD = """
CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7);
  RETURN NEW;
END
$$;
CREATE TRIGGER hold BEFORE {what} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION public.hold();
"""
_BEGIN = """
INSERT INTO eventstore.subscription (log_id, name, position, updated_at)
VALUES (1, 'seal', 0, clock_timestamp())
"""
_HELD = """
SELECT EXISTS (
  SELECT FROM pg_locks AS l JOIN pg_locks AS w ON w.pid = l.pid AND w.locktype = 'advisory' AND NOT w.granted
  WHERE l.relation = $1::regclass AND l.mode = 'RowExclusiveLock'
)
"""
_MOMENTS = {
    # Where it stands still, and what it has written by then.
    "tiles and how far they are": (
        "UPDATE ON eventstore.subscription",
        "NEW.position > OLD.position",
        "audit.tile",
    ),
    "tiles that were read and the note": ("INSERT ON audit.checkpoint", "true", "audit.checkpoint"),
    "the pages of a register and its note": ("INSERT ON audit.register", "true", "audit.register_page"),
}


@pytest.mark.parametrize("moment", _MOMENTS)
async def test_who_is_killed_between(
    database: Database, app: asyncpg.Connection, admin: asyncpg.Connection, pool: asyncpg.Pool, moment: str
) -> None:
    what, when, written = _MOMENTS[moment]
    await grow(app, SIZE)
    await admin.execute(_BEGIN)
    await admin.execute(_HOLD.format(what=what, when=when))
    await admin.execute("SELECT pg_advisory_lock(7)")
    first = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WORK, database.app_url, str(SIZE)), cwd=PACKAGE.parent
    )
    await until(lambda: admin.fetchval(_HELD, written))
    first.kill()
    await first.wait()
    await admin.execute("DROP FUNCTION public.hold() CASCADE; SELECT pg_advisory_unlock(7)")
    assert await newest_register(app, 1) is None
    await grow(app, 10)
    await work(pool, SIZE + 10)
    note, register = await newest_note(app, 1), await make(app, 1, "default", KEYS)
    assert note is not None
    assert register is not None
    signed = Checkpoint.parsed(opened(note.encode(), KEYS.verifiers))
    assert (signed.size, signed.root) == (SIZE + 10, await root_of_history(app, SIZE + 10))
    assert await walk(app, 1, signed.size, [signed, register.log]) == Walked(events=signed.size)
    async with app.transaction():
        assert await recount(app, 1, register, kept=True) is None
