"""Reports over HTTP, as JSON or, where `Accept` asks for text/csv, as a sheet."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import asyncpg
from litestar import get

from pulseops.access.guards import principal
from pulseops.analytics import specs
from pulseops.analytics.asking import (
    MODELS,
    WITH_BOARD,
    WITH_TIMELINE,
    Asked,
    AskedInRows,
    AskedNoise,
    AskedTimed,
    Scope,
    scoped,
)
from pulseops.analytics.carried import load
from pulseops.analytics.noise import noise
from pulseops.analytics.period import LONGEST, LONGEST_DIGEST, Period, last_week, period
from pulseops.analytics.reports import Report
from pulseops.analytics.sheets import MEDIA, sheet
from pulseops.analytics.timed import timed
from pulseops.analytics.weekly import weekly
from pulseops.catalog.defaults import Defaults
from pulseops.http import etag, exchange
from pulseops.http.answer import Answer
from pulseops.http.bodies import Query
from pulseops.http.exchange import Req
from pulseops.http.position import place
from pulseops.http.refusal import Header
from pulseops.kernel.clock import utc_now
from pulseops.kernel.errors import InvalidInput
from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads

_TIMED, _IN_ROWS, _NOISE, _PLAIN = Query(AskedTimed), Query(AskedInRows), Query(AskedNoise), Query(Asked)
_CSV = f"{MEDIA}; charset=utf-8; header=present".encode()
_VARY: Header = (b"vary", b"accept")

R = TypeVar("R", bound=Report)
Make = Callable[[asyncpg.Connection, Scope], Awaitable[R]]


@get("/reports/mtta", opt={"spec": specs.MTTA})
async def mtta(request: Req) -> Answer:
    """Of incidents that were reported in the period; each next to the period of the same length before."""
    wanted = _TIMED.read(request)
    return await _told(
        request,
        wanted,
        _period(wanted),
        lambda connection, scope: timed(connection, scope, "mtta", by=wanted.by, rows=wanted.rows),
    )


@get("/reports/mttr", opt={"spec": specs.MTTR})
async def mttr(request: Req) -> Answer:
    """Of incidents that were reported in the period. What was reopened counts until it was last over."""
    wanted = _TIMED.read(request)
    return await _told(
        request,
        wanted,
        _period(wanted),
        lambda connection, scope: timed(connection, scope, "mttr", by=wanted.by, rows=wanted.rows),
    )


@get("/reports/load", opt={"spec": specs.LOAD})
async def carried(request: Req) -> Answer:
    """What came in the period, to whichever team and person, also about what was reported before."""
    wanted = _IN_ROWS.read(request)
    return await _told(
        request, wanted, _period(wanted), lambda connection, scope: load(connection, scope, rows=wanted.rows)
    )


@get("/reports/noise", opt={"spec": specs.NOISE})
async def noisy(request: Req) -> Answer:
    """What was over without that anybody answered, false alarms, and duplicates."""
    wanted = _NOISE.read(request)
    return await _told(
        request,
        wanted,
        _period(wanted),
        lambda connection, scope: noise(connection, scope, by=wanted.by, rows=wanted.rows),
        WITH_BOARD if wanted.by == "dedupKey" else MODELS,
    )


@get("/reports/weekly", opt={"spec": specs.WEEKLY})
async def digest(request: Req) -> Answer:
    """Of the last whole week of `zone`, Monday to Sunday, unless another period is asked for."""
    wanted = _PLAIN.read(request)
    if wanted.since is None and wanted.until is None:
        when = last_week(wanted.zone, now=utc_now())
    else:
        when = _period(wanted, longest=LONGEST_DIGEST)
    return await _told(request, wanted, when, weekly, WITH_TIMELINE)


def _period(wanted: Asked, longest: timedelta = LONGEST) -> Period:
    return period(wanted.since, wanted.until, wanted.zone, now=utc_now(), longest=longest)


async def _told(
    request: Req, wanted: Asked, when: Period, make: Make[R], needs: tuple[str, ...] = MODELS
) -> Answer:
    """All numbers of a report are of one moment. It `needs` these read models."""
    asking = principal(request)
    defaults: Defaults = request.app.state.defaults

    async def look(connection: asyncpg.Connection) -> R:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            scope = await scoped(connection, wanted, asking, defaults, period=when, models=needs)
            try:
                return await make(connection, scope)
            except asyncpg.InvalidParameterValueError as error:
                raise InvalidInput(
                    f"The database knows no such time zone: {error}.", pointer="/zone"
                ) from error

    reads: Reads = request.app.state.reads
    measure = models(needs, log_id=asking.log_id)
    seen = await reads.of(measure, look, caller=asking.caller, least=wanted.min_position)
    stands = (place(seen.position), _VARY)
    if MEDIA.encode() not in exchange.of(request).headers.get(b"accept", b""):
        return etag.digested(request, seen.found, headers=stands)
    return etag.tagged(request, sheet(seen.found).encode(), media=_CSV, headers=stands)


ROUTES = (mtta, mttr, carried, noisy, digest)
