"""What there is to say against a stack when it is calm: every violation of a promise, and every accident."""

import asyncio
import json
import logging
from collections.abc import Iterator

import asyncpg

from tests.faults.checker import Violation, violations
from tests.faults.programs import memory
from tests.faults.questions import CONNECTIONS
from tests.faults.stack import POLICIES, Stack
from tests.faults.stored import read

_MEMORY = 300 << 20
"""Bytes that a program may take, however it was treated."""

_log = logging.getLogger(__name__)


def examine(stack: Stack, *, calm_within: float = 45.0) -> list[Violation]:
    """Waits for calm. What is found may also be older than the last fault."""
    try:
        stack.await_calm(calm_within)
    except AssertionError:
        late = [Violation("I11", "late", f"it is not calm {calm_within:.0f} s after the last fault")]
    else:
        late = []
    return [*late, *_broken(stack), *_unforeseen(stack), *_unbounded(stack)]


def prove(stack: Stack, told: str = "") -> None:
    """All that clients were ever told is true, once it is calm."""
    found = examine(stack)
    _log.info("%s %s", told, {**stack.history.counts(), "kills": stack.kills})
    assert not found, "\n".join([told, *map(str, found[:20])])


def _broken(stack: Stack) -> list[Violation]:
    async def check() -> list[Violation]:
        connection = await asyncpg.connect(stack.site.postgres.url(admin=True))
        try:
            return violations(stack.history, await read(connection, stack.auditor), policies=POLICIES)
        finally:
            await connection.close()

    return asyncio.run(check())


def _unforeseen(stack: Stack) -> Iterator[Violation]:
    """Errors that a program logged with a traceback: nobody had thought of them.

    arq's own are left out: it speaks so of every job that took too long.
    """
    for program in stack.programs:
        for line in program.log.read_text().splitlines():
            said = json.loads(line) if '"exception"' in line else {"level": "none"}
            if said["level"] in {"error", "critical"} and not said.get("logger", "").startswith("arq"):
                told = f"{program.name}: {said['event']}\n{said['exception']}"
                yield Violation("I12", "unforeseen", told)


def _unbounded(stack: Stack) -> Iterator[Violation]:
    for program in stack.programs:
        if (taken := memory(program.pid)) > _MEMORY:
            yield Violation("I12", "wrong", f"{program.name} takes {taken >> 20} MB")
    # Each program has a pool of 8 at most; besides, an API has a writer, the keys and health, a worker five.
    most = 11 * len(stack.apis) + 13 * len(stack.workers)
    if (open_now := stack.ask(CONNECTIONS)) > most:
        yield Violation("I12", "wrong", f"{open_now} connections are open, and {most} are allowed")
