"""A database for each test. The next one is made as soon as the last one is gone, beside the tests."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import psycopg

from pulseops.up.postgres import EmbeddedPostgres

TEMPLATE = "pulseops_template"
_MAKE = "CREATE DATABASE {} TEMPLATE {} OWNER pulseops_owner"
_DROP = "DROP DATABASE IF EXISTS {} WITH (FORCE)"

Done = Future[object]


@dataclass(frozen=True)
class Database:
    """A database of its own for one test, empty and at the newest schema."""

    name: str
    port: int
    app_url: str
    """The login `pulseops`, a member of pulseops_app."""
    admin_url: str
    """The superuser."""


class Databases:
    """Those of one cluster, made and dropped over one connection, one after the other.

    Never is one dropped while another one waits: with each drop, PostgreSQL flushes the hundreds of files of
    whatever was made since the last time. The driver is another one than ours, with which tests tamper.
    """

    def __init__(self, cluster: EmbeddedPostgres) -> None:
        self._cluster, self._numbers = cluster, count(1)
        self._connection = psycopg.connect(cluster.url("postgres", admin=True), autocommit=True)
        self._hand = ThreadPoolExecutor(1)
        self._next: tuple[str, Done] | None = self._made()
        self._gone: Done | None = None

    def take(self) -> Database:
        """One that nobody had. Raises what went wrong with it, or with one that was dropped."""
        self._settle()
        name, made = self._next or self._made()
        self._next = None
        made.result()
        url = self._cluster.url
        return Database(name, self._cluster.port, url(name), url(name, admin=True))

    def drop(self, database: Database) -> None:
        self._settle()
        self._gone = self._hand.submit(self._connection.execute, _DROP.format(database.name).encode())
        self._next = self._next or self._made()

    def close(self) -> None:
        self._settle()
        self._hand.shutdown()
        self._connection.close()

    def _made(self) -> tuple[str, Done]:
        name = f"test_{next(self._numbers)}"
        return name, self._hand.submit(self._connection.execute, _MAKE.format(name, TEMPLATE).encode())

    def _settle(self) -> None:
        gone, self._gone = self._gone, None
        if gone is not None:
            gone.result()
