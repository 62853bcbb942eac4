"""That nothing is left out of an incident, over HTTP: it holds by a few lines of the RFC and none of ours."""

import asyncio
from base64 import b64decode
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pulseops.audit.note import opened
from pulseops.audit.registered import newest_register
from pulseops.audit.registrar import make
from pulseops.client import AsyncPulseOps
from pulseops.kernel.ids import new_id
from tests.integration.appending import append, request
from tests.integration.proving import KEYS, root_by, sign
from tests.integration.tenants import tenant
from tests.keys import a_key
from tests.serving import Api

PATH = "/audit/proofs/completeness"


def leaf(entry: str) -> bytes:
    return sha256(b"\0" + b64decode(entry)).digest()


def holds(proof: dict[str, Any]) -> bool:
    """In the words of the decision: the entry is in the register, and says how many events there are."""
    _, streams, root, log = opened(proof["register"].encode(), KEYS.verifiers).splitlines()
    _, size, log_root = log.split(" ")
    [listed] = proof["listed"]
    along = [b64decode(one) for one in listed["hashes"]]
    if root_by(leaf(listed["entry"]), listed["index"], int(streams), along) != b64decode(root):
        return False
    entry = b64decode(listed["entry"])
    if (UUID(bytes=entry[:16]), int.from_bytes(entry[16:20], "big")) != (
        UUID(proof["stream"]),
        len(proof["events"]),
    ):
        return False
    for version, one in enumerate(proof["events"], start=1):
        sealed, path = b64decode(one["entry"]), [b64decode(each) for each in one["hashes"]]
        place = int.from_bytes(sealed[17:25], "big") - 1
        if sealed[25:41] != entry[:16] or int.from_bytes(sealed[73:77], "big") != version:
            return False
        if root_by(leaf(one["entry"]), place, int(size), path) != b64decode(log_root):
            return False
    return leaf(proof["events"][-1]["entry"]) == entry[20:]


@pytest.fixture
async def incident(app: asyncpg.Connection, pool: asyncpg.Pool) -> UUID:
    """One of seven events among others, and a register of them all; two events came since."""
    found = new_id()
    await append(app, *(request(events=2) for _ in range(40)), request(found, events=3))
    await append(app, *(request() for _ in range(300)), request(found, at=3, events=4))
    await sign(app, pool, 387)
    assert await make(app, 1, "default", KEYS) is not None
    await append(app, request(found, at=7), request())
    return found


async def test_all_of_an_incident_is_proved_by_a_few_lines(api: Api, incident: UUID) -> None:
    answer = await api.get(PATH, params={"incident": str(incident)})
    assert answer.status_code == 200
    proof = answer.json()
    assert (len(proof["events"]), proof["asOf"], proof["since"]) == (7, 387, 2)
    assert holds(proof)
    assert not holds({**proof, "events": proof["events"][:-1]})
    client = AsyncPulseOps("http://pulseops", api.token, transport=api._transport)
    async with client:
        again = await client.proofs.completeness(incident)
        assert again.check(KEYS.verifiers, log="default").log.size == 387
        assert await client.proofs.register() == proof["register"]
        nobody = await client.proofs.completeness(new_id())
        nobody.check(KEYS.verifiers)
        assert (len(nobody.listed), nobody.events) == (1, ())


async def test_the_register_is_told_as_it_was_signed(
    api: Api, app: asyncpg.Connection, incident: UUID
) -> None:
    answer = await api.get("/audit/register")
    assert (answer.status_code, answer.text) == (200, await newest_register(app, 1))
    same = {"if-none-match": answer.headers["etag"]}
    assert (await api.get("/audit/register", headers=same)).status_code == 304


async def test_what_there_is_not_and_what_is_not_whole_is_said(
    api: Api, admin: asyncpg.Connection, incident: UUID
) -> None:
    other = await tenant(api, "second")
    for path in ("/audit/register", f"{PATH}?incident={incident}"):
        answer = await other.get(path)
        assert (answer.status_code, "no register" in answer.json()["detail"]) == (404, True)
    for path in (PATH, f"{PATH}?incident=1", f"{PATH}?incident={incident}&version=1"):
        assert (await api.get(path)).status_code == 422
    await admin.execute("UPDATE audit.register_page SET entries = set_byte(entries, 19, 9)")
    await admin.execute("DELETE FROM audit.register_tile")
    assert (await api.get(f"{PATH}?incident={incident}")).json()["code"] == "tree-damaged"


async def test_who_may_not_read_the_whole_log_is_told_nothing(
    api: Api, pool: asyncpg.Pool, incident: UUID
) -> None:
    tokens = [await a_key(pool, "a", role="responder"), await a_key(pool, "b", role="auditor", teams=("x",))]
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    for token in tokens:
        for path in ("/audit/register", f"{PATH}?incident={incident}"):
            answer = await api.get(path, headers={"authorization": f"Bearer {token}"})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
