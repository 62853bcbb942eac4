"""GET /escalations: what is due when."""

import asyncio

import asyncpg
import pytest

from tests.integration.followed import RULES, Followed
from tests.keys import a_key
from tests.serving import Api


@pytest.fixture
def followed(api: Api, pool: asyncpg.Pool) -> "Followed":
    return Followed(api, pool)


async def test_it_tells_who_hears_next_of_what_and_when(followed: Followed) -> None:
    high, critical, low = [await followed.report(one) for one in ("high", "critical", "low")]
    await followed.follow()
    page = (await followed.api.get("/escalations")).json()

    assert page["nextCursor"] is None
    assert [one["incidentId"] for one in page["items"]] == [critical["id"], high["id"]]
    assert low["id"] not in str(page)
    first = page["items"][0]
    assert {name: first[name] for name in ("title", "priority", "status", "team", "level")} == {
        "title": "Nobody answers",
        "priority": "critical",
        "status": "open",
        "team": critical["assignedTeam"],
        "level": 1,
    }
    assert first["rulesVersion"] == RULES.escalation.version
    assert first["policy"] in {policy.name for policy in RULES.escalation.policies}
    assert first["to"]
    assert first["dueAt"] > critical["createdAt"]
    assert (first["overdue"], first["lateBy"], first["problem"]) == (False, 0.0, None)


async def test_what_is_due_and_not_fired_says_by_how_much(followed: Followed) -> None:
    await followed.report("critical")
    await followed.follow()
    await followed.pool.execute(
        "UPDATE escalation.deadline SET due_at = clock_timestamp() - interval '90 s', last_error = 'unread'"
    )
    (late,) = (await followed.api.get("/escalations")).json()["items"]
    assert late["overdue"]
    assert 90 <= late["lateBy"] < 120
    assert late["problem"] == "unread"


async def test_pages_follow_each_other_without_gap_or_repeat(followed: Followed) -> None:
    made = [await followed.report("critical") for _ in range(7)]
    await followed.follow()
    # All at the same instant: the incident decides.
    await followed.pool.execute("UPDATE escalation.deadline SET due_at = timestamptz '2030-01-01 12:00 UTC'")
    seen, cursor = [], ""
    while True:
        asked = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await followed.api.get("/escalations", params=asked)).json()
        seen += [one["incidentId"] for one in page["items"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert seen == sorted(one["id"] for one in made)


async def test_it_is_filtered_by_priority_and_team(followed: Followed) -> None:
    await followed.report("high")
    critical = await followed.report("critical")
    await followed.follow()
    team = critical["assignedTeam"]
    asked = {"priority": "critical", "team": team}
    (only,) = (await followed.api.get("/escalations", params=asked)).json()["items"]
    assert only["incidentId"] == critical["id"]
    assert (await followed.api.get("/escalations", params={"team": "nobody"})).json()["items"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"cursor": "x"},
        {"cursor": "_" * 36},
        {"limit": "0"},
        {"limit": "201"},
        {"priority": "urgent"},
        {"x": "1"},
    ],
)
async def test_what_cannot_be_asked_is_refused(api: Api, asked: dict[str, str]) -> None:
    answer = await api.get("/escalations", params=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_nobody_sees_it_without_a_key(api: Api) -> None:
    assert (await api.get("/escalations", headers={"authorization": ""})).status_code == 401


async def test_lists_leave_out_what_belongs_to_teams_that_the_caller_does_not_see(
    followed: Followed,
) -> None:
    made = await followed.report("critical")
    await followed.follow()
    inside = await a_key(followed.pool, "inside", role="viewer", teams=(made["assignedTeam"],))
    outside = await a_key(followed.pool, "outside", role="viewer", teams=("nobody",))
    await asyncio.sleep(0.1)  # an unknown key is looked for again after this long
    for path in ("/incidents", "/incidents?status=open", "/escalations"):
        for token, count in ((inside, 1), (outside, 0)):
            page = await followed.api.get(path, headers={"authorization": f"Bearer {token}"})
            assert len(page.json()["items"]) == count, path
