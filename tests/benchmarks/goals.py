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


_LIMIT = "pgbench one-row, 64 clients"
_ALL = (
    _more("append-64", "append, 1 event, 64 callers, events/s", _LIMIT, 0.8, 1.2),
    _more("append-256", "append, 1 event, 256 callers, events/s", _LIMIT, 0.8, 1.2),
    _more("logs", "append by 8 writers into 4 logs, events/s", "the same into one log", 1.3, 2),
    _more("workflow", "whole workflow in process, events/s", _LIMIT, 1.3, 2.5),
    _more("post-64", "POST /incident, 64 connections, events/s", _LIMIT, 0.8, 1.2),
    _more("post-256", "POST /incident, 256 connections, events/s", _LIMIT, 0.8, 1.2),
    _less("post-cpu", "POST /incident, CPU a request", "the handler without the store", 1.7, 1.4),
    _more("batch", "POST /incidents:batch of 100, incidents/s", "single POSTs", 3, 5),
    _less("assigned", "created → assigned p50 at 50/s", "one durable commit of one client", 2, 1.3),
    _less("get-cpu", "GET /incident/{id}, CPU a request", "the handler, constant body", 2.5, 1.8),
    _more("rebuild", "rebuild of incident + timeline, events/s", "COPY (binary) of the events", 0.25, 0.4),
    _more("live", "live projection under load, events/s", "appends sustained", 1.2, 2),
    _more("export", "NDJSON export, events/s", "COPY (binary) of the events", 0.4, 0.6),
    _more("escalate", "1,000 overdue among 1M open: escalate all", "a transaction each", 50, 100),
    _less("escalate-idle", "a sweep with nothing due, among 1M open", "", 1, 1, unit=" ms"),
    _more("es-append", "append, events/s", "eventsourcing, at its best", 8, 25),
    _more("es-projection", "projection, events/s", "eventsourcing's ProjectionRunner", 50, 200),
    _more("orm-post", "POST /incident, incidents/s", "an ORM session a request", 10, 20),
    _less("growth-append", "append at 10M events, time an event", "at 100k", 1.3, 1.1),
    _less("growth-get", "GET at 10M events, time a request", "at 100k", 1.3, 1.1),
    _less("memory-api", "API under 256 connections, most memory", "", 200, 200, unit=" MB"),
    _less("memory-api-flat", "API under 256 connections, memory late", "early", 1.1, 1.1),
    _less("memory-rebuild", "rebuild of 1M events, most memory", "", 200, 200, unit=" MB"),
    _less("memory-export", "export of 1M events, most memory", "", 200, 200, unit=" MB"),
    _less("overload-p99", "p99 of the accepted at twice the sustainable rate", "p99 unloaded", 10, 5),
    _less("overload-memory", "API under overload, most memory", "", 200, 200, unit=" MB"),
    _less("overload-lost", "acknowledged and not in the log, under overload", "", 0, 0, unit=""),
)
GOALS = {goal.name: goal for goal in _ALL}
