"""The dashboards of docs/grafana: whatever they ask, a running PulseOps answers."""

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import asyncpg
import promql_parser
import pytest

from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import projectors
from tests.conftest import Database
from tests.integration.led import follow
from tests.integration.logging_in import login
from tests.integration.reported import LIVES, MONDAY, NEXT, report
from tests.past import remembered
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
    assert {one for one in told if one.startswith("pulseops_audit_")} <= shown


@pytest.mark.parametrize("name", BOARDS)
def test_no_two_panels_lie_on_each_other(name: str) -> None:
    taken = dict[tuple[int, int], str]()
    for panel in panels(BOARDS[name]):
        at = panel["gridPos"]
        for place in product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert place[0] < 24, panel["title"]
            assert taken.setdefault(place, panel["title"]) == panel["title"], panel["title"]


# What Grafana's PostgreSQL source makes of its macros.
_MACROS = (
    (re.compile(r"\$__timeFilter\((\w+)\)"), r"\1 BETWEEN $__timeFrom() AND $__timeTo()"),
    (
        re.compile(r"\$__timeGroupAlias\((\w+),'1d'\)"),
        r'to_timestamp(floor(extract(epoch FROM \1) / 86400) * 86400) AS "time"',
    ),
    (re.compile(r"\$__timeFrom\(\)"), f"'{MONDAY.isoformat()}'"),
    (re.compile(r"\$__timeTo\(\)"), f"'{NEXT.isoformat()}'"),
)
_VARIABLES = {"$step": "1d", "$zone": "Europe/Berlin", "${log:csv}": "1,2"}


def expanded(sql: str) -> str:
    for variable, value in _VARIABLES.items():
        sql = sql.replace(variable, value)
    for macro, meant in _MACROS:
        sql = macro.sub(meant, sql)
    assert "$" not in sql, sql
    return sql


async def test_every_question_of_analysts_is_answered_and_the_numbers_are_those_of_reports(
    database: Database, api: Api, admin: asyncpg.Connection
) -> None:
    await remembered(admin, [deed for deeds in LIVES.values() for deed in deeds])
    await follow(api.app.state.pool, 1)
    board, found = BOARDS["incidents.json"], dict[str, list[asyncpg.Record]]()
    name = f"ana_{database.name}"
    async with login(database, name) as ana:
        await admin.execute("INSERT INTO access.analyst VALUES (1, $1)", name)
        for title, sql in asked(board, "rawSql"):
            found[title] = await ana.fetch(expanded(sql))
            assert found[title], title
        [variable] = [one for one in board["templating"]["list"] if one["type"] == "query"]
        assert dict(*await ana.fetch(variable["query"])) == {"__text": "default", "__value": 1}
    for panel in panels(board):
        if panel["type"] == "timeseries":
            assert found[panel["title"]][0].get("time") is not None, panel["title"]
    mtta = await report(api, "mtta")
    assert found["MTTA"][0]["mtta"] == pytest.approx(mtta["total"]["mean"])
    told = {row["value"]: row["now"] for row in mtta["rows"]}
    shown = {row["team"]: row for row in found["Time to acknowledge by team"]}
    assert {team: pytest.approx(row["p90"]) for team, row in shown.items()} == {
        team: row["p90"] for team, row in told.items()
    }
    ends = await report(api, "mttr")
    assert found["MTTR"][0]["mttr"] == pytest.approx(ends["total"]["mean"])
    noise = (await report(api, "noise"))["total"]
    assert sum(row["noise"] for row in found["Noise and the rest"]) == noise["noisy"]
    digest = {one["name"]: one["now"] for one in (await report(api, "weekly"))["figures"]}
    assert float(found["Escalated"][0]["share"]) == pytest.approx(digest["escalated"])
    assert float(found["Reopened"][0]["share"]) == pytest.approx(digest["reopened"])
    assert sum(row["live"] for row in found["Live by team"]) == digest["open"]
    assert found["Live"][-1]["live"] == digest["open"]
    load = {row["name"]: row["now"] for row in (await report(api, "load"))["rows"]}
    for row in found["By person"]:
        whose = load[row["who"]]
        assert row["outside of them"] == whose["outsideHours"]
        assert row["business hours"] == whose["acts"] - whose["outsideHours"]


def test_an_expression_that_is_none_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum(rate(pulseops_http_requests_total[5m])")
