"""Two tenants of one installation: each has a log, and a key that opens it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx

from pulseops.eventstore.directory import create_log
from pulseops.kernel.clock import utc_now
from tests.keys import a_key
from tests.serving import Api


class Tenant:
    """What one tenant's client asks of an API that others use as well."""

    def __init__(self, api: Api, token: str, log_id: int) -> None:
        self.api, self.log_id = api, log_id
        self._key = {"authorization": f"Bearer {token}"}

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        return await self.api.request(method, path, headers={**self._key, **(headers or {})}, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("POST", path, **options)

    async def report(self, title: str = "Nobody answers", **fields: Any) -> dict[str, Any]:
        answer = await self.post("/incident", json={"title": title, "priority": "critical", **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


async def tenant(api: Api, name: str) -> Tenant:
    """A new one. Its key is known when this returns."""
    pool = api.app.state.pool
    log_id = await create_log(pool, name, now=utc_now())
    token = await a_key(pool, "client", log_id=log_id)
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    return Tenant(api, token, log_id)


@asynccontextmanager
async def held(url: str, log_id: int) -> AsyncIterator[None]:
    """Meanwhile somebody else appends to this log, and does not come to an end."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute("SELECT FROM eventstore.log WHERE log_id = $1 FOR UPDATE", log_id)
        yield
    await connection.close()
