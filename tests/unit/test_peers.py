"""Peers are there to be measured: nothing else needs them."""

import subprocess
import sys

_LOADED = """
import sys, tests.benchmarks.suite
print(sorted({name.partition(".")[0] for name in sys.modules} & {"eventsourcing", "psycopg"}))
"""


def test_the_suite_is_read_without_a_peer() -> None:
    told = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
