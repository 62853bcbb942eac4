"""The HTTP process: opens what it stands on, refuses to serve on bad ground, and answers."""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from importlib.metadata import version
from typing import Any

import asyncpg
import structlog
import uvicorn
from litestar import Litestar

from pulseops import logs as lines
from pulseops.access.audit import Auditor
from pulseops.access.guards import Doorkeeper, Turnstile, authenticated
from pulseops.access.issuer import Issuer
from pulseops.access.keys import open_keys
from pulseops.access.person import all_people
from pulseops.access.signing_in import SigningIn
from pulseops.access.tokens import Tokens
from pulseops.access.usage import Usage
from pulseops.access.users import Users
from pulseops.archive.downloads import Downloads
from pulseops.audit.signing import signings
from pulseops.db.ground import BadGround, open_ground
from pulseops.db.identity import identity
from pulseops.db.outages import OUTAGES
from pulseops.db.pools import open_pool
from pulseops.db.schema import expected_revision, schema_status
from pulseops.escalation.agenda import overdue
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.gateways import Gateways
from pulseops.eventstore.replica import Replica, Standing
from pulseops.eventstore.wake import Doorbell
from pulseops.http.doors import Server
from pulseops.http.edge import edge
from pulseops.http.express import Express
from pulseops.http.health import Ready, Seen, judged
from pulseops.http.look import Shared
from pulseops.http.openapi import described
from pulseops.http.problem import HANDLERS
from pulseops.http.protocol import PatientProtocol
from pulseops.kernel.errors import PulseOpsError
from pulseops.live.feeds import Feeds
from pulseops.publishing.publisher import standings
from pulseops.routes import ROUTES
from pulseops.rulebook.loader import load_rulebook
from pulseops.rulebook.recording import Recorder
from pulseops.rulebook.signing_in import load_sign_in
from pulseops.settings import Settings
from pulseops.subscriptions.lag import lags
from pulseops.subscriptions.reads import Reads
from pulseops.wiring import catalogs, defaults, defaults_at, logs

_GRACE = 5
"""Seconds that requests under way have to end when the process is told to stop."""
_KEEP_ALIVE = 30
"""Seconds that a connection may wait for its next request."""

_GC = (20_000, 20, 20)
_LOOK = 5.0
"""Seconds that PostgreSQL has for anything that a request reads."""
_PROBE = 1.5
"""Seconds that a health check waits for the database."""
_WATCHES = 2
"""Connections for what everything else waits for: one looks for the keys, one for how the database is."""

_SLOW: tuple[type[Exception], ...] = (TimeoutError, asyncpg.QueryCanceledError)

_log = structlog.get_logger("pulseops.app")


