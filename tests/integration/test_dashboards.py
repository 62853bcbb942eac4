"""The dashboards of docs/grafana: whatever they ask, a running PulseOps answers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import projectors
from tests.serving import Api

FOLDER = Path(__file__).parents[2] / "docs" / "grafana"
BOARDS = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}

# What Grafana puts in for its own words, somewhere.
_INTERVAL = re.compile(r"\$__(?:rate_interval|interval|range)\b")
_FOLLOWER = re.compile(r'subscription="(\w+)"')
_NAME = re.compile(r"\b(pulseops_\w+)")


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def asked(board: dict[str, Any], key: str) -> Iterator[tuple[str, str]]:
    """The title of each panel with each of its questions."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            if key in target:
                yield panel["title"], target[key]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_can_be_imported_whatever_the_data_source_is_called(name: str) -> None:
    board = BOARDS[name]
    [source] = [one for one in board["templating"]["list"] if one["type"] == "datasource"]
    assert f"PulseOps: {name.removesuffix('.json')}" == board["title"]
    assert "id" not in board, "it would replace somebody else's"
    ids = [panel["id"] for panel in panels(board)]
    assert len(ids) == len(set(ids))
    for panel in panels(board):
        if panel["type"] != "row":
            for one in (panel, *panel["targets"]):
                assert one["datasource"] == {"type": source["query"], "uid": "${datasource}"}, panel["title"]
            assert panel["description"], panel["title"]
            assert "unit" in panel["fieldConfig"]["defaults"], panel["title"]


async def test_every_measurement_that_a_dashboard_shows_is_told_by_a_running_app(api: Api) -> None:
    await api.post("/incident", json={"title": "one that is measured"})
    scraped = (await api.get("/metrics")).text
    # Of those with labels there may be none yet, but what they are is told.
    told = set(re.findall(r"^# TYPE (\w+) ", scraped, re.MULTILINE))
    parts = ("", "_total", "_bucket", "_sum", "_count")
    followers = {projector.name for projector in projectors(load_rulebook(None))}
    shown = set[str]()
    for title, expression in asked(BOARDS["operations.json"], "expr"):
        promql_parser.parse(_INTERVAL.sub("5m", expression))
        names = set(_NAME.findall(expression))
        assert set(_FOLLOWER.findall(expression)) <= followers, title
        assert names, title
        unknown = {
            one for one in names if not any(one.removesuffix(part) in told | {one} & told for part in parts)
        }
        assert unknown == set(), title
        shown |= names
    assert {"pulseops_overdue_seconds", "pulseops_subscription_lag_seconds"} <= shown


def test_an_expression_that_is_none_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum(rate(pulseops_http_requests_total[5m])")
