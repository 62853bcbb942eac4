"""Measures the sides of a bench in turn, round by round, and divides."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tests.benchmarks.bench import Bench, Measured, Reading
from tests.benchmarks.figures import measured
from tests.benchmarks.ground import Ground, require_durable, require_flushed
from tests.benchmarks.stage import stage


class Outcome(Struct, frozen=True, kw_only=True):
    """Every reading, round by round, and what became of the bench's lines."""

    bench: Bench
    rounds: Sequence[Mapping[str, Reading]]
    lines: Sequence[Measured]
    notes: Sequence[str] = ()


class Watcher(Struct, frozen=True):
    """Who looks on: `say` what is done now, `advance` by a share of the bench."""

    say: Callable[[str], None]
    advance: Callable[[float], None]


async def run(ground: Ground, bench: Bench, watcher: Watcher, *, quick: bool) -> Outcome:
    """Raises NotDurable and Untrue; what a side raises."""
    rounds, seconds = (1, min(bench.seconds, 1.0)) if quick else (bench.rounds, bench.seconds)
    server = ground.postgres.url("postgres", admin=True)
    await require_durable(server)
    readings: list[dict[str, Reading]] = []
    async with stage(ground, quick=quick, say=watcher.say) as given, bench.sides(given) as sides:
        for number in range(rounds):
            readings.append({})
            # In the other direction each second time, so that none always follows the same one.
            for side in sides if number % 2 == 0 else reversed(sides):
                watcher.say(side.name)
                before = await ground.flushes()
                reading = await side.measure(seconds)
                await require_flushed(ground, side.name, reading, before)
                readings[-1][side.name] = reading
                watcher.advance(1 / (rounds * len(sides)))
        notes = tuple(given.notes)
    await require_durable(server)
    return Outcome(
        bench=bench, rounds=readings, lines=[measured(line, readings) for line in bench.lines], notes=notes
    )
