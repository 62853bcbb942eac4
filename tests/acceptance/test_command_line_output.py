"""Standard output that is not as one would wish: closed, full, of few letters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "pulseops")


def ran(*words: str, **told: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*PROGRAM, *words], capture_output=True, check=False, env=os.environ | told)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_cannot_be_written_is_said_in_a_sentence(unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        program = subprocess.run(
            [*PROGRAM, "audit", "verifier"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )
    assert program.stderr == b"What was to be said cannot be written: No space left on device\n"
    assert program.returncode == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_left_hears_no_traceback_and_nobody_hears_that_all_is_well(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        program = subprocess.run(
            [*PROGRAM, "audit", "verifier"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )
    finally:
        os.close(writing)
    assert (program.returncode, program.stderr) == (141, b"")


@pytest.mark.parametrize("letters", ["ascii", "latin-1", "utf-16"])
def test_a_document_is_the_same_whatever_letters_a_terminal_has(letters: str) -> None:
    usual = ran("audit", "verifier", PYTHONIOENCODING="utf-8")
    assert ran("audit", "verifier", PYTHONIOENCODING=letters).stdout == usual.stdout
    assert "—".encode() in usual.stdout
