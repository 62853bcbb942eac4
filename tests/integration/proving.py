"""A log that is signed, and what an auditor needs: a few lines in the words of RFC 9162, and none of ours."""

from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg

from pulseops.audit.notary import Keys, Notary
from pulseops.audit.note import Signer, opened
from tests.integration.sealing import sealed_up_to

KEYS = Keys(signer=Signer("pulseops/test", bytes(range(32))))


async def sign(app: asyncpg.Connection, pool: asyncpg.Pool, size: int, keys: Keys = KEYS) -> None:
    """All up to there, whenever the last time was."""
    await sealed_up_to(app, size)
    await pool.execute("UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'")
    await Notary(pool, keys).sign()


def root_by(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion path leads to: RFC 9162, 2.1.3.1 read backwards."""
    if size == 1:
        assert not path
        return leaf
    k = 1 << (size - 1).bit_length() - 1
    *rest, last = path
    if index < k:
        return sha256(b"\1" + root_by(leaf, index, k, rest) + last).digest()
    return sha256(b"\1" + last + root_by(leaf, index - k, size - k, rest)).digest()


def signed_root(note: str, keys: Keys = KEYS) -> tuple[int, bytes]:
    """Of a checkpoint, if one of these has signed it."""
    _, size, root = opened(note.encode(), keys.verifiers).splitlines()
    return int(size), b64decode(root)


def holds(proof: dict[str, Any], keys: Keys = KEYS) -> bool:
    leaf = sha256(b"\0" + b64decode(proof["entry"])).digest()
    path = [b64decode(one) for one in proof["hashes"]]
    size, root = signed_root(proof["checkpoint"], keys)
    return root_by(leaf, proof["index"], size, path) == root
