"""The benchmark suite from outside, as a person starts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_a_quick_run_says_what_was_measured_and_writes_it_down(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "append", "--quick", "--json", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "append, 64 callers" in done.stdout
    lines = json.loads(out.read_text())
    assert [line["name"] for line in lines] == ["append-64", "append-256"]
    assert all(line["ratio"] > 0 and line["verdict"] in {"aim", "reach", "short"} for line in lines)


def test_a_bench_that_is_not_there_is_said_and_the_others_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "apend"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "No such bench: apend. There are: append" in done.stdout