class PulseOps(Litestar):
    """Litestar inside the edge. A start that is refused says why in a sentence, not in a traceback."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._edge = edge(super().__call__, Express(self))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._edge(scope, receive, send)
            return

        async def plainly(message: Any) -> None:
            refusal = sys.exc_info()[1]
            while isinstance(refusal, BaseExceptionGroup) and len(refusal.exceptions) == 1:
                refusal = refusal.exceptions[0]
            if message["type"] == "lifespan.startup.failed" and isinstance(refusal, PulseOpsError):
                message["message"] = str(refusal)
            await send(message)

        await self._edge(scope, receive, plainly)


def create_app(settings: Settings) -> PulseOps:
    """The application. Its lifespan opens the pool and the gateway, and closes them."""
    app = PulseOps(
        route_handlers=ROUTES,
        guards=[authenticated],
        exception_handlers=HANDLERS,
        lifespan=[partial(_open, settings)],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.version = version("pulseops")
    # Told when first asked for: few processes ever are, and it takes a third of the time to start.
    app.state.openapi = cache(partial(described, app.routes, app.state.version))
    return app


@asynccontextmanager
async def _open(settings: Settings, app: Litestar) -> AsyncIterator[None]:
    """Raises SettingsError, BadGround, NotDurable, RulebookInvalid."""
    rules = load_rulebook(settings.rules)
    terms = None if settings.oidc is None else load_sign_in(settings.oidc)
    async with AsyncExitStack() as stack:
        pool = await open_ground(
            settings.database,
            size=settings.pool_size,
            command_seconds=_LOOK,
            allow_unsafe=settings.allow_unsafe_durability,
            pooled=settings.pooled,
        )
        stack.callback(pool.terminate)
        database = await identity(pool)
        await _require_same(settings, database)
        watches = await open_pool(
            settings.database, size=_WATCHES, least=0, command_seconds=_LOOK, pooled=settings.pooled
        )
        stack.callback(watches.terminate)
        reads = Reads(pool, await _replica(settings, database), aside=max(1, settings.pool_size // 2))
        if reads.replica is not None:
            stack.callback(reads.replica.close)
        doorbell = Doorbell(settings.redis_url, database=database)
        stack.push_async_callback(doorbell.close)
        url, pooled = settings.writers
        gateways = Gateways(partial(_gateway, url, doorbell, pooled=pooled))
        gateways.start()
        stack.push_async_callback(gateways.stop)
        app.state.pool = pool
        app.state.reads = reads
        app.state.rulebook = rules
        app.state.escalation = rules.escalation
        app.state.logs = logs(gateways.of, pool, rules)
        app.state.catalogs = catalogs(gateways.of, pool)
        app.state.defaults, app.state.defaults_at = defaults(rules), defaults_at
        usage, app.state.auditor = Usage(pool), Auditor(pool)
        users = app.state.signing_in = None
        if terms is not None:
            issuer = Issuer(terms)
            stack.push_async_callback(issuer.close)
            tokens = Tokens(issuer)
            users = Users(terms, tokens, partial(all_people, watches), pool)
            if terms.url is not None:
                app.state.signing_in = SigningIn(issuer, tokens, users, terms.url)
        app.state.doorkeeper = Doorkeeper(partial(open_keys, watches), usage.saw, users)
        app.state.turnstile = Turnstile(settings.rate_limit)
        for noted in (usage, app.state.auditor):
            noted.start()
            stack.push_async_callback(noted.stop)
        app.state.downloads = Downloads(pool)
        app.state.feeds = Feeds(pool, doorbell)
        stack.push_async_callback(app.state.feeds.close)
        app.state.probe = Shared(partial(_probe, watches, gateways, reads, expected_revision()))
        stack.callback(app.state.probe.close)
        _log.info("serving", settings=repr(settings))
        yield


async def _require_same(settings: Settings, database: str) -> None:
    """BadGround when the way past the pooler leads to another database than the pooler."""
    if settings.direct_database_url is not None:
        direct = await open_ground(
            settings.direct_database_url, size=1, allow_unsafe=settings.allow_unsafe_durability
        )
        try:
            if await identity(direct) != database:
                raise BadGround("PULSEOPS_DIRECT_DATABASE_URL leads to another database than the pooler.")
        finally:
            direct.terminate()


async def _replica(settings: Settings, database: str) -> Replica | None:
    if settings.read_database_url is None:
        return None
    return await Replica.of(
        settings.read_database_url,
        primary=database,
        size=settings.pool_size,
        command_seconds=_LOOK,
        pooled=settings.pooled,
    )


def _gateway(url: str, doorbell: Doorbell, log_id: int, *, pooled: bool = False) -> Gateway:
    return Gateway(url, log_id=log_id, pooled=pooled, on_stored=doorbell.on_stored)


async def _probe(watches: asyncpg.Pool, gateways: Gateways, reads: Reads, expected: str) -> Ready:
    schema, found = None, list[Seen]()
    reasons = [f"appends fail: {trouble}" for trouble in gateways.troubles]
    try:
        async with asyncio.timeout(_PROBE), watches.acquire(timeout=_PROBE) as connection:
            schema = await schema_status(connection)
            if schema.ready:
                found = await _logs(connection)
    except (*OUTAGES, asyncpg.PostgresError) as error:
        if schema is None or not isinstance(error, _SLOW):
            reason = f"the database does not answer: {type(error).__name__}"
            return judged(expected, database=False, reasons=[reason])
        reasons.append("how far the logs are was not found out in time")
    replica = await _behind(reads, found)
    current, problem = schema.current, schema.problem
    return judged(expected, schema=current, problem=problem, logs=found, replica=replica, reasons=reasons)


async def _behind(reads: Reads, logs: Sequence[Seen]) -> Standing | None:
    if reads.replica is None:
        return None
    if not logs:  # nothing to hold it against
        return Standing(answers=reads.replica.answers)
    return await reads.replica.standing({log.log_id: log.lag.position for log in logs})


async def _logs(connection: asyncpg.Connection) -> list[Seen]:
    late, kept = await overdue(connection), (await standings(connection), await signings(connection))
    return [
        Seen(one.log_id, one.name, one.lag, late.get(one.log_id, 0.0), *(of.get(one.log_id) for of in kept))
        for one in await lags(connection)
    ]


class _Server(Server):
    """With `records` it records its rules once it serves. What has no end of its own it stops first."""

    records = False
    _recording: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        application = self.config.app
        if isinstance(application, PulseOps) and self.started and self.records:
            recorder = Recorder(application.state.pool, application.state.rulebook, "api")
            self._recording = asyncio.create_task(recorder.watch())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._recording is not None:
            self._recording.cancel()
        # What has no end of its own: uvicorn waits for every answer.
        application = self.config.app
        if isinstance(application, PulseOps):
            application.state.feeds.stop()
            application.state.downloads.stop()
        await super().shutdown(sockets)


def server(settings: Settings, *, records: bool = False) -> uvicorn.Server:
    """uvicorn, set up as PulseOps wants it. What a proxy says of the caller is not believed."""
    serving = _Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=PatientProtocol,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
        )
    )
    serving.records = records
    return serving


def serve(settings: Settings) -> None:
    """Until a signal. Exits with 3 when the start was refused."""
    lines.configure(settings.log_format, settings.log_level)
    serving = server(settings, records=True)
    # What start-up made stays for ever: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    # A request leaves hundreds of young objects and hardly ever a cycle: look at many requests at a time.
    gc.set_threshold(*_GC)
    serving.run()
    if not serving.started:
        sys.exit(3)
