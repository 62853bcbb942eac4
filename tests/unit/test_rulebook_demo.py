"""The demo's incidents: real, credited, and worth watching."""

from collections import Counter
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from pulseops.classification.rules import Classifier, classify
from pulseops.incidents.commands import Classify, Create
from pulseops.incidents.events import Created
from pulseops.rulebook.loader import demo_rulebook
from pulseops.up.scenes import SCENES


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    source: str
    license: str
    incident: Create
    author: str | None = None
    changed: bool = False


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    text = (files("pulseops.up") / "demo.jsonl").read_text(encoding="utf-8")
    return [msgspec.json.decode(line, type=Row) for line in text.splitlines()]


def judged(row: Row, classifier: Classifier) -> Classify:
    told = {field: getattr(row.incident, field) for field in Created.__struct_fields__}
    return classify(Created(**told), classifier)


def test_there_are_some_dozens_and_none_is_there_twice(rows: list[Row]) -> None:
    assert 36 <= len(rows) <= 40
    assert len({row.id for row in rows}) == len({row.incident.title for row in rows}) == len(rows)


def test_they_are_varied_and_some_escalate(rows: list[Row]) -> None:
    classifier = demo_rulebook().classification
    results = [judged(row, classifier) for row in rows]
    assert len({result.category for result in results}) >= 9
    priorities = Counter(result.priority for result in results)
    assert min(priorities[priority] for priority in ("critical", "high", "medium", "low")) >= 3
    assert "critical" in {result.priority for result in results[:3]}, "something must soon escalate"


def test_every_source_is_credited_with_its_licence(rows: list[Row]) -> None:
    notice = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
    assert len({row.source for row in rows}) >= 5
    for row in rows:
        entry = notice.partition(f"https://github.com/{row.source} ")[2].partition("\n\n")[0]
        assert {"MIT": "MIT License", "Apache-2.0": "Apache License 2.0"}.get(
            row.license, row.license
        ) in entry
        assert row.license != "DRL-1.1" or row.author, "Sigma's authors are to be named"


def test_every_scene_is_of_a_sample_that_is_reported_by_then(rows: list[Row]) -> None:
    order = [row.id for row in rows]
    assert [scene.after for scene in SCENES] == sorted(scene.after for scene in SCENES)
    for scene in SCENES:
        for sample in filter(None, (scene.sample, scene.into)):
            assert order.index(sample) < scene.after
