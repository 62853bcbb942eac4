"""What the documents say is so: pages made from the code are fresh, and what is named is there."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from docs.generate import PAGES, written
from pulseops.eventstore import metrics as _eventstore  # noqa: F401  -- registers what it measures
from pulseops.http import metrics as _http  # noqa: F401
from pulseops.live import metrics as _live  # noqa: F401
from pulseops.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pulseops"
DOCUMENTS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|sql|md|yaml|yml|toml|jsonl)")
FOLDER = re.compile(r"(?:tests|docs|migrations|pulseops)(?:/[\w.-]+)*/?|\w+/sql/")
SQL_FUNCTION = re.compile(r"(\w+)\.(\w+_v\d+)(?:\(.*\))?")
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]+)?\)")


def prose(document: Path) -> str:
    return FENCED.sub("", document.read_text())


def is_there(name: str) -> bool:
    """In the repository, in the package or, a bare name, in any room."""
    if (ROOT / name).exists() or (PACKAGE / name).exists():
        return True
    return "/" not in name and any(PACKAGE.rglob(name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_that_is_made_from_the_code_says_what_the_code_says(page: Path) -> None:
    assert page.read_text() == written(page), "it is stale: run `uv run python docs/generate.py`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    named = QUOTED.findall(prose(document))
    files = [name for name in named if FILE.fullmatch(name) or FOLDER.fullmatch(name)]
    functions = [found for name in named if (found := SQL_FUNCTION.fullmatch(name))]
    missing = {name for name in files if not is_there(name)}
    missing |= {one[0] for one in functions if not (PACKAGE / one[1] / "sql" / f"{one[2]}.sql").exists()}
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    astray = {
        f"{target}{anchor}"
        for target, anchor in LINK.findall(prose(document))
        if "://" not in target and not leads(document.parent / target, anchor.removeprefix("#"))
    }
    assert astray == set()


def leads(target: Path, anchor: str) -> bool:
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_the_index_of_decisions_has_each_under_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = dict(re.findall(r"^\d+\. \[(.+)\]\((.+)\)$", (folder / "README.md").read_text(), re.MULTILINE))
    written_down = {
        path.read_text().partition("\n")[0].partition(". ")[2]: path.name
        for path in sorted(folder.glob("0*.md"))
    }
    assert listed == written_down


def test_the_operators_page_has_every_setting_with_its_default() -> None:
    rows = dict(re.findall(rf"^\| `{PREFIX}(\w+)` \| (.*?) \|", OPERATIONS, re.MULTILINE))
    plain = Settings(home=Path("~/.pulseops"))
    unset: dict[object, str] = {None: "", False: "`false`"}
    wanted = {}
    for name in Settings.__struct_fields__:
        value = "~/.pulseops" if name == "home" else getattr(plain, name)
        wanted[name.upper()] = unset.get(value, f"`{value}`")
    assert rows == wanted


def test_the_operators_page_has_every_measurement() -> None:
    measured = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in REGISTRY.collect()
        if metric.name.startswith("pulseops_")
    }
    assert set(re.findall(r"^\| `(pulseops_\w+)` \|", OPERATIONS, re.MULTILINE)) == measured


def test_the_log_lines_that_operators_are_told_to_look_for_are_written() -> None:
    told = re.findall(r"^\| `([^`]+)` \| (?:info|warning|error|critical) \|", OPERATIONS, re.MULTILINE)
    code = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert told
    assert {line for line in told if f'"{line}"' not in code} == set()
