"""wrk, which spends next to nothing on its own: it leaves the cores to what is measured."""

import asyncio
import os
from pathlib import Path

import msgspec

from tests.benchmarks.apart import Failed
from tests.benchmarks.bench import Reading
from tests.benchmarks.client import Load

_SCRIPT = Path(__file__).with_name("requests.lua")


class Told(msgspec.Struct, frozen=True):
    """What `requests.lua` prints. `seconds` is wrk's own measure."""

    answered: int
    refused: int
    broken: int
    seconds: float
    p50_ms: float
    p99_ms: float


async def closed(given: Load) -> Reading:
    """Only successes are operations; `more` says how many were refused. Raises Failed when none succeeded."""
    process = await asyncio.create_subprocess_exec(
        "wrk",
        *("-t", "1", "-c", str(given.connections), "-d", f"{max(1, round(given.seconds))}s", "--latency"),
        *("--timeout", "10s", "-s", str(_SCRIPT), f"http://127.0.0.1:{given.port}"),
        env={**os.environ, "PULSEOPS_BENCH_REQUESTS": given.sheet},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, wrong = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Failed(f"wrk: {wrong.decode(errors='replace')[-500:]}")
    told = msgspec.json.decode(out.splitlines()[-1], type=Told)
    if told.broken or told.refused == told.answered:
        raise Failed(f"wrk: of {told.answered} answers {told.refused} were errors; {told.broken} broke")
    refused = {"refused": float(told.refused)} if told.refused else {}
    return Reading(
        operations=told.answered - told.refused,
        seconds=told.seconds,
        more={"p50_ms": told.p50_ms, "p99_ms": told.p99_ms, **refused},
    )
