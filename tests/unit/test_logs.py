"""Logs: one line a thing that happened, whatever a caller wrote into it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pulseops.logs import harmless

_PROGRAM = """
import logging, structlog
from pulseops import logs
logs.configure({format!r}, "info")
log = structlog.get_logger()
structlog.contextvars.bind_contextvars(correlationId="c-1")
log.info("event stored", title='a\\r\\n{{"level":"ERROR"}}', ansi="\\x1b[31mred\\x9b0m", rtl="\\u202eabc",
         dsn="postgresql://u:hunter2@h/d", key="pulseops_ab12_SECRET-xyz")
log.debug("not shown")
logging.getLogger("uvicorn.error").warning("line\\nbreak %s", "\\x1b[0m")
logging.getLogger("uvicorn.access").info("GET /incidents?cursor=hunter2")
try:
    raise ValueError("pulseops_ab12_SECRET-xyz\\x1b[31m")
except ValueError:
    log.exception("failed")
"""


def _run(log_format: str) -> str:
    program = _PROGRAM.format(format=log_format)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_and_no_terminal_sequence_reaches_the_log(log_format: str) -> None:
    written = _run(log_format)
    assert "hunter2" not in written
    assert "SECRET" not in written
    assert "pulseops_ab12_***" in written
    assert all(one.isprintable() or one == "\n" for one in written)


def test_every_json_line_is_one_event_with_its_context() -> None:
    lines = [json.loads(line) for line in _run("json").splitlines()]
    assert [line["event"] for line in lines] == ["event stored", "line\\nbreak \\x1b[0m", "failed"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert {line["correlationId"] for line in lines} == {"c-1"}
    assert "ValueError" in lines[2]["exception"]


def test_plain_text_is_left_alone() -> None:
    assert harmless("Größe 100 % ok ✓") == "Größe 100 % ok ✓"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_full_disk_costs_lines_and_nothing_else(log_format: str) -> None:
    """A raised error would end what wrote the line: the writer of the log, a subscription, `up` itself."""
    program = _PROGRAM.format(format=log_format) + "print('went on')\n"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert done.stdout == "went on\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_up_goes_on_when_what_it_says_cannot_be_written() -> None:
    program = "from pulseops.up.voice import Voice; Voice().warn('api was killed'); import os; os._exit(7)"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", program], stdout=full, check=False)
    assert done.returncode == 7
