"""`doctor` on what runs: the `up` of this home, its API, the database and Redis."""

import asyncio
from collections.abc import Iterator
from typing import Literal

import asyncpg
from redis import Redis, RedisError

from pulseops.audit.guards import weakened
from pulseops.db.durability import check_durability
from pulseops.db.outages import MISTAKEN, OUTAGES
from pulseops.db.schema import schema_status
from pulseops.kernel.reasons import reason
from pulseops.settings import masked
from pulseops.up.address import Address, choose, health
from pulseops.up.findings import Finding, Place
from pulseops.up.postgres import MAJOR
from pulseops.up.processes import CannotStart, Mark

OLDEST_POSTGRES = 15
_GUARDED = "Find out who did that, verify history (`pulseops audit verify`), and `pulseops migrate`."


def running(place: Place) -> Iterator[Finding]:
    if place.home is None:
        return
    if place.busy:
        api = place.home.api()
        yield Finding(
            "up", "ok", f"running at {api.url}, process {api.pid}" if api else "running, or on its way"
        )
        return
    left = {path.name: mark.pid for path in place.home.run.iterdir() if (mark := Mark.read(path))}
    if left:
        names = ", ".join(f"{name} ({pid})" for name, pid in left.items())
        yield Finding(
            "up", "warn", f"not running, but left behind {names}", "The next `pulseops up` stops them."
        )
    else:
        yield Finding("up", "ok", "not running")


def port(place: Place) -> Iterator[Finding]:
    settings, api = place.settings, place.home.api() if place.home and place.busy else None
    if api is not None:
        answer = health(Address(*_split(api.url)))
        if answer is None:
            yield Finding(
                "api", "fail", f"{api.url} does not answer", f"See {place.path / 'logs' / 'api.log'}."
            )
        else:
            verdict: Literal["ok", "warn"] = "ok" if answer.status == "ok" else "warn"
            yield Finding("api", verdict, ": ".join([answer.status, *answer.reasons]))
        return
    try:
        choose(settings.host, settings.port, insist=True)
        yield Finding("port", "ok", f"{settings.port} is free")
    except CannotStart as error:
        yield Finding("port", "warn", str(error), "Without --port, `pulseops up` takes a free one.")


def _split(url: str) -> tuple[str, int]:
    host, _, number = url.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(number)


def database(place: Place) -> Iterator[Finding]:
    url = place.settings.direct_database_url or place.settings.database_url
    advice = "Is it running, and the URL right?"
    if url is None and place.home is not None:
        advice = f"See {place.path / 'logs' / 'postgres.log'}."
        cluster = place.home.data / f"pg{MAJOR}"
        if not place.busy:
            made = "not running" if cluster.exists() else "made at the first `pulseops up`"
            yield Finding("database", "ok", made)
            return
        servers = place.home.servers()
        url = f"postgresql://pulseops:{servers.password}@127.0.0.1:{servers.postgres_port}/pulseops"
    if url is not None:
        try:
            yield from asyncio.run(_database(url))
        except (*OUTAGES, *MISTAKEN, OSError, asyncpg.PostgresError) as error:
            why = reason(error)
            yield Finding("database", "fail", f"{masked(url)} cannot be used: {why}", advice)


async def _database(url: str) -> list[Finding]:
    # A named statement may not be there any more where the URL leads through a pooler.
    connection = await asyncpg.connect(url, timeout=5, statement_cache_size=0)
    try:
        version = str(await connection.fetchval("SHOW server_version")).split()[0]
        unsafe, schema = await check_durability(connection), await schema_status(connection)
        # A schema of another version has other functions, and they are right.
        guards = await weakened(connection) if schema.current == schema.expected else None
    finally:
        await connection.close()
    found = [Finding("database", "ok", f"PostgreSQL {version}")]
    if int(version.partition(".")[0]) < OLDEST_POSTGRES:
        found = [Finding("database", "fail", f"PostgreSQL {version}", "PulseOps needs 15 or newer.")]
    found += [
        Finding("durability", "fail", one, "Turn it on for the server, the database and the login.")
        for one in unsafe
    ]
    found += [Finding("history", "fail", one, _GUARDED) for one in guards or ()]
    if guards == []:
        found.append(Finding("history", "ok", "guarded against changes"))
    if schema.ready:
        found.append(Finding("schema", "ok", f"revision {schema.current}"))
    else:
        told = f"revision {schema.current or 'none'}, this version needs {schema.expected}"
        advice = "Run `pulseops up`, or `pulseops migrate` on your own database."
        found.append(
            Finding("schema", "fail", told, "Start a newer version of PulseOps." if schema.newer else advice)
        )
    return found


def redis(place: Place) -> Iterator[Finding]:
    url = place.settings.redis_url
    if url is None and place.home is not None and place.busy and (place.home.run / "redis").exists():
        servers = place.home.servers()
        url = f"redis://:{servers.redis_password}@127.0.0.1:{servers.redis_port}/0"
    if url is None:
        return
    try:
        with Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            client.ping()
        yield Finding("redis", "ok", "answers")
    except (RedisError, OSError, ValueError) as error:
        advice = "PulseOps goes on by polling; look at the server, or at PULSEOPS_REDIS_URL."
        yield Finding("redis", "warn", f"{masked(url)} cannot be used: {error}", advice)


CHECKS = (running, port, database, redis)
