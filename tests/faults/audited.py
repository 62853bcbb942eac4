"""What was signed and published while things broke, as an auditor finds it who has kept every checkpoint."""

from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.notary import Keys
from pulseops.audit.note import opened
from pulseops.audit.recount import recount
from pulseops.audit.registrar import make
from pulseops.audit.shelf import Shelf
from pulseops.audit.walk import walk
from pulseops.kernel.errors import PulseOpsError
from pulseops.publishing.published import compare, notes

_LOG, _NAME = 1, "default"

WATCH = """
CREATE SCHEMA IF NOT EXISTS faults;
CREATE TABLE faults.signed (number bigint GENERATED ALWAYS AS IDENTITY, note text NOT NULL);
CREATE FUNCTION faults.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO faults.signed (note) VALUES (NEW.note);
    RETURN NULL;
END
$$;
CREATE TRIGGER faults_keep AFTER INSERT OR UPDATE OF note ON audit.checkpoint
FOR EACH ROW EXECUTE FUNCTION faults.keep();
"""
"""From here on every checkpoint of a database is kept, in the order of their commits."""
_SIGNED = "SELECT note FROM faults.signed ORDER BY number"


class Audited(Struct):
    """The sizes that were signed and that were published, each in order, and what is amiss with them."""

    signed: list[int]
    published: list[int]
    amiss: list[str]


class Auditor(Struct, frozen=True):
    """Of one log, whose checkpoints `keys` sign and which is published on `shelf`."""

    keys: Keys
    shelf: Shelf

    async def look(self, connection: asyncpg.Connection) -> Audited:
        signed = [self._opened(row["note"].encode()) for row in await connection.fetch(_SIGNED)]
        async with self.shelf.visit() as visit:
            there = [self._opened(one.text) for one in await notes(visit, _NAME)]
            torn = await compare(connection, _LOG, visit, _NAME, there)
        changed = (await walk(connection, _LOG, 0, [*signed, *there])).divergence
        found = Audited([one.size for one in signed], [one.size for one in there], [])
        found.amiss += [f"what was signed is not what is: {changed}"] if changed else []
        found.amiss += [f"the place is torn: {torn}"] if torn else []
        found.amiss += await self._register(connection)
        return found

    async def _register(self, connection: asyncpg.Connection) -> Sequence[str]:
        """The one that follows from whatever the workers left, held against history."""
        try:
            register = None
            while register is None:  # while a worker makes it
                register = await make(connection, _LOG, _NAME, self.keys)
            async with connection.transaction():
                bad = await recount(connection, _LOG, register, kept=True)
        except PulseOpsError as error:
            return [f"there is no register: {error}"]
        return [f"a stream is not in the register as it is: {bad}"] if bad else []

    def _opened(self, note: bytes) -> Checkpoint:
        return Checkpoint.parsed(opened(note, self.keys.verifiers))
