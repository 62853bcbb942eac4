"""PulseOps in real processes, each of which may be killed and is on our leash: nothing outlives the tests."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from pulseops.access.keys import ensure_admin_key
from pulseops.db.migrate import migrate
from pulseops.db.pools import open_pool
from pulseops.kernel.clock import utc_now
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres, workers_in
from pulseops.up.processes import wait_until
from pulseops.up.redis import EmbeddedRedis
from tests.acceptance.kills.checker import FOLLOWERS, violations
from tests.acceptance.kills.history import History
from tests.acceptance.kills.load import PATIENCE
from tests.acceptance.kills.pressure import Pressure
from tests.acceptance.kills.programs import Killable, importing, inherited, lives, quiet_port
from tests.acceptance.kills.stored import read

STEPS = (timedelta(seconds=1), timedelta(seconds=1))
RULES = """
escalation:
  version: "kills-1"
  policies:
    - name: critical
      when: {priority: critical}
      steps: [{after: 1s, to: "{team} second on call"}, {after: 1s, to: "{team} lead"}]
"""
_CALM = """
SELECT NOT EXISTS (SELECT FROM escalation.deadline)
  AND (SELECT array_agg(name || position ORDER BY name) FROM eventstore.subscription)
    = (SELECT array_agg(name || (SELECT max(position) FROM eventstore.event) ORDER BY name)
       FROM unnest($1::text[]) AS name)
"""
_WRITER = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'pulseops'
ORDER BY query LIKE '%append_v1%' DESC, state_change DESC LIMIT 1
"""
_LEADER = """
SELECT owner FROM eventstore.subscription WHERE lease_until > clock_timestamp()
GROUP BY owner ORDER BY count(*) DESC LIMIT 1
"""
_ESCALATIONS = "SELECT count(*) FROM eventstore.event WHERE type = 'ESCALATED'"
_AT_WORK = """
SELECT (SELECT count(DISTINCT pid) = cardinality($1::int[])
        FROM eventstore.worker, cast(split_part(worker_id, ':', 2) AS int) AS pid
        WHERE pid = ANY ($1) AND seen_at > clock_timestamp() - interval '3 s')
  AND (SELECT count(owner) = 3 FROM eventstore.subscription WHERE lease_until > clock_timestamp())
"""
_LED = """
SELECT count(owner) = 3 FROM eventstore.subscription
WHERE lease_until > clock_timestamp() AND owner NOT LIKE $1
"""

_log = logging.getLogger(__name__)


