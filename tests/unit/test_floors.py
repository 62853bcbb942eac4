"""The floor plan holds only as long as every contract of it can be broken."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]

TRESPASSES = {
    "db/trespass.py": "import pulseops.incidents.events",  # up a floor
    "kernel/trespass.py": "import asyncio",  # out of the pure core
    "incidents/trespass.py": "import arq\nimport litestar\nimport sqlalchemy",  # where one may not
    "client/trespass.py": "import pulseops.db.pools",  # to a server's library, by a detour
    "escalation/trespass.py": "import pulseops.incidents.decider",  # into a private file
    "classification/here.py": "import pulseops.classification.there",  # a circle
    "classification/there.py": "import pulseops.classification.here",
}


def test_every_contract_is_broken_by_a_trespass(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pulseops", tmp_path / "pulseops", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in TRESPASSES.items():
        (tmp_path / "pulseops" / name).write_text(text)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as go; go()", "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 1, checked.stderr
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", checked.stdout, re.MULTILINE))
    assert verdicts == {contract["name"]: "BROKEN" for contract in contracts}


def test_the_floor_plan_in_the_documentation_is_the_one_that_is_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    checked = [sorted(re.findall(r"\w+", layer)) for layer in contracts[0]["layers"]]
    drawn = re.findall(r"^\| \d+ \| (.+?) \|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    assert [sorted(re.findall(r"\w+", floor)) for floor in drawn] == checked
