"""`pulseops subscriptions …`: who follows the logs, how far, and what is left out. Speaks to the database."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.access.recording import By, local
from pulseops.cli.database import Json, Position, in_database, print_structs, stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED, USAGE
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log
from pulseops.kernel.clock import utc_now
from pulseops.operations import acting
from pulseops.operations.resets import refuse_read_models
from pulseops.subscriptions import operating
from pulseops.subscriptions.lag import Follower, lag
from pulseops.subscriptions.operating import Parked

T = TypeVar("T")

_PATIENCE = 15.0
"""Seconds that a retry waits for the worker to have tried."""
_COLUMNS = ("NAME", "SHARD", "POSITION", "BEHIND", "SECONDS", "FAILURES", "PARKED", "LED BY")

subscriptions = App(
    name="subscriptions",
    help="""See and steer what follows a log: read models and deadlines. Speaks to the database itself.

    A stream that a subscription cannot deal with is parked: its events wait, in order, and no others.
    """,
)

InLog = Annotated[str, Parameter(name="--log")]


class Standing(Struct, frozen=True):
    """The subscriptions of a log as `--json` tells of them."""

    position: int
    subscriptions: tuple[Follower, ...]
    parked: tuple[Parked, ...]


class Done(Struct, frozen=True, omit_defaults=True):
    """What was done, as `--json` tells of it. `parked` are those that could not be dealt with either."""

    name: str
    position: int | None = None
    tried: int | None = None
    parked: tuple[Parked, ...] = ()


@subscriptions.command(name="list")
def list_all(*, log: InLog = DEFAULT, json: Json = False) -> None:
    """List them: how far each shard is, how it fares, and who leads it; then the streams that are parked.

    Parameters
    ----------
    log
        The log's name.
    json
        Print them as JSON.
    """

    async def read(pool: asyncpg.Pool, log_id: int) -> Standing:
        found = await lag(pool, log_id=log_id)
        return Standing(found.position, found.followers, await operating.parked(pool, log_id=log_id))

    found = _operate(log, read)
    if json:
        print_structs(found)
        return
    rows = Table(*_COLUMNS, box=None, pad_edge=False, header_style="dim")
    for one in found.subscriptions:
        shard = f"{one.shard}/{one.shards}"
        numbers = (one.position, one.positions, round(one.seconds), one.attempts, one.parked)
        rows.add_row(*(Text(harmless(str(it))) for it in (one.name, shard, *numbers, one.owner or "nobody")))
    say(rows)
    for one in found.subscriptions:
        if one.last_error:
            say(harmless(f"{one.name} fails: {one.last_error}"))
    for stream in found.parked:
        say(harmless(_told(stream)))


@subscriptions.command
def park(name: str, stream: UUID, /, *, log: InLog = DEFAULT, json: Json = False) -> None:
    """Leave a stream out from now on, such as one whose events do harm. `retry` takes it back.

    Parameters
    ----------
    name
        The subscription.
    stream
        The stream's id, such as an incident's.
    log
        The log's name.
    json
        Print what was done as JSON.
    """
    done = _operate(log, lambda pool, log_id: acting.park(pool, _me(), name, stream, log_id=log_id))
    if json:
        print_structs(Done(name=name, position=done.position))
    else:
        say(harmless(f"{name} leaves {stream} out from position {done.position} on."))


@subscriptions.command
def retry(name: str, stream: UUID | None = None, /, *, log: InLog = DEFAULT, json: Json = False) -> None:
    """Have parked streams tried again, and wait for what comes of it: exits with 1 while some stay parked.

    Parameters
    ----------
    name
        The subscription.
    stream
        Only this stream; else all that are parked.
    log
        The log's name.
    json
        Print what came of it as JSON.
    """

    async def work(pool: asyncpg.Pool, log_id: int) -> tuple[int, tuple[Parked, ...]]:
        streams = (await acting.retry(pool, _me(), name, stream, log_id=log_id)).stream_ids
        left = await operating.tried(pool, name, streams, within=_PATIENCE, log_id=log_id)
        return len(streams), left

    count, left = _operate(log, work)
    if json:
        print_structs(Done(name=name, tried=count, parked=left))
    else:
        say(harmless(f"{name}: {count} tried, {count - len(left)} taken back."))
        for one in left:
            say(harmless(_told(one)), stderr=True)
    if left:
        raise SystemExit(REFUSED)


@subscriptions.command
def reset(
    name: str,
    /,
    *,
    to: Position = 0,
    yes: Annotated[bool, Parameter(negative=())] = False,
    log: InLog = DEFAULT,
    json: Json = False,
) -> None:
    """Go back in history, and work everything after it off again. Never forward: nothing may be skipped.

    Parameters
    ----------
    name
        The subscription. A read model is not reset: `pulseops projections rebuild` makes it anew.
    to
        The position to go on from; else the beginning.
    yes
        Do it. Without this, only what it would do is told.
    log
        The log's name.
    json
        Print what was done as JSON.
    """

    async def work(pool: asyncpg.Pool, log_id: int) -> None:
        refuse_read_models(name)
        if not yes:
            told = f"Everything that {name} did for the events after position {to} is done again"
            raise stop(f"{told}. If that is what you want, add --yes.", USAGE)
        await acting.reset(pool, _me(), name, to, log_id=log_id)

    _operate(log, work)
    if json:
        print_structs(Done(name=name, position=to))
    else:
        say(harmless(f"{name} goes on from position {to}."))


@subscriptions.command
def shard(name: str, shards: int, /, *, log: InLog = DEFAULT, json: Json = False) -> None:
    """Divide a subscription's streams among shards, which workers share out. Exactly once, also meanwhile.

    Only when no worker of an older release is left: it could not lead a shard. 1 undoes it.

    Parameters
    ----------
    name
        The subscription.
    shards
        How many, up to 64. Each reads the whole log: more than the workers' cores gain nothing.
    log
        The log's name.
    json
        Print what was done as JSON.
    """
    met = _operate(log, lambda pool, log_id: acting.shard(pool, _me(), name, shards, log_id=log_id))
    if json:
        print_structs(Done(name=name, position=met))
    else:
        say(harmless(f"{name} has {shards} shards from position {met} on."))


def _operate(log: str, work: Callable[[asyncpg.Pool, int], Awaitable[T]]) -> T:
    async def named(pool: asyncpg.Pool) -> T:
        return await work(pool, await find_log(pool, log))

    return in_database(named)


def _me() -> By:
    return local("cli", now=utc_now())


def _told(stream: Parked) -> str:
    why = stream.error or "an operator parked it"
    told = f"{stream.name} leaves out {stream.stream_id} from position {stream.position} on: {why}"
    return f"{told} (not tried yet: does a worker lead it?)" if stream.wanted else told
