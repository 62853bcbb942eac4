"""All benches. Read it aloud."""

from tests.benchmarks.append import APPEND
from tests.benchmarks.batch import BATCH
from tests.benchmarks.bench import Bench
from tests.benchmarks.get import GET
from tests.benchmarks.latency import LATENCY
from tests.benchmarks.post import POST
from tests.benchmarks.workflow import WORKFLOW

SUITE: tuple[Bench, ...] = (
    APPEND,
    WORKFLOW,
    POST,
    BATCH,
    LATENCY,
    GET,
)
