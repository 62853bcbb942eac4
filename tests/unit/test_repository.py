"""The repository keeps its own promises."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pulseops.db import objects

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pulseops"
DEMO = "pip install uv && uv run pulseops up --demo"
TESTS = "pip install uv && uv run pytest"

# Spelt so that this file does not name them.
HOSTS = ("pypi[.]org", "pythonhoste[d]", "npmj[s]", "jsdeliv[r]", "unpk[g]", "(ghcr|docker|quay)[.]io")
PLACES = ("/wo[r]k/", "/ro[o]t/", "/tmp/w[t]", "/ho[m]e/", "/Use[r]s/")
STORED_AS_IT_CAME = re.compile(r"/static/")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def in_git() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a clone")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_readme_gives_the_two_commands_and_ci_runs_them() -> None:
    readme = (ROOT / "README.md").read_text()
    assert DEMO in readme
    assert TESTS in readme
    steps = (ROOT / ".ci" / "run").read_text()
    assert "pip install --quiet uv" in steps
    assert f"step {TESTS.partition(' && ')[2]}\n" in steps
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    forbidden = re.compile("|".join((*HOSTS, *PLACES)))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in in_git()
        if not STORED_AS_IT_CAME.search(str(path))
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if forbidden.search(line)
    ]
    assert found == []


def test_no_lock_file_is_in_git() -> None:
    assert "uv.lock" not in {path.name for path in in_git()}


def test_every_package_that_is_installed_is_pinned_to_what_was_tested(project: dict[str, Any]) -> None:
    pins: dict[str, str] = {
        canonicalize_name(pin.name): str(pin.specifier)
        for pin in map(Requirement, project["tool"]["uv"]["constraint-dependencies"])
    }
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *(one for group in groups.values() for one in group)]
    installed = dict(closure(wanted))
    missing = [f'"{name}=={version}",' for name, version in sorted(installed.items()) if name not in pins]
    assert missing == [], "add them to [tool.uv] constraint-dependencies in pyproject.toml"
    assert {name: f"=={version}" for name, version in installed.items()} == {
        name: pins[name] for name in installed
    }


def closure(requirements: list[str]) -> Iterator[tuple[str, str]]:
    """What `requirements` need on this machine, directly and in turn: name and installed version."""
    waiting = [Requirement(one) for one in requirements]
    seen: set[str] = set()
    while waiting:
        one = waiting.pop()
        asked = f"{canonicalize_name(one.name)}[{','.join(sorted(one.extras))}]"
        environments = [{"extra": extra} for extra in ("", *one.extras)]
        if asked in seen or (one.marker is not None and not one.marker.evaluate({"extra": ""})):
            continue
        seen.add(asked)
        try:
            found = distribution(one.name)
        except PackageNotFoundError:
            continue
        yield canonicalize_name(one.name), found.version
        for further in map(Requirement, found.requires or ()):
            marker = further.marker
            if marker is None or any(marker.evaluate(environment) for environment in environments):
                further.marker = None
                waiting.append(further)


def test_every_sql_file_is_applied_and_every_listed_file_is_there() -> None:
    files = {str(path.relative_to(PACKAGE)) for path in PACKAGE.glob("*/sql/*.sql")}
    lists = [value for name, value in vars(objects).items() if name.isupper() and isinstance(value, tuple)]
    applied = {name for one in lists for name in one}
    # What the embedded launcher runs is no part of a database's schema.
    assert {name for name in files if not name.startswith("up/")} == applied


def test_an_sql_file_that_makes_a_function_makes_the_one_it_is_named_after() -> None:
    made = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)\.(\w+)", re.IGNORECASE)
    # Some rooms keep what is theirs in the schema of a room below.
    below = {"subscriptions": "eventstore", "projections": "eventstore", "archive": "audit"}
    for path in PACKAGE.glob("*/sql/*.sql"):
        names = set(made.findall(path.read_text()))
        room = path.parts[-3]
        assert names <= {(below.get(room, room), path.stem)}, path


def test_no_file_of_ours_is_longer_than_300_lines() -> None:
    longest = {"pulseops/archive/alone.py": 570}  # is carried away as one file
    long = {
        name: count
        for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql"))
        if (count := len(path.read_text().splitlines()))
        > longest.get(name := str(path.relative_to(ROOT)), 300)
    }
    assert long == {}


def test_the_changelog_speaks_of_the_version_that_is_being_built(project: dict[str, Any]) -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == project["project"]["version"]


def test_no_test_file_is_imported_by_another() -> None:
    """What tests share lies in a file named for what it is."""
    imports = re.compile(r"^\s*(?:from|import) tests\.[\w.]*\btest_\w+", re.MULTILINE)
    found = {
        str(path.relative_to(ROOT)): imports.findall(text)
        for path in (ROOT / "tests").rglob("*.py")
        if imports.search(text := path.read_text())
    }
    assert found == {}