class Stack:
    """One PostgreSQL, one Redis, two APIs and two workers on a database of their own."""

    def __init__(self, ground: Path) -> None:
        self._home = Home(ground / "kills")
        self._home.remember_port(postgres=quiet_port(), redis=quiet_port())
        self.postgres = EmbeddedPostgres(self._home)
        self.redis = EmbeddedRedis.find(self._home)
        self.history = History()
        self.token = ""
        self.crashes = 0
        rules = ground / "kills.yaml"
        rules.write_text(RULES)
        self._environment = {**inherited(ground), "PULSEOPS_RULES": str(rules)}
        self.urls: list[str] = []
        self.apis: list[Killable] = []
        self.workers: list[Killable] = []
        self._ground = ground

    def build(self) -> None:
        with importing(self._environment):
            self.postgres.start()
            asyncio.run(self._prepare())
        if self.redis is not None:
            self.redis.start()
            self._environment["PULSEOPS_REDIS_URL"] = self.redis.url
        self._environment["PULSEOPS_DATABASE_URL"] = self.postgres.url()
        for number in range(2):
            port = str(quiet_port())
            self.urls.append(f"http://127.0.0.1:{port}")
            self.apis.append(self._program("api", number, {"PULSEOPS_PORT": port}))
            self.workers.append(self._program("worker", number, {}))

    def mend(self) -> None:
        """Whatever a test before has left dead or frozen."""
        if self.postgres.ended() is not None:
            self.postgres.start()
        self.thaw_postgres()
        for program in (*self.apis, *self.workers):
            if program.pid and program.ended() is None:
                program.thaw()
            else:
                program.start()
        self.await_apis()
        self.await_workers()

    def watch(self) -> None:
        """As whoever runs PulseOps does: a program that found no database when it began is started again."""
        for program in (*self.apis, *self.workers):
            if program.ended() is not None:
                program.start()

    def tear_down(self) -> None:
        parts = [*self.apis, *self.workers, self.redis, self.postgres]
        for part in parts:
            if part is not None:
                part.stop(hurry=True)

    def pressure(
        self, name: str, *, most: int = 4_000, seconds: float = 60.0, urgent: bool = True
    ) -> Pressure:
        """Load that ends by itself after so many tries or seconds. `name` seeds it, and begins its keys.

        Without `urgent` incidents there is nothing to escalate, and it is calm soon.
        """
        return Pressure(
            self.urls,
            self.token,
            self.history,
            name=name,
            most=most,
            seconds=seconds,
            urgent=urgent,
        )

    def await_apis(self) -> None:
        """Until each of them answers."""
        for url in self.urls:
            assert wait_until(partial(lives, url), 30.0), f"{url} is away"

    def kill_postgres(self, *, backends: bool = True) -> None:
        """SIGKILL to the postmaster, and to every process of its. It stays away until it is started."""
        pid = self.postgres.pid
        for doomed in (pid, *(one for one in workers_in(self.postgres.cluster) if backends and one != pid)):
            with suppress(ProcessLookupError):  # the others go by themselves when they see that one is gone
                os.kill(doomed, signal.SIGKILL)
        assert wait_until(lambda: self.postgres.ended() is not None, 5.0)
        self.crashes += 1

    def freeze_postgres(self, stop: signal.Signals = signal.SIGSTOP) -> None:
        """Connections stay open, and nobody answers."""
        for pid in workers_in(self.postgres.cluster):
            os.kill(pid, stop)

    def thaw_postgres(self) -> None:
        self.freeze_postgres(signal.SIGCONT)

    def crash(self, *, backends: bool = True) -> None:
        """`kill_postgres`, and start it again."""
        begun = time.monotonic()
        self.kill_postgres(backends=backends)
        self.postgres.start()
        _log.info("PostgreSQL accepts connections %.2f s after it was killed", time.monotonic() - begun)

    def restart(self, *doomed: Killable) -> None:
        for program in doomed:
            program.kill()
        for program in doomed:
            program.start()

    def restart_redis(self) -> None:
        if self.redis is not None:
            self.redis.stop(hurry=True)
            self.redis.start()

    def kill_writer(self) -> None:
        """SIGKILL to the backend that appended last: PostgreSQL drops everybody, and recovers by itself."""
        os.kill(self.ask(_WRITER), signal.SIGKILL)
        self.crashes += 1

    def leader(self) -> Killable:
        """The worker that has most of the leases."""
        owner = self.ask(_LEADER)
        pid = int(str(owner).split(":")[1])
        return next(worker for worker in self.workers if worker.pid == pid)

    def ask(self, question: str, *arguments: Any) -> Any:
        async def fetch() -> Any:
            connection = await asyncpg.connect(self.postgres.url(admin=True), timeout=5)
            try:
                return await connection.fetchval(question, *arguments)
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def until(self, true: Callable[[], Any], within: float = 30.0) -> None:
        """A database that is away has not answered."""

        def answered() -> bool:
            try:
                return bool(true())
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return False

        assert wait_until(answered, within, lambda _: time.sleep(0.1)), f"not within {within} s"

    def await_escalations(self, more: int) -> None:
        goal = self.ask(_ESCALATIONS) + more
        self.until(lambda: self.ask(_ESCALATIONS) >= goal)

    def await_workers(self) -> None:
        """Until both are alive, and every follower has a leader."""

        def at_work() -> Any:
            self.watch()
            return self.ask(_AT_WORK, [worker.pid for worker in self.workers])

        self.until(at_work)

    def await_leaders_other_than(self, worker: Killable) -> None:
        self.until(lambda: self.ask(_LED, f"%:{worker.pid}:%"))

    def client(self, url: str) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def await_calm(self) -> None:
        """Until the followers have come to the end of the log, and nothing is due any more."""

        def calm() -> Any:
            self.watch()
            return self.ask(_CALM, sorted(FOLLOWERS))

        self.until(calm, within=45.0)

    def prove(self, told: str = "") -> None:
        """All that clients were ever told is true, once it is calm."""
        self.await_calm()
        found = [*self._violations(), *self._unforeseen()]
        counts = {
            **self.history.counts(),
            "kills": self.crashes + sum(program.kills for program in (*self.apis, *self.workers)),
        }
        _log.info("%s %s", told, counts)
        assert not found, "\n".join([told, *found[:20]])

    def _violations(self) -> list[str]:
        async def check() -> list[str]:
            connection = await asyncpg.connect(self.postgres.url(admin=True))
            try:
                return violations(self.history, await read(connection), steps=STEPS)
            finally:
                await connection.close()

        return asyncio.run(check())

    def _unforeseen(self) -> Iterator[str]:
        """Errors that a program logged with a traceback: nobody had thought of them.

        arq's own are left out: it speaks so of every job that took too long.
        """
        for program in (*self.apis, *self.workers):
            for line in program.log.read_text().splitlines():
                said = json.loads(line) if '"exception"' in line else {"level": "none"}
                if said["level"] in {"error", "critical"} and not said.get("logger", "").startswith("arq"):
                    yield f"{program.name}: {said['event']}\n{said['exception']}"

    async def _prepare(self) -> None:
        await self.postgres.prepare()
        await migrate(self.postgres.url(admin=True))
        pool = await open_pool(self.postgres.url())
        self.token = await ensure_admin_key(pool, now=utc_now()) or ""
        await pool.close()

    def _program(self, role: str, number: int, own: Mapping[str, str]) -> Killable:
        home = Home(self._ground / f"kills-{role}-{number}")
        return Killable(role, home, {**self._environment, **own})
