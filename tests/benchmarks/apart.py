"""A function in a process of its own, so that nothing else is in its account: no bar, no other bench."""

import asyncio
import gc
import importlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec
import uvloop
from msgspec import Struct

from tests.benchmarks.bench import Reading

ROOT = Path(__file__).parents[2]

A = TypeVar("A", bound=Struct)


class Failed(Exception):
    """A process that was to measure did not come back with a reading."""


async def apart(function: Callable[[A], Awaitable[Reading]], given: A) -> Reading:
    """`function(given)` by another Python. What is given goes through a pipe: no secret is in an argument."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.apart",
        f"{function.__module__}:{function.__name__}",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, wrong = await process.communicate(msgspec.json.encode(given))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Failed(f"{function.__name__}: {wrong.decode(errors='replace')[-2000:]}")
    return msgspec.json.decode(told, type=Reading)


def _main() -> None:
    module, _, name = sys.argv[1].partition(":")
    function: Any = getattr(importlib.import_module(module), name)
    kind = next(hint for which, hint in get_type_hints(function).items() if which != "return")
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=kind)
    # Its reading is all that it says there; log lines go where complaints go.
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    # As the programs of ours do at their start.
    gc.collect()
    gc.freeze()
    out.write(msgspec.json.encode(uvloop.run(function(given))))
    out.flush()


if __name__ == "__main__":
    _main()
