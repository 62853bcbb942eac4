"""Keys: who has none stays outside, who had one is out within a second, and no secret is kept."""

import asyncio
from hashlib import sha256

import asyncpg
import pytest

from pulseops.access.administration import ensure_admin_key, revoke_key
from pulseops.access.guards import Doorkeeper
from pulseops.access.keys import open_keys, parsed
from pulseops.access.recording import local
from pulseops.http.refusal import Refused
from pulseops.kernel.clock import utc_now
from tests.conftest import Database
from tests.keys import a_key
from tests.serving import Api, serving

_PUBLIC = {"/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"}
_PUBLIC |= {"/problems", "/problems/{code}"}
_PUBLIC |= {"/login", "/login/callback", "/logout"}


async def test_every_route_but_the_public_ones_asks_for_a_key(api: Api) -> None:
    described_paths = (await api.get("/openapi.json")).json()["paths"]
    del api.headers["authorization"]
    for path, operations in described_paths.items():
        for method in operations:
            url = path.replace("{incident_id}", "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f")
            url = url.replace("{key_id}", "0123456789ab")
            answer = await api.request(method, url, json={"title": "a"} if method == "post" else None)
            assert (answer.status_code == 401) is (path not in _PUBLIC), (method, path)
            if path not in _PUBLIC:
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"] == "unauthenticated"
    assert (await api.get("/docs")).status_code == 200
    assert await api.app.state.pool.fetchval("SELECT count(*) FROM eventstore.event") == 0


async def test_what_is_not_quite_the_key_opens_nothing(api: Api) -> None:
    token = api.token
    prefix, key_id, secret = token.split("_", 2)
    for given in (
        "",
        "Bearer",
        "Bearer ",
        token,
        f"Basic {token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}A",
        f"Bearer {prefix}_{key_id}_{'A' * 43}",
        f"Bearer {prefix}_{'0' * 12}_{secret}",
        f"Bearer {prefix}_{key_id}_{sha256(secret.encode()).hexdigest()}",
        f"Bearer {prefix}_{key_id}_' OR '1'='1",
    ):
        answer = await api.get("/incidents", headers={"authorization": given})
        assert answer.status_code == 401, given
        assert secret not in answer.text
    assert (await api.get("/incidents", headers={"authorization": f"bearer  {token}"})).status_code == 200


async def test_a_revoked_key_is_refused_within_a_second(api: Api) -> None:
    pool = api.app.state.pool
    token = await a_key(pool, "deploy")
    headers = {"authorization": f"Bearer {token}"}
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    assert (await api.get("/incidents", headers=headers)).status_code == 200
    found = parsed(token)
    assert found is not None
    await revoke_key(pool, found[0], local("cli", now=utc_now()), log_id=1, spare_last=False)
    await asyncio.sleep(1)  # the promise itself
    assert (await api.get("/incidents", headers=headers)).status_code == 401
    assert (await api.get("/incidents")).status_code == 200


async def test_two_processes_that_start_at_once_make_one_admin_key(pool: asyncpg.Pool) -> None:
    made = await asyncio.gather(*(ensure_admin_key(pool, now=utc_now()) for _ in range(5)))
    assert sum(token is not None for token in made) == 1
    assert await ensure_admin_key(pool, now=utc_now()) is None
    assert len(await open_keys(pool)) == 1


async def test_no_secret_is_in_the_database(pool: asyncpg.Pool) -> None:
    token = await a_key(pool, "deploy")
    dump = "\n".join(row["line"] for row in await pool.fetch("SELECT k::text AS line FROM access.api_key k"))
    found = parsed(token)
    assert found is not None
    assert found[0] in dump
    assert found[1] not in dump
    assert sha256(found[1].encode()).hexdigest() in dump


async def test_a_key_cannot_be_altered_or_removed_by_the_application(pool: asyncpg.Pool) -> None:
    await a_key(pool, "deploy")
    for attack in (
        "UPDATE access.api_key SET secret_sha256 = '\\x00'",
        "UPDATE access.api_key SET role = 'owner'",
        "DELETE FROM access.api_key",
        "TRUNCATE access.api_key",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(attack)


async def test_the_doorkeeper_reads_at_most_ten_times_a_second_for_unknown_keys() -> None:
    reads = 0

    async def load() -> dict[str, object]:
        nonlocal reads
        reads += 1
        return {}

    doorkeeper = Doorkeeper(load)  # type: ignore[arg-type]  # no key is ever looked at
    for _ in range(200):
        with pytest.raises(Refused):
            await doorkeeper.admit(b"Bearer pulseops_0123456789ab_" + b"A" * 43)
    assert reads <= 2


async def test_the_actor_of_an_event_is_the_key(database: Database) -> None:
    async with serving(database.app_url) as api:
        token = await a_key(api.app.state.pool, "nagios")
        headers = {"authorization": f"Bearer {token}"}
        await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
        made = (await api.post("/incident", json={"title": "a"}, headers=headers)).json()
        shown = (await api.get(f"/incident/{made['id']}")).json()
        assert shown["timeline"][0]["actor"] == "key:nagios"
        # A key of one caller means nothing to another.
        key = {"idempotency-key": "k"}
        one = await api.post("/incident", json={"title": "a"}, headers=headers | key)
        two = await api.post("/incident", json={"title": "b"}, headers=key)
        assert (one.status_code, two.status_code) == (201, 201)
        assert one.json()["id"] != two.json()["id"]


async def test_what_somebody_is_told_is_kept_by_no_cache_that_others_share(api: Api) -> None:
    made = await api.post("/incident", json={"title": "a"})
    one = f"/incident/{made.json()['id']}"
    known = {"if-none-match": made.headers["etag"]}
    told = [made, await api.get(one), await api.get(one, headers=known), await api.head(one)]
    told += [await api.get(path) for path in ("/incidents", "/whoami", "/audit", f"{one}/timeline")]
    told += [await api.get(one, headers={"host": "pulse_ops"})]  # not by the express lane
    for answer in told:
        assert answer.headers.get_list("cache-control") == ["private, no-cache"], answer.request.url
    secret = await api.post("/keys", json={"name": "ci", "role": "viewer"})
    for answer in (secret, await api.get("/nowhere"), await api.get("/incident/nobody")):
        assert answer.headers.get_list("cache-control") == ["no-store"], answer.request.url
    assert (await api.get("/docs")).headers.get_list("cache-control") == ["no-cache"]
    assert "cache-control" not in (await api.get("/openapi.json")).headers
