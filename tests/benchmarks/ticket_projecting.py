"""A read model by `eventsourcing`: its ProjectionRunner, and a view that keeps rows in PostgreSQL."""

import asyncio
from time import perf_counter, process_time
from typing import Any

import msgspec
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from tests.benchmarks import cpu
from tests.benchmarks.append import Callers
from tests.benchmarks.bench import Reading
from tests.benchmarks.ticket import Tickets, environment, reported, tickets

_TICKETS = 1_500
_GLANCE = 0.01

_TABLES = (
    """CREATE TABLE IF NOT EXISTS ticket (
      id uuid PRIMARY KEY, status text NOT NULL, title text NOT NULL, description text NOT NULL,
      source text NOT NULL, service text, labels jsonb NOT NULL, priority text, category text, team text,
      created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, version int NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS entry (
      ticket_id uuid, version int, event text NOT NULL, at timestamptz NOT NULL, details jsonb NOT NULL,
      PRIMARY KEY (ticket_id, version))""",
)
_STATEMENTS = {
    "Created": """
        INSERT INTO ticket (
          id, status, title, description, source, service, labels, created_at, updated_at, version
        ) VALUES (
          %(id)s, 'open', %(title)s, %(description)s, %(source)s, %(service)s, %(labels)s, %(at)s, %(at)s,
          %(version)s
        )""",
    "Classified": """
        UPDATE ticket SET priority = %(priority)s, category = %(category)s, updated_at = %(at)s,
          version = %(version)s WHERE id = %(id)s""",
    "Assigned": """
        UPDATE ticket SET team = %(team)s, updated_at = %(at)s, version = %(version)s WHERE id = %(id)s""",
    "Acknowledged": """
        UPDATE ticket SET status = 'acknowledged', updated_at = %(at)s, version = %(version)s
        WHERE id = %(id)s""",
}
_ENTRY = "INSERT INTO entry VALUES (%(id)s, %(version)s, %(event)s, %(at)s, %(details)s)"


class Board(PostgresTrackingRecorder):
    """Their materialised view: a transaction an event, with its tracking."""

    def __init__(self, datastore: PostgresDatastore, **given: Any) -> None:
        super().__init__(datastore, **given)
        self.sql_create_statements.extend(SQL(table).format() for table in _TABLES)

    def keep(self, happened: Any, tracking: Tracking) -> None:
        fields = {
            name: value
            for name, value in vars(happened).items()
            if name not in {"originator_id", "originator_version", "timestamp", "originator_topic"}
        }
        given = {name: _json(value) if isinstance(value, dict) else value for name, value in fields.items()}
        given |= {
            "id": happened.originator_id,
            "version": happened.originator_version,
            "at": happened.timestamp,
            "event": type(happened).__name__,
        }
        fields.pop("description", None)
        given["details"] = _json(fields)
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(SQL(_STATEMENTS[given["event"]]), given, prepare=True)
            cursor.execute(SQL(_ENTRY), given, prepare=True)


class Boarding(Projection[Board]):
    name = "boarding"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.keep(domain_event, tracking)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def projecting(given: Callers) -> Reading:
    """Their runner, from the first event on, for so many seconds or to the end."""
    with tickets(given.url) as application:
        for number in range(_TICKETS):
            application.save(reported(number))
        head = application.recorder.max_notification_id() or 0
        name = application.name
    with ProjectionRunner(
        application_class=Tickets,
        projection_class=Boarding,
        view_class=Board,
        env=environment(given.url),
    ) as runner:
        while not (first := runner.view.max_tracking_id(name) or 0):
            await asyncio.sleep(_GLANCE)
            runner.run_forever(timeout=0)
        before, own, begun = cpu.spent((), given.postmaster), process_time(), perf_counter()
        reached = first
        while reached < head and perf_counter() - begun < given.seconds:
            runner.run_forever(timeout=_GLANCE * 5)
            reached = runner.view.max_tracking_id(name) or 0
        seconds, app = perf_counter() - begun, process_time() - own
        postgres = (cpu.spent((), given.postmaster) - before).postgres
    return Reading(operations=reached - first, seconds=seconds, app_cpu=app, postgres_cpu=postgres)
