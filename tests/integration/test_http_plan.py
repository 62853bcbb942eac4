"""GET /incident/{id}/plan and POST /incident/{id}/escalate: what the clock will do, and doing it now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from pulseops.db.clock import DatabaseClock
from pulseops.escalation import timers
from pulseops.kernel.ids import new_id
from tests.integration.followed import RULES, Followed
from tests.serving import Api

(CRITICAL,) = (one for one in RULES.escalation.policies if one.name == "critical")


@pytest.fixture
def followed(api: Api, pool: asyncpg.Pool) -> Followed:
    return Followed(api, pool)


async def plan(followed: Followed, made: dict[str, str]) -> dict[str, Any]:
    answer = await followed.api.get(f"/incident/{made['id']}/plan")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def escalate(followed: Followed, made: dict[str, str], **body: str) -> dict[str, Any]:
    answer = await followed.api.post(f"/incident/{made['id']}/escalate", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_it_tells_to_whom_and_when_each_step_counted_from_the_one_before(followed: Followed) -> None:
    made = await followed.report("critical")
    await followed.follow()
    told = await plan(followed, made)
    assert (told["because"], told["estimated"], told["heard"]) == (None, False, [])
    assert (told["policy"], told["rulesVersion"]) == ("critical", RULES.escalation.version)
    assert (told["began"], told["why"]) == ("ASSIGNED", "priority is critical")
    at = datetime.fromisoformat(told["beganAt"])
    for step, one in zip(CRITICAL.steps, told["planned"], strict=True):
        at += step.after
        assert datetime.fromisoformat(one["at"]) == at
        assert one["to"] == step.to.replace("{team}", made["assignedTeam"])
    assert [one["level"] for one in told["planned"]] == [1, 2, 3]
    assert "acknowledge" in told["endedBy"]


async def test_before_the_deadlines_follow_it_is_estimated_and_the_same(followed: Followed) -> None:
    made = await followed.report("critical")
    early = await plan(followed, made)
    await followed.follow()
    assert early["estimated"]
    assert {**early, "estimated": False} == await plan(followed, made)


@pytest.mark.parametrize(
    ("command", "body", "because"),
    [
        ("acknowledge", {}, "acknowledged"),
        ("resolve", {}, "resolved"),
        ("snooze", {"until": "in an hour"}, "snoozed"),
    ],
)
async def test_where_nobody_is_to_hear_it_says_why(
    followed: Followed, command: str, body: dict[str, str], because: str
) -> None:
    made = await followed.report("critical")
    if "until" in body:
        body = {"until": (datetime.fromisoformat(made["createdAt"]) + timedelta(hours=1)).isoformat()}
    assert (await followed.api.post(f"/incident/{made['id']}/{command}", json=body)).status_code == 200
    told = await plan(followed, made)
    assert (told["because"], told["planned"], told["endedBy"]) == (because, [], [])
    assert (told["snoozedUntil"] is not None) == (because == "snoozed")


async def test_what_no_policy_is_about_says_so(followed: Followed) -> None:
    made = await followed.report("low")
    assert (await plan(followed, made))["because"] == "no-policy"
    await followed.follow()
    assert (await plan(followed, made))["because"] == "no-policy"


async def test_a_plan_has_an_entity_tag(followed: Followed) -> None:
    made = await followed.report("critical")
    await followed.follow()
    path = f"/incidents/{made['id']}/plan"
    tag = (await followed.api.get(path)).headers["etag"]
    same = await followed.api.get(path, headers={"if-none-match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await followed.api.post(f"/incident/{made['id']}/acknowledge")
    assert (await followed.api.get(path, headers={"if-none-match": tag})).status_code == 200
    assert (await followed.api.get(f"/incident/{new_id()}/plan")).status_code == 404


async def test_a_person_has_the_next_level_at_once_and_the_climb_goes_on(
    followed: Followed,
) -> None:
    made = await followed.report("critical")
    await followed.follow()
    now = await escalate(followed, made, note="Beyond me")
    assert (now["escalationLevel"], now["escalatedTo"], now["status"]) == (
        1,
        f"{made['assignedTeam']} second on call",
        "open",
    )
    second: dict[str, Any] = {}
    for _ in range(2):
        told = await plan(followed, made)
        assert [(one["level"], one["by"]) for one in told["heard"]] == [(1, "key:admin")]
        second = told["planned"][0]
        heard = datetime.fromisoformat(told["heard"][0]["dueAt"])
        assert (second["level"], datetime.fromisoformat(second["at"])) == (2, heard + CRITICAL.steps[1].after)
        await followed.follow()
    row = await followed.pool.fetchrow("SELECT * FROM escalation.deadline")
    assert (row["step"], row["due_at"]) == (2, datetime.fromisoformat(second["at"]))
    assert (await followed.api.get(f"/incident/{made['id']}")).json()["timeline"][-1]["details"]["note"]


async def test_the_next_level_counts_from_the_time_of_the_database_and_not_of_the_api(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await followed.report("critical")
    apart = datetime(2031, 1, 1, tzinfo=UTC)

    async def now(_: DatabaseClock) -> datetime:
        return apart

    monkeypatch.setattr(DatabaseClock, "now", now)
    await escalate(followed, made)
    told = await plan(followed, made)
    assert datetime.fromisoformat(told["heard"][0]["dueAt"]) == apart
    assert datetime.fromisoformat(told["planned"][0]["at"]) == apart + CRITICAL.steps[1].after


async def test_beyond_the_last_level_the_team_hears_or_whoever_is_named(followed: Followed) -> None:
    made = await followed.report("critical")
    await followed.follow()
    for _ in range(3):
        await escalate(followed, made)
        await followed.follow()
    assert (await plan(followed, made))["because"] == "last-level"
    assert await followed.pool.fetchval("SELECT count(*) FROM escalation.deadline") == 0
    fourth = await escalate(followed, made)
    assert (fourth["escalationLevel"], fourth["escalatedTo"]) == (4, made["assignedTeam"])
    named = await escalate(followed, made, to="vendor's hotline")
    assert (named["escalationLevel"], named["escalatedTo"]) == (5, "vendor's hotline")


async def test_what_has_no_policy_can_be_escalated_all_the_same(followed: Followed) -> None:
    made = await followed.report("low")
    assert (await escalate(followed, made))["escalatedTo"] == made["assignedTeam"]
    for _ in range(2):
        assert (await plan(followed, made))["because"] == "no-policy"
        await followed.follow()


@pytest.mark.parametrize("quiet", ["acknowledge", "snooze"])
async def test_who_is_on_it_or_sleeps_on_it_may_ask_the_next_level_for_help(
    followed: Followed, quiet: str
) -> None:
    made = await followed.report("critical")
    await followed.follow()
    await escalate(followed, made)
    until = (datetime.fromisoformat(made["createdAt"]) + timedelta(hours=1)).isoformat()
    body = {"until": until} if quiet == "snooze" else {}
    before = (await followed.api.post(f"/incident/{made['id']}/{quiet}", json=body)).json()
    for level, step in enumerate(CRITICAL.steps[1:], start=2):
        await followed.follow()
        now = await escalate(followed, made)
        assert (now["escalationLevel"], now["escalatedTo"]) == (
            level,
            step.to.replace("{team}", made["assignedTeam"]),
        )
        assert (now["status"], now["snoozedUntil"]) == (before["status"], before["snoozedUntil"])
    assert (await escalate(followed, made))["escalatedTo"] == made["assignedTeam"], "beyond the last one"


async def test_a_repeated_request_escalates_once_and_what_is_over_not_at_all(followed: Followed) -> None:
    made = await followed.report("critical")
    path, key = f"/incident/{made['id']}/escalate", {"idempotency-key": "one"}
    first = await followed.api.post(path, headers=key)
    again = await followed.api.post(path, headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    stale = await followed.api.post(path, headers={"if-match": '"1"'})
    assert stale.status_code == 412
    await followed.api.post(f"/incident/{made['id']}/resolve")
    over = await followed.api.post(path)
    assert (over.status_code, over.json()["code"]) == (409, "invalid-transition")
    assert (await followed.api.post(f"/incident/{new_id()}/escalate")).status_code == 404


async def test_the_list_shows_one_kind_at_a_time(followed: Followed) -> None:
    made = await followed.report("critical")
    until = (datetime.fromisoformat(made["createdAt"]) + timedelta(hours=1)).isoformat()
    await followed.api.post(f"/incident/{made['id']}/snooze", json={"until": until})
    waiting = await followed.report("critical")
    await followed.follow()
    (due,) = (await followed.api.get("/escalations")).json()["items"]
    assert (due["incidentId"], due["kind"]) == (waiting["id"], "escalation")
    (asleep,) = (await followed.api.get("/escalations?kind=snooze")).json()["items"]
    assert (asleep["incidentId"], asleep["to"], asleep["policy"]) == (made["id"], None, None)
    assert datetime.fromisoformat(asleep["dueAt"]) == datetime.fromisoformat(until)
    assert (await followed.api.get("/escalations?kind=nap")).status_code == 422


async def test_of_an_incident_whose_deadlines_are_parked_nobody_is_promised_anything(
    followed: Followed, admin: asyncpg.Connection
) -> None:
    made = await followed.report("critical")
    await admin.execute(
        "INSERT INTO eventstore.parked (log_id, name, stream_id, position, parked_at) "
        "VALUES (1, $1, $2, 1, now())",
        timers.NAME,
        made["id"],
    )
    told = await plan(followed, made)
    assert (told["because"], told["planned"], told["estimated"]) == ("parked", [], False)
    assert (await escalate(followed, made))["escalationLevel"] == 1, "by hand it goes on"
