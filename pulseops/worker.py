"""The worker process: leads the subscriptions, and goes its rounds by the clock.

arq's cron is the doorbell for the rounds, PostgreSQL is the truth: when Redis is absent, flushed or away, the
rounds are gone all the same (see `escalation/rounds.py`).
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog
import uvloop
from arq import ArqRedis, Worker, cron
from arq.typing import WorkerCoroutine
from redis.asyncio import ConnectionPool

from pulseops import logs as lines
from pulseops.audit import keyfile
from pulseops.audit.notary import Notary
from pulseops.audit.registrar import Registrar
from pulseops.audit.shelf import Shelf
from pulseops.db.clock import DatabaseClock
from pulseops.db.ground import open_ground
from pulseops.db.identity import identity
from pulseops.db.pools import open_pool
from pulseops.escalation.rounds import Rounds
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.wake import Doorbell
from pulseops.kernel.clock import Clock
from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.ids import new_id
from pulseops.publishing.places import shelf_of
from pulseops.publishing.publisher import Publisher, forget
from pulseops.rulebook.loader import load_rulebook
from pulseops.rulebook.recording import Recorder
from pulseops.settings import Settings, SettingsError
from pulseops.subscriptions import heartbeat
from pulseops.subscriptions.ending import ended
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.lookout import Lookout
from pulseops.wiring import CODEC, logs, projectors

_JOB = 5
"""Seconds that arq gives a round, and PostgreSQL each of its statements."""
_LASTING = 10.0
"""Seconds after which an arq that died had worked."""
_AGAIN = 1.0
"""Seconds until arq is started again after it died."""
_GRACE = 2.0
"""Seconds that batches under way have to end when the process is told to stop."""

_log = structlog.get_logger("pulseops.worker")


def _rung(go: Callable[[], Awaitable[None]]) -> WorkerCoroutine:
    async def job(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ARG001 -- arq's shape
        await go()

    return job


def queue(database: str) -> str:
    """Named after the database: several installations may share a Redis."""
    return f"pulseops:rounds:{database}"


def doorbell_of_arq(redis_url: str, rounds: Rounds, database: str) -> Worker:
    """arq as it may be trusted: no pickle, nothing kept, nothing tried twice, nothing waited for long."""
    return Worker(
        cron_jobs=[
            cron(_rung(rounds.sweep), name=f"pulseops:sweep:{database}", second=set(range(60))),
            cron(_rung(rounds.partitions), name=f"pulseops:partitions:{database}", second=30),
        ],
        queue_name=queue(database),
        redis_pool=ArqRedis(
            ConnectionPool.from_url(redis_url, socket_connect_timeout=1, socket_timeout=2),
            job_serializer=msgspec.msgpack.encode,
            job_deserializer=msgspec.msgpack.decode,
            default_queue_name=queue(database),
        ),
        job_serializer=msgspec.msgpack.encode,
        job_deserializer=msgspec.msgpack.decode,
        handle_signals=False,
        poll_delay=0.2,
        job_timeout=_JOB,
        keep_result=0,
        max_tries=1,
        timezone=UTC,
    )


async def ticks(redis_url: str, rounds: Rounds, database: str) -> None:
    """arq, made anew whenever it dies, which it does at any error of Redis. For ever."""
    away = False
    while True:
        worker = None
        begun = asyncio.get_running_loop().time()
        try:
            worker = doorbell_of_arq(redis_url, rounds, database)
            await worker.async_run()
        except Exception as error:  # noqa: BLE001 -- logged; rounds are gone without it meanwhile
            if not away or asyncio.get_running_loop().time() - begun > _LASTING:
                _log.warning("arq stopped, and is started again until it stays", error=repr(error)[:200])
            away = True
        finally:
            if worker is not None:
                await _closed(worker)
        await asyncio.sleep(_AGAIN)


async def _closed(worker: Worker) -> None:
    # Not worker.close(): it talks to Redis, and raises when that is away.
    under_way = list(worker.tasks.values())
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    try:
        await worker.pool.aclose(close_connection_pool=True)
    except Exception as error:  # noqa: BLE001 -- logged; nobody watches over the ticks
        _log.warning("the connections of arq could not be closed", error=repr(error)[:200])


@asynccontextmanager
async def working(
    settings: Settings, *, clock: Callable[[asyncpg.Pool], Clock] = DatabaseClock
) -> AsyncIterator[str]:
    """A worker at work, by its name.

    Raises SettingsError, BadGround, NotDurable, RulebookInvalid, KeyUnusable, PlaceInvalid.
    """
    rules = load_rulebook(settings.rules)
    keys = None if settings.audit_key is None else keyfile.read(settings.audit_key)
    shelf = _shelf(settings)
    worker_id = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"
    async with AsyncExitStack() as stack:
        url, pooled = settings.writers
        pool = await open_ground(
            url, size=settings.pool_size, allow_unsafe=settings.allow_unsafe_durability, pooled=pooled
        )
        stack.callback(pool.terminate)
        database = await identity(pool)
        brisk = await open_pool(url, size=4, command_seconds=_JOB, pooled=pooled)
        stack.callback(brisk.terminate)
        stack.push_async_callback(_left, brisk, worker_id)
        doorbell = Doorbell(settings.redis_url, database=database)
        stack.push_async_callback(doorbell.close)
        doorbell.listen()
        lookout = Lookout(brisk, doorbell=doorbell)
        lookout.start()
        stack.push_async_callback(lookout.stop)
        subscriptions = Subscriptions(
            pool, projectors(rules), owner=worker_id, doorbell=doorbell, bells=lookout.bell
        )
        subscriptions.start()
        stack.push_async_callback(subscriptions.stop, _GRACE)
        # The gateways are never started: a sweep appends in its own transaction.
        stores = logs(lambda log_id: Gateway(url, log_id=log_id), pool, rules)
        rounds = Rounds(brisk, stores, CODEC, clock=clock(brisk), doorbell=doorbell, worker_id=worker_id)
        tasks = [
            asyncio.create_task(rounds.watch(ticked=settings.redis_url is not None)),
            asyncio.create_task(Recorder(brisk, rules, "worker").watch()),
        ]
        if keys is None:
            _log.warning("this worker seals history and does not sign it: PULSEOPS_AUDIT_KEY is not set")
        elif shelf is None:
            tasks.append(asyncio.create_task(Notary(brisk, keys).watch()))
            await forget(brisk)
        else:
            every = timedelta(seconds=settings.audit_publish_every)
            publisher = Publisher(brisk, shelf, keys.verifiers, every=every)
            tasks.append(asyncio.create_task(Notary(brisk, keys, published=publisher.published).watch()))
            tasks.append(asyncio.create_task(publisher.watch()))
        if keys is not None:
            patient = await open_pool(url, size=1, least=0, pooled=pooled)
            stack.callback(patient.terminate)
            tasks.append(asyncio.create_task(Registrar(patient, keys).watch()))
        if settings.redis_url is None:
            _log.warning("there is no redis: everything goes by polling")
        else:
            tasks.append(asyncio.create_task(ticks(settings.redis_url, rounds, database)))
        stack.push_async_callback(ended, tasks)
        _log.info("working", worker=worker_id, settings=repr(settings))
        yield worker_id


def _shelf(settings: Settings) -> Shelf | None:
    """Raises SettingsError, PlaceInvalid."""
    if settings.audit_publish is None:
        return None
    if settings.audit_key is None:
        raise SettingsError(
            "PULSEOPS_AUDIT_PUBLISH says where to publish what PULSEOPS_AUDIT_KEY signs: set that as well."
        )
    return shelf_of(settings.audit_publish)


async def _left(pool: asyncpg.Pool, worker_id: str) -> None:
    """Where the database says nothing soon, its row stays for a while."""
    leaving = asyncio.create_task(heartbeat.leave(pool, worker_id))
    await asyncio.wait([leaving], timeout=_AGAIN)
    await ended([leaving])


async def _until_told(settings: Settings) -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, told.set)
    async with working(settings):
        await told.wait()
    _log.info("stopped")


def main(settings: Settings) -> None:
    """Until a signal. Exits with 3 when the start was refused."""
    lines.configure(settings.log_format, settings.log_level)
    # It would speak of every tick.
    logging.getLogger("arq").setLevel(logging.ERROR)
    try:
        uvloop.run(_until_told(settings))
    except PulseOpsError as refusal:
        _log.critical("refused to start", error=str(refusal))
        sys.exit(3)
