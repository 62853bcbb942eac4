"""Whether two generations of a read model say the same, row for row, at the same positions."""

import asyncpg
from msgspec import Struct

from pulseops.kernel.errors import PulseOpsError
from pulseops.projections.following import Moved, Shard, shards
from pulseops.projections.generations import ReadModel

_MOST = 5

_DIGEST = "SELECT count, digest FROM eventstore.digest_generation_v1($1, $2)"
_DIFFER = "SELECT key, altogether FROM eventstore.generations_differ_v1($1, $2, $3)"
_LIVE = "SELECT generation FROM eventstore.generation WHERE name = $1 AND state = 'live'"


class GenerationsDiffer(PulseOpsError):
    """The new generation of a read model says something else than the live one."""

    code = "generations-differ"


class Digest(Struct, frozen=True):
    """How many rows, and a number made from all of them, in whatever order."""

    count: int
    digest: int


async def compare(
    connection: asyncpg.Connection, model: ReadModel, generation: int, at: tuple[Shard, ...]
) -> int:
    """How many rows both have, in this transaction's one snapshot of them.

    Raises Moved when the live one is not `at` these positions in it, GenerationsDiffer when they differ.
    """
    if await shards(connection, model.name) != at:
        raise Moved
    live = await connection.fetchval(_LIVE, model.name)
    old, new = [
        Digest(*await connection.fetchrow(_DIGEST, model.name, number)) for number in (live, generation)
    ]
    if old == new:
        return new.count
    rows = await connection.fetch(_DIFFER, model.name, generation, _MOST)
    altogether = rows[0]["altogether"] if rows else 0
    first = ", ".join(row["key"] for row in rows)
    raise GenerationsDiffer(
        f"Generation {generation} of {model.name} has {new.count} rows, generation {live} has {old.count}; "
        f"{altogether} differ: {first}{', …' if altogether > len(rows) else ''}. Both are kept, and nothing "
        f"was switched. If the new one is right, say --accept; else drop it: "
        f"pulseops projections drop {model.name} {generation}"
    )
