"""What a command does not need, it does not load: it would take longer to start than to run."""

import json
import subprocess
import sys

import pytest

HEAVY = frozenset(
    {"alembic", "arq", "asyncpg", "httpx", "litestar", "matplotlib", "obstore", "prometheus_client"}
    | {"pyarrow", "redis", "sqlalchemy", "uvicorn", "yaml"}
)
SPEAKS = {"httpx"}
"""To the API."""
READS = {"asyncpg"} | SPEAKS
"""What an operator can reach of the database."""
LEADS = READS | {"prometheus_client"}
"""What follows history, which is measured."""
SERVES = {"asyncpg", "httpx", "prometheus_client", "redis", "yaml"}

COMMANDS = {
    "incident": SPEAKS,
    "stream": SPEAKS,
    "team": SPEAKS,
    "service": SPEAKS,
    "diff": SPEAKS,
    "access": SPEAKS,
    "rules": SPEAKS | {"yaml"},
    "whoami": SPEAKS,
    "classifier": SPEAKS | {"yaml"},
    "report": SPEAKS,
    "key": READS,
    "analyst": READS,
    "users": SPEAKS,
    "logs": READS,
    "projections": LEADS | {"yaml"},
    "subscriptions": READS,
    "audit": READS,
    "audit verify": READS,
    "events": READS,
    "events export": READS,
    "events import": LEADS | {"alembic", "sqlalchemy", "yaml"},  # it may have to migrate
    "replay": LEADS | {"sqlalchemy", "yaml"},
    "up": set[str](),
    "api": set[str](),
    "worker": set[str](),
    "migrate": set[str](),
    "doctor": set[str](),
}
PROCESSES = {
    "pulseops.app": SERVES | {"litestar", "uvicorn"},
    "pulseops.worker": SERVES | {"arq"},
}
# Each in a child of one process that has loaded what all of them need.
_EACH = """
import json, os, sys
from pulseops.cli.app import app
names = [name for name in app if not name.startswith("-")]
told = {}
for name in [*names, *sys.argv[1:]]:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            app([*name.split(), "--help"])
        finally:
            os.write(writing, " ".join({name.partition(".")[0] for name in sys.modules}).encode())
            os._exit(0)
    os.close(writing)
    told[name] = os.fdopen(reading).read().split()
print(json.dumps(told))
"""


def test_each_command_loads_only_what_it_needs() -> None:
    below = [name for name in COMMANDS if " " in name]
    asked = [sys.executable, "-c", _EACH, *below]
    found = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    assert set(found) == set(COMMANDS)
    loaded = {name: HEAVY & set(modules) for name, modules in found.items()}
    assert {name: some - COMMANDS[name] for name, some in loaded.items() if some - COMMANDS[name]} == {}


@pytest.mark.parametrize("process", PROCESSES)
def test_each_process_loads_only_what_it_needs(process: str) -> None:
    asked = f"import sys, {process}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert HEAVY & set(found.stdout.split()) - PROCESSES[process] == set()
