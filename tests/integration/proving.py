"""A log that is signed, and what an auditor needs: a few lines in the words of RFC 9162, and none of ours."""

from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg

from pulseops.audit.leaf import sealed
from pulseops.audit.notary import Keys, Notary
from pulseops.audit.note import Signer, opened
from pulseops.eventstore.codec import COLUMNS
from tests.integration.sealing import mth, sealed_up_to
from tests.serving import Api

KEYS = Keys(signer=Signer("pulseops/test", bytes(range(32))))


async def sign(app: asyncpg.Connection, pool: asyncpg.Pool, size: int, keys: Keys = KEYS) -> None:
    """The first `size` events, however short ago the last signature is."""
    await sealed_up_to(app, size)
    await pool.execute("UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'")
    await Notary(pool, keys).sign()


async def inclusion(api: Api, **wanted: Any) -> dict[str, Any]:
    return await _told(api, "inclusion", wanted)


async def consistency(api: Api, **wanted: Any) -> dict[str, Any]:
    return await _told(api, "consistency", wanted)


async def _told(api: Api, what: str, wanted: dict[str, Any]) -> dict[str, Any]:
    answer = await api.get(f"/audit/proofs/{what}", params=wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def leaves_of(connection: asyncpg.Connection) -> list[bytes]:
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM eventstore.event WHERE log_id = 1 ORDER BY position"
    )
    return [sha256(b"\0" + sealed(row)).digest() for row in rows]


def signed_by(note: str, keys: Keys = KEYS) -> tuple[int, bytes]:
    """The size and the root of a checkpoint that one of these keys has signed."""
    _, size, root = opened(note.encode(), keys.verifiers).splitlines()
    return int(size), b64decode(root)


def root_by(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Where an inclusion path leads: RFC 9162, 2.1.3.1, read backwards."""
    if size == 1:
        assert not path
        return leaf
    k = 1 << (size - 1).bit_length() - 1
    *rest, last = path
    if index < k:
        return sha256(b"\1" + root_by(leaf, index, k, rest) + last).digest()
    return sha256(b"\1" + last + root_by(leaf, index - k, size - k, rest)).digest()


def growth(m: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 9162, 2.1.4.1: SUBPROOF(m, D_n, b)."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = 1 << (n - 1).bit_length() - 1
    if m <= k:
        return [*growth(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*growth(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def holds(proof: dict[str, Any], keys: Keys = KEYS) -> bool:
    """Of an inclusion, from its entry and its note alone."""
    leaf = sha256(b"\0" + b64decode(proof["entry"])).digest()
    path = [b64decode(one) for one in proof["hashes"]]
    size, root = signed_by(proof["checkpoint"], keys)
    return root_by(leaf, proof["index"], size, path) == root
