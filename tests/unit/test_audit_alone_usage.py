"""The program that an auditor carries away, called with what is not there or is something else."""

import subprocess
import sys
from pathlib import Path

import pytest

from pulseops.archive import alone
from pulseops.audit.note import Signer


def ran(folder: Path, *words: str) -> tuple[int, str]:
    found = subprocess.run(
        [sys.executable, "-I", alone.__file__, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert "Traceback" not in found.stderr
    return found.returncode, found.stderr.splitlines()[-1].partition("error: ")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("there", "--key", "none.pub"), "none.pub cannot be read: No such file or directory"),
        (("none", "--key", "audit.pub"), "none cannot be read: No such file or directory"),
        (("there", "--key", "audit.pub", "--against", "."), ". cannot be read: Is a directory"),
        (("there", "--key", "there"), "there: 'words' is no public key of Ed25519 for signed notes"),
        (("there", "--key", "bytes"), "bytes: it is no text"),
    ],
)
def test_what_is_wrong_is_named_once_and_in_words(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "there").write_text("words")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "audit.pub").write_text(f"{Signer.new('pulseops/origin').verifier}\n")
    assert ran(tmp_path, *words) == (2, said)
