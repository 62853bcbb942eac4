"""PulseOps in real processes, each of which may be killed and is on our leash: nothing outlives the tests."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from pulseops.audit import keyfile
from pulseops.publishing.folder import Folder
from pulseops.up.home import Home
from pulseops.up.processes import wait_until
from tests.faults.audited import Auditor
from tests.faults.clocks import FakeClock
from tests.faults.clockwork import Policies, Terms
from tests.faults.history import History
from tests.faults.load import PATIENCE
from tests.faults.pressure import Pressure
from tests.faults.programs import Killable, importing, inherited, lives, quiet_port, speaks_from
from tests.faults.questions import (
    AT_WORK,
    CALM,
    ESCALATIONS,
    LEADER,
    LED_BY_OTHERS,
    NAMES,
    ON_THE_BOARD,
    WRITER,
)
from tests.faults.reporter import Reporter
from tests.faults.site import NEVER_MIND, Site
from tests.faults.wire import Exchange, Wire

_SECOND = timedelta(seconds=1)
POLICIES: Policies = {
    "critical": Terms(steps=(_SECOND, _SECOND)),
    "high": Terms(steps=(_SECOND,), repeat=1, unacknowledge_after=_SECOND),
    "medium": Terms(steps=(_SECOND,), unacknowledge_after=_SECOND, resolve_after=2 * _SECOND),
}
RULES = """
escalation:
  version: "faults-1"
  policies:
    - name: critical
      when: {priority: critical}
      steps: [{after: 1s, to: "{team} second on call"}, {after: 1s, to: "{team} lead"}]
    - name: high
      when: {priority: high}
      steps: [{after: 1s, to: "{team} second on call"}]
      repeat: 1
      unacknowledge_after: 1s
    - name: medium
      when: {priority: medium}
      steps: [{after: 1s, to: "{team} second on call"}]
      unacknowledge_after: 1s
      resolve_after: 2s
