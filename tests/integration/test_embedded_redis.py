"""Our launcher against a real Valkey or Redis."""

from redis.asyncio import Redis


async def test_redis_answers_and_never_evicts(redis_url: str) -> None:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        assert await redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
