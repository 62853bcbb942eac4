"""All benches. Read it aloud."""

from tests.benchmarks.append import APPEND
from tests.benchmarks.bench import Bench

SUITE: tuple[Bench, ...] = (APPEND,)
