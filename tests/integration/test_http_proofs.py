"""Checkpoints, tiles and proofs over HTTP: each holds by a few lines of the RFC, and none is given that would not."""

from base64 import b64decode
from collections.abc import AsyncIterator
from hashlib import sha256

import asyncpg
import pytest

from pulseops.audit.notary import newest_note
from pulseops.audit.note import Signer, opened
from pulseops.audit.proof import Proof
from tests.integration.appending import append, request
from tests.integration.proving import KEYS, holds, root_by, sign, signed_root
from tests.integration.sealing import grow
from tests.serving import Api


async def proof(api: Api, **wanted: object) -> dict[str, object]:
    answer = await api.get("/audit/proofs/inclusion", params=wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_each_event_of_a_log_is_proved_to_be_in_what_was_signed(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 300)
    await sign(app, pool, 300)
    for position in (1, 2, 3, 128, 255, 256, 257, 299, 300):
        found = await proof(api, position=position)
        assert holds(found)
        assert found["position"] == position == int(found["event"]["position"])  # type: ignore[index]
