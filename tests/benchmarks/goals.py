"""What is promised, line by line: each bench names its lines from here."""

from typing import Literal

from msgspec import Struct

Verdict = Literal["aim", "reach", "short"]


class Goal(Struct, frozen=True, kw_only=True):
    """`reach` is what must be, `aim` what we want; `over` is what it is divided by, `unit` follows it."""

    name: str
    what: str
    over: str
    reach: float
    aim: float
    smaller_is_better: bool = False
    unit: str = "×"

    def verdict(self, measured: float) -> Verdict:
        """Nothing measured (NaN) is short of everything."""
        if self.smaller_is_better:
            return "aim" if measured <= self.aim else "reach" if measured <= self.reach else "short"
        return "aim" if measured >= self.aim else "reach" if measured >= self.reach else "short"


def _more(name: str, what: str, over: str, reach: float, aim: float, *, unit: str = "×") -> Goal:
    return Goal(name=name, what=what, over=over, reach=reach, aim=aim, unit=unit)


def _less(name: str, what: str, over: str, reach: float, aim: float, *, unit: str = "×") -> Goal:
    return Goal(name=name, what=what, over=over, reach=reach, aim=aim, smaller_is_better=True, unit=unit)


_LIMIT = "pgbench one-row"
_ALL = (
    _more("append-64", "append, 64 callers, events/s", _LIMIT, 0.8, 1.2),
    _more("append-256", "append, 256 callers, events/s", _LIMIT, 0.8, 1.2),
    _more("logs", "append by 8 writers into 4 logs, events/s", "into one log", 1.3, 2),
    _more("workflow", "workflow in process, events/s", _LIMIT, 1.3, 2.5),
    _more("post-64", "POST, 64 connections, events/s", _LIMIT, 0.8, 1.2),
    _more("post-256", "POST, 256 connections, events/s", _LIMIT, 0.8, 1.2),
    _less("post-cpu", "POST, CPU a request", "the same without the store", 1.7, 1.4),
    _more("batch", "batches of 100, incidents/s", "single POSTs", 3, 5),
    _less("assigned", "created → assigned at 50/s, p50", "one client's commit", 2, 1.3),
    _less("get-cpu", "GET, CPU a request", "a constant body", 2.5, 1.8),
    _more("rebuild", "rebuild of incident + timeline, events/s", "binary COPY", 0.25, 0.4),
    _more("live", "live projection under load, events/s", "appends", 1.2, 2),
    _less("seal-append", "append at 1,000/s beside a sealer, p50", "alone", 1.25, 1.05),
    _more("seal", "sealing from the beginning, events/s", "appends by 64 callers", 1.2, 2),
    _more("export", "NDJSON export, events/s", "binary COPY", 0.4, 0.6),
    _more("escalate", "1,000 overdue of 1M open", "a transaction each", 50, 100),
    _less("escalate-idle", "a sweep with nothing due", "", 1, 1, unit=" ms"),
    _more("es-append", "append, events/s", "eventsourcing", 8, 25),
    _more("es-projection", "projection, events/s", "eventsourcing", 50, 200),
    _more("orm-post", "POST, incidents/s", "an ORM session a request", 10, 20),
    _less("growth-append", "append at 10M events, time", "at 100k", 1.3, 1.1),
    _less("growth-get", "GET at 10M events, time", "at 100k", 1.3, 1.1),
    _less("memory-api", "memory of the API, 256 connections", "", 200, 200, unit=" MB"),
    _less("memory-api-flat", "memory of the API, late", "early", 1.1, 1.1),
    _less("memory-rebuild", "memory of a rebuild of 1M", "", 200, 200, unit=" MB"),
    _less("memory-export", "memory of an export of 1M", "", 200, 200, unit=" MB"),
    _less("overload-p99", "accepted at twice the rate, p99", "unloaded", 10, 5),
    _less("overload-memory", "memory of the API, overloaded", "", 200, 200, unit=" MB"),
    _less("overload-lost", "acknowledged and lost, overloaded", "", 0, 0, unit=""),
)
GOALS = {goal.name: goal for goal in _ALL}
