"""The doorbell: word that the log has grown. It says only that, so a lost ring costs a poll, no more."""

import asyncio

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pulseops.eventstore import metrics
from pulseops.eventstore.bell import Bell

_APART = 0.02  # seconds between two publications: rings in between join the next
_PUBLISH_LIMIT = 0.05  # seconds
_RETRY_FIRST, _RETRY_LAST = 0.1, 5.0  # seconds between attempts to reach Redis again

_log = structlog.get_logger(__name__)


def channel(database: str) -> str:
    """Named after the database: several installations may share a Redis."""
    return f"pulseops:wake:{database}"


class Doorbell(Bell):
    """In this process a bell, the same for all logs; between processes a Redis channel, when there is a URL.

    Without Redis, or while it is away, whoever waits goes by its timeout. `failures` counts its refusals.
    """

    def __init__(self, redis_url: str | None = None, *, database: str = "") -> None:
        super().__init__()
        self._channel = channel(database)
        self.failures = 0
        self._speaking = self._hearing = None
        if redis_url is not None:
            self._speaking = Redis.from_url(
                redis_url, socket_timeout=_PUBLISH_LIMIT, socket_connect_timeout=_PUBLISH_LIMIT
            )
            self._hearing = Redis.from_url(
                redis_url, socket_connect_timeout=2, socket_keepalive=True, health_check_interval=10
            )
        self._to_publish = False
        self._publisher: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._outage = False

    def on_stored(self, position: int) -> None:  # noqa: ARG002 - the position stays here: a ring carries no data
        """Wake every process, from a running event loop. Never waits, never raises."""
        self.ring()
        if self._speaking is None:
            return
        self._to_publish = True
        if self._publisher is None or self._publisher.done():
            self._publisher = asyncio.create_task(self._publish(self._speaking))

    def listen(self) -> None:
        """Let other processes' rings in, for ever; nothing to do without Redis."""
        if self._hearing is not None and self._listener is None:
            self._listener = asyncio.create_task(self._listen(self._hearing))

    async def close(self) -> None:
        for task in (self._publisher, self._listener):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        for client in (self._speaking, self._hearing):
            if client is not None:
                await client.aclose()

    async def _publish(self, redis: Redis) -> None:
        while self._to_publish:
            self._to_publish = False
            try:
                async with asyncio.timeout(_PUBLISH_LIMIT):
                    await redis.publish(self._channel, b"")
            except (RedisError, OSError) as error:
                self._failed(error)
                await asyncio.sleep(_RETRY_FIRST)
            else:
                self._outage = False
                await asyncio.sleep(_APART)

    async def _listen(self, redis: Redis) -> None:
        delay = _RETRY_FIRST
        while True:
            try:
                async with redis.pubsub() as heard:
                    await heard.subscribe(self._channel)
                    while True:
                        # The first one confirms the subscription; it rings too, for what was missed before.
                        if await heard.get_message(timeout=10) is not None:
                            self._outage = False
                            delay = _RETRY_FIRST
                            self.ring()
            except (RedisError, OSError) as error:
                self._failed(error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _RETRY_LAST)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        metrics.WAKE_FAILURES.inc()
        if not self._outage:
            self._outage = True
            _log.warning("redis is away: subscriptions go by polling", error=type(error).__name__)
