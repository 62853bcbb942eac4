"""All benches. Read it aloud."""

from tests.benchmarks.append import APPEND
from tests.benchmarks.batch import BATCH
from tests.benchmarks.bench import Bench
from tests.benchmarks.escalate import ESCALATE
from tests.benchmarks.export import EXPORT
from tests.benchmarks.get import GET
from tests.benchmarks.growth import GROWTH
from tests.benchmarks.latency import LATENCY
from tests.benchmarks.live import LIVE
from tests.benchmarks.logs import LOGS
from tests.benchmarks.memory import MEMORY
from tests.benchmarks.overload import OVERLOAD
from tests.benchmarks.peer_append import PEER_APPEND
from tests.benchmarks.peer_post import PEER_POST
from tests.benchmarks.peer_projection import PEER_PROJECTION
from tests.benchmarks.post import POST
from tests.benchmarks.rebuild import REBUILD
from tests.benchmarks.seal import SEAL
from tests.benchmarks.workflow import WORKFLOW

SUITE: tuple[Bench, ...] = (
    APPEND,
    LOGS,
    WORKFLOW,
    POST,
    BATCH,
    LATENCY,
    GET,
    # The large log that this one fills serves those after it.
    GROWTH,
    ESCALATE,
    MEMORY,
    OVERLOAD,
    EXPORT,
    REBUILD,
    LIVE,
    SEAL,
    PEER_APPEND,
    PEER_PROJECTION,
    PEER_POST,
)
