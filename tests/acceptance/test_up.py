"""`pulseops up` as a newcomer runs it: one command, real parts, Ctrl-C, and what a SIGKILL leaves behind."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
import pytest

from pulseops.up.home import is_private
from pulseops.up.processes import Mark, wait_until

PATIENCE = 90.0  # seconds; a warm start takes a few, a busy machine many more


class Up:
    """The command, its output line by line, and a client."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home, self.lines = home, list[str]()
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PULSEOPS_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pulseops", "up", "--home", home, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        limit = time.monotonic() + PATIENCE
        while True:
            for line in self.lines:
                if found := re.search(pattern, line):
                    return found
            try:
                line_or_end = self._queue.get(timeout=max(0.0, limit - time.monotonic()))
            except Empty:
                line_or_end = None
            assert line_or_end is not None, f"never said {pattern!r}:\n{self.said}"
            self.lines.append(line_or_end)

    def ready(self) -> "Up":
        self.wait_for(r"Ctrl-C; the data stay")
        return self

    @property
    def said(self) -> str:
        return "".join(self.lines)

    @property
    def url(self) -> str:
        return str(json.loads((self.home / "api.json").read_text())["url"])

    @property
    def marks(self) -> dict[str, Mark | None]:
        return {path.name: Mark.read(path) for path in (self.home / "run").iterdir()}

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        key = (self.home / "admin.key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        try:
            return self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            while (line := self._queue.get(timeout=10)) is not None:
                self.lines.append(line)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                self._queue.put(line)
        self._queue.put(None)


RULES = """\
escalation:
  version: impatient-1
  policies:
    - name: critical
      when: {priority: critical}
      steps:
        - {after: 1s, to: "{team} lead"}
"""


EARLY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class CtrlC:
    def find_spec(self, name, *_):
        if name == "pulseops.cli.app":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
from pulseops.__main__ import main
main()
"""
"""Ctrl-C while the command line is being imported."""


class Keeper:
    """One `up` for all tests; a test that ends it leaves the next one to start it again."""

    def __init__(self, ground: Path) -> None:
        self.place, self._rules = ground / "whose häuschen" / "up", ground / "impatient.yaml"
        self._rules.write_text(RULES)
        self._up: Up | None = None

    def start(self) -> Up:
        self._up = Up(self.place, "--port", "0", "--rules", str(self._rules))
        return self._up.ready()

    def running(self) -> Up:
        return self._up if self._up is not None and self._up.process.poll() is None else self.start()

    def end(self) -> None:
        if self._up is not None and self._up.process.poll() is None:
            self._up.end()


@pytest.fixture(scope="module")
def keeper(ground: Path) -> Iterator[Keeper]:
    kept = Keeper(ground)
    yield kept
    kept.end()


@pytest.fixture
def place(keeper: Keeper) -> Path:
    return keeper.place


@pytest.fixture
def up(keeper: Keeper) -> Up:
    return keeper.running()


def test_the_banner_says_where_everything_is(up: Up, place: Path) -> None:
    assert up.wait_for(r"API  +(http://127\.0\.0\.1:\d+)$")[1] == up.url
    assert up.wait_for(r"API docs  +(\S+)")[1] == f"{up.url}/docs"
    assert up.wait_for(r"Data  +(.+)  \(")[1].endswith("/up")
    shown = up.wait_for(r"Admin key  +(.+)")[1]
    assert shown in {(place / "admin.key").read_text().strip(), f"in {place / 'admin.key'}"}
    assert is_private(place / "admin.key")


def test_a_first_incident_is_created_classified_and_assigned(up: Up) -> None:
    status, incident = up.call("POST", "/incident", {"title": "Database is down", "priority": "critical"})
    assert status == 201
    status, found = up.call("GET", f"/incident/{incident['id']}")
    assert status == 200
    assert [entry["event"] for entry in found["timeline"]] == ["CREATED", "CLASSIFIED", "ASSIGNED"]


def test_it_is_wholly_well(up: Up) -> None:
    assert wait_until(lambda: up.call("GET", "/health/ready")[1]["status"] == "ok", 20)


def test_a_terminal_of_few_letters_is_told_all_the_same(ground: Path) -> None:
    environ = os.environ | {"PYTHONIOENCODING": "ascii"}
    for words in (["doctor", "--home", str(ground / "none")], ["up", "--port", "80000"]):
        ran = subprocess.run(
            [sys.executable, "-m", "pulseops", *words],
            capture_output=True,
            text=True,
            check=False,
            env=environ,
        )
        assert "Traceback" not in ran.stderr
        assert "python" in ran.stdout or "80000" in ran.stdout


def test_a_ctrl_c_before_anything_has_begun_leaves_no_traceback() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (ran.returncode, ran.stderr) == (-signal.SIGINT, "")


def test_a_second_up_on_the_same_home_says_who_runs_there(up: Up, place: Path) -> None:
    second = Up(place)
    assert second.process.wait(PATIENCE) == 1
    second.wait_for(rf"already runs from {re.escape(str(place))} at {up.url} \(process {up.process.pid}\)")
    assert up.call("GET", "/health/live")[0] == 200


def test_a_port_that_was_asked_for_and_is_taken_is_refused(ground: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = Up(ground / "up-port", "--port", str(taken.getsockname()[1]))
        assert other.process.wait(PATIENCE) == 1
        other.wait_for(rf"Cannot listen on 127.0.0.1 port {taken.getsockname()[1]}")


def test_rules_that_cannot_be_used_are_refused_with_their_line(ground: Path) -> None:
    rules = ground / "rules.yaml"
    rules.write_text("assignment:\n  version: mine-1\n  rooutes: []\n")
    other = Up(ground / "up-rules", "--rules", str(rules))
    assert other.process.wait(PATIENCE) == 1
    other.wait_for(r"rules\.yaml:3: ")


def test_no_secret_is_in_a_command_line_or_a_log(up: Up, place: Path) -> None:
    servers = json.loads((place / "servers.json").read_text())
    secrets = [value for value in servers.values() if isinstance(value, str)]
    secrets.append((place / "admin.key").read_text().strip())
    marks = [mark for mark in up.marks.values() if mark is not None]
    assert len(marks) == 4
    texts = [Path(f"/proc/{mark.pid}/cmdline").read_text() for mark in marks]
    texts += [log.read_text() for log in (place / "logs").iterdir()]
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_further_keys_are_made_in_the_database_that_it_keeps(up: Up, place: Path) -> None:
    environ = os.environ | {"PULSEOPS_HOME": str(place)}
    words = [sys.executable, "-m", "pulseops", "key", "list"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, env=environ)
    assert ran.returncode == 0
    assert "admin" in ran.stdout


def test_an_analyst_gets_a_login_and_reads_with_it(up: Up, place: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PULSEOPS_")}
    asked = subprocess.run(
        [sys.executable, "-m", "pulseops", "analyst", "create", "ana"],
        capture_output=True,
        text=True,
        check=False,
        env=environ | {"PULSEOPS_HOME": str(place)},
    )
    assert asked.returncode == 0, asked.stderr
    with psycopg.connect(asked.stdout.strip()) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM analytics.log").fetchall()
    assert count == 1


def test_the_doctor_finds_it_healthy(up: Up, place: Path) -> None:
    words = [sys.executable, "-m", "pulseops", "doctor", "--home", str(place), "--json"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    report = json.loads(ran.stdout)
    verdicts = {one["check"]: one["verdict"] for one in report["findings"]}
    assert (ran.returncode, report["healthy"]) == (0, True)
    assert {verdicts[check] for check in ("up", "api", "database", "schema", "redis", "rules")} == {"ok"}


@pytest.mark.parametrize("name", ["api", "worker", "redis", "postgres"])
def test_a_part_that_dies_is_started_again(up: Up, name: str) -> None:
    before = up.marks[name]
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    up.wait_for(rf"{name} was killed by signal 9; starting it again")
    up.wait_for(rf"{name} is running again")
    assert wait_until(lambda: _created(up), PATIENCE)


def _created(up: Up) -> bool:
    try:
        return up.call("POST", "/incident", {"title": "Still there?"})[0] == 201
    except (OSError, http.client.HTTPException):
        return False


def test_nobody_answers_so_it_escalates_until_somebody_resolves_it(up: Up) -> None:
    path = f"/incident/{up.call('POST', '/incident', {'title': 'Fire', 'priority': 'critical'})[1]['id']}"
    assert wait_until(lambda: up.call("GET", path)[1]["escalationLevel"] == 1, PATIENCE)
    assert up.call("POST", f"{path}/resolve", {"note": "Water."})[0] == 200
    told = up.call("GET", path)[1]
    events = [entry["event"] for entry in told["timeline"]]
    assert events == ["CREATED", "CLASSIFIED", "ASSIGNED", "ESCALATED", "RESOLVED"]
    assert told["timeline"][3]["details"]["decision"]["rulesVersion"].startswith("impatient-1~")


def test_after_a_kill_the_next_start_finds_the_data_and_ctrl_c_ends_everything(
    up: Up, keeper: Keeper
) -> None:
    incident = up.call("POST", "/incident", {"title": "Remember me"})[1]
    left = [mark for mark in up.marks.values() if mark is not None]
    up.end(signal.SIGKILL)
    began = time.monotonic()
    again = keeper.start()
    took = time.monotonic() - began
    assert not [mark for mark in left if mark.runs()]
    assert again.call("GET", f"/incident/{incident['id']}")[1]["title"] == "Remember me"
    assert again.wait_for(r"Admin key  +(.*)")[1] == f"in {keeper.place / 'admin.key'}"
    mine = [mark for mark in again.marks.values() if mark is not None]
    assert again.end(signal.SIGINT) == 0
    assert "Stopped. The data stay." in again.said
    assert not [mark for mark in mine if mark.runs()]
    assert not (keeper.place / "api.json").exists()
    assert took < 15, again.said
