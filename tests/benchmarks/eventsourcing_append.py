"""Appends next to those of `eventsourcing`, the library that Python has for this: one event each, durable."""

import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlsplit

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from msgspec import Struct

from tests.benchmarks import cpu
from tests.benchmarks.apart import apart
from tests.benchmarks.append import Callers, appending
from tests.benchmarks.bench import Bench, Line, Reading, Side
from tests.benchmarks.figures import percentiles
from tests.benchmarks.goals import GOALS
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage

THEIRS, OURS = "eventsourcing, at its best", "256 callers"
_THREADS = (1, 4, 16)


class Ticket(Aggregate):
    """An aggregate whose first event is as large as ours in `append.py`."""

    class Created(Aggregate.Created):
        title: str
        description: str
        service: str

    def __init__(self, title: str, description: str, service: str) -> None:
        self.title, self.description, self.service = title, description, service