"""


class Stack:
    """One PostgreSQL, one Redis, two APIs and two workers. The second of each have a wire to PostgreSQL."""

    def __init__(self, ground: Path, *, clocks: Sequence[FakeClock] = (), planted: str = "") -> None:
        """`clocks`: PostgreSQL's and the first worker's. `planted` names a bug that the programs have."""
        self._ground, self._planted = ground, planted
        self.site = Site(ground, clock=clocks[0] if clocks else None)
        self.clocks = clocks
        self.history = History()
        self.token = ""
        rules = ground / "rules.yaml"
        rules.write_text(RULES)
        self._environment = {**inherited(ground), "PULSEOPS_RULES": str(rules), "PULSEOPS_RATE_LIMIT": "0"}
        keys = keyfile.make(ground / "audit.key")
        self.place = ground / "published"
        self.place.mkdir()
        self.auditor = Auditor(keys, Folder(self.place))
        self.exchange = Exchange()
        self.wires: list[Wire] = []
        self.urls: list[str] = []
        self.apis: list[Killable] = []
        self.workers: list[Killable] = []
        self.reports = 0

    def build(self) -> None:
        with importing(self._environment):
            self.token = self.site.build()
        postgres, redis = self.site.postgres, self.site.redis
        if redis is not None:
            self._environment["PULSEOPS_REDIS_URL"] = redis.url
        direct = postgres.url()
        self.wires = [self.exchange.lay(postgres.port) for _ in range(2)]
        by_wire = [direct.replace(f":{postgres.port}/", f":{wire.port}/") for wire in self.wires]
        for number, (to_api, to_worker) in enumerate(((direct, direct), (by_wire[0], by_wire[1]))):
            port = str(quiet_port())
            self.urls.append(f"http://127.0.0.1:{port}")
            self.apis.append(
                self._program("api", number, {"PULSEOPS_PORT": port, "PULSEOPS_DATABASE_URL": to_api})
            )
            own = dict(self.clocks[1].environment) if self.clocks and number == 0 else {}
            own["PULSEOPS_DATABASE_URL"] = to_worker
            self.workers.append(self._program("worker", number, own))
        self._environment["PULSEOPS_DATABASE_URL"] = direct

    @property
    def programs(self) -> list[Killable]:
        return [*self.apis, *self.workers]

    @property
    def kills(self) -> int:
        return self.site.crashes + sum(program.kills for program in self.programs)

    def mend(self) -> None:
        """Whatever a fault before has left dead, frozen, full or cut."""
        self.site.mend()
        for program in self.programs:
            if program.pid and program.ended() is None:
                program.thaw()
            else:
                program.start()
        self.await_apis()
        self.await_workers()

    def watch(self) -> None:
        """As whoever runs PulseOps does: a program that found no database when it began is started again."""
        for program in self.programs:
            if program.ended() is not None:
                program.start()

    def tear_down(self) -> None:
        for program in self.programs:
            program.stop(hurry=True)
        self.exchange.close()
        self.site.tear_down()

    def pressure(
        self, name: str, *, most: int = 4_000, seconds: float = 60.0, urgent: bool = True
    ) -> Pressure:
        """Load that ends by itself after so many tries or seconds. `name` seeds it, and begins its keys.

        Without `urgent` incidents there is nothing to escalate, and it is calm soon.
        """
        return Pressure(
            self.urls, self.token, self.history, name=name, most=most, seconds=seconds, urgent=urgent
        )

    def restart(self, *doomed: Killable) -> None:
        for program in doomed:
            program.kill()
        for program in doomed:
            program.start()

    def kill_writer(self) -> None:
        """SIGKILL to the backend that appended last: PostgreSQL drops everybody, and recovers by itself."""
        os.kill(self.answer(WRITER), signal.SIGKILL)
        self.site.crashes += 1

    def leader(self) -> Killable:
        """The worker that has most of the leases."""
        pid = self.answer(LEADER, [worker.pid for worker in self.workers])
        return next(worker for worker in self.workers if worker.pid == pid)

    def at(self, port: int) -> Killable:
        """The program that speaks to PostgreSQL from this port, be it by wire."""
        origin = next((found for wire in self.wires if (found := wire.origin(port))), port)
        return next(program for program in self.programs if speaks_from(program.pid, origin))

    @contextmanager
    def more_workers(self, more: int) -> Iterator[None]:
        """So many besides the usual two, for a while."""
        added = [self._program("worker", len(self.workers) + number, {}) for number in range(more)]
        self.workers += added
        try:
            for worker in added:
                worker.start()
            yield
        finally:
            for worker in added:
                worker.kill()
                self.workers.remove(worker)

    def ask(self, question: str, *arguments: Any) -> Any:
        return self.site.ask(question, *arguments)

    def answer(self, question: str, *arguments: Any, within: float = 15.0) -> Any:
        """Asked until there is one."""
        found: list[Any] = []

        def there_is() -> bool:
            found.append(self.ask(question, *arguments))
            return found[-1] is not None

        self.until(there_is, within)
        return found[-1]

    def until(self, true: Callable[[], Any], within: float = 60.0, *, pause: float = 0.1) -> None:
        """A database that is away has not answered."""

        def answered() -> bool:
            try:
                return bool(true())
            except NEVER_MIND:
                return False

        assert wait_until(answered, within, lambda _: time.sleep(pause)), (
            f"{true.__qualname__}: not within {within} s"
        )

    def until_not(self, true: Callable[[], Any], within: float = 30.0) -> None:
        """Until the question is not answered any more."""

        def silent() -> bool:
            try:
                true()
            except NEVER_MIND:
                return True
            return False

        assert wait_until(silent, within), f"still answered after {within} s"

    def await_apis(self) -> None:
        """Until each of them answers."""
        for url in self.urls:
            assert wait_until(partial(lives, url), 30.0), f"{url} is away"

    def await_escalations(self, more: int) -> None:
        goal = self.ask(ESCALATIONS) + more
        self.until(lambda: self.ask(ESCALATIONS) >= goal)

    def await_workers(self) -> None:
        """Until all are alive, and every follower has a leader."""

        def at_work() -> Any:
            self.watch()
            return self.ask(AT_WORK, [worker.pid for worker in self.workers])

        self.until(at_work)

    def await_leaders_other_than(self, worker: Killable) -> None:
        self.until(lambda: self.ask(LED_BY_OTHERS, f"%:{worker.pid}:%"))

    def await_calm(self, within: float = 45.0) -> None:
        """Until the followers have come to the end of the log, and nothing is due any more."""

        def calm() -> Any:
            self.watch()
            return self.ask(CALM, NAMES)

        self.until(calm, within)

    def recovery(self) -> float:
        """Seconds until every API has acknowledged a new report, and all these are on the board."""
        begun = time.monotonic()
        seen = []
        for url in self.urls:
            self.reports += 1
            with self.client(url) as server:
                reporter = Reporter(server, self.history, f"recovery-{self.reports}")
                assert wait_until(self._watched(reporter.succeeds), 30.0), f"{url} acknowledges nothing"
            seen.append(reporter.incident)
        self.until(self._watched(lambda: self.ask(ON_THE_BOARD, seen) == len(seen)), pause=0.02)
        return time.monotonic() - begun

    def client(self, url: str) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def _watched(self, question: Callable[[], bool]) -> Callable[[], bool]:
        def asked() -> bool:
            self.watch()
            return question()

        return asked

    def _program(self, role: str, number: int, own: Mapping[str, str]) -> Killable:
        home = Home(self._ground / f"{role}-{number}")
        signs = {
            "PULSEOPS_AUDIT_KEY": str(self._ground / "audit.key"),
            "PULSEOPS_AUDIT_PUBLISH": str(self.place),
            "PULSEOPS_AUDIT_PUBLISH_EVERY": "1",
        }
        more = {} if role == "api" else signs
        return Killable(role, home, {**self._environment, **more, **own}, planted=self._planted)
