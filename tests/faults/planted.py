"""`python -m tests.faults.planted BUG api|worker`: PulseOps with a bug, for the controls of the harness."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from random import random
from typing import Any

import asyncpg

from pulseops import __main__ as pulseops
from pulseops.audit import notary
from pulseops.audit.note import signed
from pulseops.escalation import rounds
from pulseops.eventstore import gateway
from pulseops.eventstore.append import AppendResult
from pulseops.kernel.clock import utc_now
from pulseops.publishing import folder
from pulseops.subscriptions import subscription

Bug = Callable[[], None]


def acknowledge_before_the_commit() -> None:
    """A batch is answered a moment before it is stored."""
    send = gateway.Gateway._send

    async def hasty(self: gateway.Gateway, connection: Any, batch: Any) -> None:
        for pending in batch:
            if not pending.answer.done():
                pending.answer.set_result(
                    [
                        AppendResult(
                            verdict="stored",
                            stream_id=request.stream_id,
                            version=request.expected_version + len(request.events),
                            position=1,
                            recorded_at=utc_now(),
                        )
                        for request in pending.requests
                    ]
                )
        await asyncio.sleep(0.02)
        await send(self, connection, batch)

    gateway.Gateway._send = hasty  # type: ignore[method-assign]


def swallow_errors() -> None:
    """A batch that fails is taken for done."""
    init = subscription.Subscription.__init__

    def careless(self: Any, pool: Any, projector: Any, **options: Any) -> None:
        async def project(connection: asyncpg.Connection, piece: Any) -> None:
            with suppress(asyncpg.PostgresError):
                async with connection.transaction():
                    await projector.project(connection, piece)

        init(self, pool, subscription.Projector(projector.name, project), **options)

    subscription.Subscription.__init__ = careless  # type: ignore[method-assign]


def checkpoint_first() -> None:
    """The checkpoint is committed, and only then the batch is worked off."""
    init = subscription.Subscription.__init__

    def hasty(self: Any, pool: Any, projector: Any, **options: Any) -> None:
        async def later(piece: Any) -> None:
            await asyncio.sleep(0.1)
            async with pool.acquire() as connection:
                await projector.project(connection, piece)

        tasks: set[asyncio.Task[None]] = set()

        async def project(_: asyncpg.Connection, piece: Any) -> None:
            tasks.add(task := asyncio.create_task(later(piece)))
            task.add_done_callback(tasks.discard)

        init(self, pool, subscription.Projector(projector.name, project), **options)

    subscription.Subscription.__init__ = hasty  # type: ignore[method-assign]


def trust_redis() -> None:
    """Nobody looks at the time unasked."""

    async def never(*_: Any, **__: Any) -> None:
        return

    rounds.Rounds._look_after = never  # type: ignore[method-assign]


def sign_in_no_order() -> None:
    """A signature takes its time, and takes the place of whatever is there by then."""
    notary._KEEP = notary._KEEP.replace("c.note = $4", "c.note = $4 OR true")

    async def slowly(self: Any, connection: Any, due: Any) -> Any:
        checkpoint = await before(self, connection, due)
        await asyncio.sleep(random() * 2)
        note = signed(str(checkpoint), [self._keys.signer])
        await connection.execute(notary._KEEP, due["log_id"], due["size"], note, None)
        return checkpoint

    before = notary.Notary._sign
    notary.Notary._sign = slowly  # type: ignore[method-assign]


def publish_the_checkpoint_first() -> None:
    """Whoever dies then leaves a place whose checkpoint has no tiles."""
    replace, add = folder._Visit.replace, folder._Visit.add

    async def hasty(self: Any, files: Any) -> None:
        await asyncio.sleep(0)
        kept.setdefault(self, {}).update(files)

    async def late(self: Any, path: str, content: bytes) -> bool:
        done = await replace(self, path, content)
        await asyncio.sleep(0.9)
        await add(self, kept.pop(self, {}))
        return done

    kept: dict[Any, dict[str, bytes]] = {}
    folder._Visit.replace, folder._Visit.add = late, hasty  # type: ignore[method-assign]


BUGS: dict[str, Bug] = {
    bug.__name__: bug
    for bug in (
        acknowledge_before_the_commit,
        swallow_errors,
        checkpoint_first,
        trust_redis,
        sign_in_no_order,
        publish_the_checkpoint_first,
    )
}

if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    pulseops.main()
