"""What analysts read is what a few lines of Python make of the same history."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings

from pulseops.eventstore.directory import create_log
from pulseops.incidents import response, stint, timeline
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import CategoryChanged, Classified, Escalated, PriorityChanged
from pulseops.kernel.clock import utc_now
from pulseops.subscriptions.slices import Slice
from tests.histories import Step, enact, plans
from tests.recomputed import Past, every

_names: Iterator[str] = (f"numbers-{number}" for number in count())


async def told(admin: asyncpg.Connection, query: str, log_id: int, *values: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in await admin.fetch(f"{query} WHERE log_id = $1", log_id, *values)]


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def span(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else rounded((end - begin).total_seconds())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans())
async def test_every_view_says_what_the_facts_say(
    app: asyncpg.Connection, admin: asyncpg.Connection, plan: list[Step]
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    await admin.execute("INSERT INTO access.analyst VALUES ($1, 'postgres')", log_id)
    past = await enact(app, log_id, plan)
    head = sum(map(len, past.values()))
    for model in (response.MODEL, stint.MODEL, timeline.MODEL):
        await model.projector.project(app, Slice(log_id=log_id, after=0, up_to=head))
    responses, stints = every(past)

    await durations(admin, log_id, responses)
    await spells(admin, log_id, stints, past)
    await corrections(admin, log_id, past)
    await days(admin, log_id, responses)
    await work(admin, log_id, stints)
    await backlog(admin, log_id, past)


async def durations(admin: asyncpg.Connection, log_id: int, responses: dict[Any, dict[str, Any]]) -> None:
    rows = await told(admin, "SELECT * FROM analytics.response", log_id)
    assert len(rows) == len(responses)
    for row in rows:
        one = responses[row["incident_id"]]
        for name, until in (
            ("assign", "assigned_at"),
            ("acknowledge", "acknowledged_at"),
            ("answer", "answered_at"),
            ("first_resolve", "first_resolved_at"),
            ("resolve", "resolved_at"),
        ):
            assert rounded(row[f"seconds_to_{name}"]) == span(one["created_at"], one[until]), name
        same = one.keys() & row.keys()
        assert {name: row[name] for name in same} == {name: one[name] for name in same}


async def spells(
    admin: asyncpg.Connection, log_id: int, stints: dict[Any, dict[str, Any]], past: Past
) -> None:
    rows = await told(admin, "SELECT * FROM analytics.stint", log_id)
    assert {(row["incident_id"], row["version"]) for row in rows} == stints.keys()
    facts = {(one, fact.version): fact.fact for one, history in past.items() for fact in history}
    for row in rows:
        assert rounded(row["seconds"]) == span(row["from_at"], row["until_at"])
    for view, kind in (
        ("assignment", "assigned"),
        ("acknowledgement", "acknowledged"),
        ("escalation", "escalated"),
    ):
        rows = await told(admin, f"SELECT * FROM analytics.{view}", log_id)
        expected = {key: one for key, one in stints.items() if one["kind"] == kind}
        assert {(row["incident_id"], row["version"]) for row in rows} == expected.keys()
        for row in rows:
            key = (row["incident_id"], row["version"])
            fact: Any = facts[key]
            same = row.keys() & expected[key].keys()
            assert {name: row[name] for name in same} == {name: expected[key][name] for name in same}
            if kind == "acknowledged":
                waited = span(expected[key]["waiting_since"], expected[key]["from_at"])
                assert rounded(row["seconds_waited"]) == waited
            else:
                assert (row["rule"], row["why"]) == (fact.decision.rule, fact.decision.why)
            if isinstance(fact, Escalated):
                assert row["policy"] == fact.policy


async def corrections(admin: asyncpg.Connection, log_id: int, past: Past) -> None:
    expected = []
    for incident_id, facts in past.items():
        classified = None
        for one in facts:
            if isinstance(one.fact, Classified):
                classified = one.fact
            if not isinstance(one.fact, PriorityChanged | CategoryChanged) or not one.fact.correction:
                continue
            what = "priority" if isinstance(one.fact, PriorityChanged) else "category"
            wrong = classified if classified and getattr(classified, what) == one.fact.was else None
            rule = getattr(wrong, f"{what}_decision").rule if wrong else None
            became = getattr(one.fact, what)
            expected.append((incident_id, one.version, what, one.fact.was, became, one.meta.actor, rule))
    names = ("incident_id", "version", "what", "was", "became", "corrected_by", "rule")
    rows = await told(admin, "SELECT * FROM analytics.correction", log_id)
    assert sorted(tuple(row[name] for name in names) for row in rows) == sorted(expected)


async def days(admin: asyncpg.Connection, log_id: int, responses: dict[Any, dict[str, Any]]) -> None:
    groups = defaultdict(list)
    for one in responses.values():
        groups[one["team"], one["service"], one["priority"], one["category"]].append(one)
    for view in ("daily", "hourly"):
        sums: dict[Any, Counter[str]] = defaultdict(Counter)
        for row in await told(admin, f"SELECT * FROM analytics.{view}", log_id):  # a history may cross a day
            numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
            sums[row["team"], row["service"], row["priority"], row["category"]].update(numbers)
        assert sums.keys() == groups.keys()
        for key, ones in groups.items():
            for name, expected in (
                ("incidents", len(ones)),
                ("live", sum(one["outcome"] == "live" for one in ones)),
                ("resolved", sum(one["outcome"] == "resolved" for one in ones)),
                ("acknowledged", sum(one["acknowledged_at"] is not None for one in ones)),
                ("escalated", sum(one["escalations"] > 0 for one in ones)),
                ("reopened", sum(one["reopenings"] > 0 for one in ones)),
                ("escalations", sum(one["escalations"] for one in ones)),
                (
                    "seconds_to_acknowledge",
                    sum(span(one["created_at"], one["acknowledged_at"]) or 0 for one in ones),
                ),
                ("seconds_to_resolve", sum(span(one["created_at"], one["resolved_at"]) or 0 for one in ones)),
            ):
                assert sums[key][name] == pytest.approx(expected, abs=1e-5), name


async def work(admin: asyncpg.Connection, log_id: int, stints: dict[Any, dict[str, Any]]) -> None:
    expected = []
    for one in stints.values():
        match one["kind"]:
            case "acknowledged":
                expected.append(("acknowledged", one["from_at"], one["begun_by"], one["team"]))
            case "escalated":
                expected.append(("escalated", one["from_at"], one["target"], one["team"]))
            case "assigned" if one["responder"]:
                expected.append(("assigned", one["from_at"], one["responder"], one["team"]))
            case "live" if one["ended"] == "RESOLVED":
                expected.append(("resolved", one["until_at"], one["ended_by"], one["team"]))
    rows = await told(admin, "SELECT * FROM analytics.work", log_id)
    assert Counter((row["act"], row["at"], row["who"], row["team"]) for row in rows) == Counter(expected)
    loads: Counter[tuple[str, Any, Any]] = Counter()
    for row in await told(admin, "SELECT * FROM analytics.load", log_id):
        for act in ("acknowledged", "resolved", "assigned"):
            loads[act, row["who"], row["team"]] += row[act]
        loads["escalated", row["who"], row["team"]] += row["escalated_to"]
    assert +loads == Counter((act, who, team) for act, _, who, team in expected)


async def backlog(admin: asyncpg.Connection, log_id: int, past: Past) -> None:
    moments = sorted({fact.recorded_at for facts in past.values() for fact in facts})
    for at in moments[:: max(1, len(moments) // 4)]:
        expected = {}
        for incident_id, facts in past.items():
            then = INCIDENT.fold([fact for fact in facts if fact.recorded_at <= at])
            if then is not None and then.status in {"open", "acknowledged"}:
                expected[incident_id] = (then.assigned_team, then.status == "acknowledged")
        query = "SELECT * FROM analytics.backlog_at_v1($2)"
        rows = await told(admin, query, log_id, at)
        assert {row["incident_id"]: (row["team"], row["acknowledged"]) for row in rows} == expected
        assert all(rounded(row["age"]) == span(row["live_since"], at) for row in rows)


def hours(walls: Sequence[datetime], opens: time, closes: time | None, on: set[int]) -> float:
    """Of minutes that the clock on the wall shows one after the other; `closes` is None for midnight."""
    found = 0
    for wall in walls:
        overnight = closes is not None and closes <= opens and wall.time() < closes
        inside = overnight or (
            opens <= wall.time() and (closes is None or closes <= opens or wall.time() < closes)
        )
        found += inside and (wall - timedelta(days=overnight)).isoweekday() in on
    return found * 60.0


def minutes(begin: datetime, end: datetime, zone: str) -> list[datetime]:
    span = range(round((end - begin).total_seconds()) // 60)
    return [(begin + timedelta(minutes=n)).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for n in span]


_SPANS = (
    ("a working day", "2026-06-01 06:00", "2026-06-02 06:00"),
    ("over a weekend", "2026-06-05 12:30", "2026-06-08 12:30"),
    ("clocks go forward", "2026-03-28 20:00", "2026-03-29 20:00"),
    ("clocks go back", "2026-10-24 20:00", "2026-10-25 20:00"),
    ("two weeks over the change", "2026-03-20 11:11", "2026-04-03 09:09"),
    ("nothing", "2026-06-01 06:00", "2026-06-01 06:00"),
)
_WEEKDAYS, _EVERY_DAY = {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5, 6, 7}
_SHIFTS: tuple[tuple[time, time | None, set[int]], ...] = (
    (time(9), time(17), _WEEKDAYS),
    (time(0), None, _EVERY_DAY),
    (time(1), time(4), {6, 7}),  # the hour that is missing, or comes twice
    (time(2), time(6), _EVERY_DAY),  # begins with it
    (time(22), time(2), _EVERY_DAY),  # ends where it begins
    (time(2, 30), time(2, 40), {7}),  # lies in it
    (time(22), time(6), {5, 6}),
    (time(9), time(9), {1, 3}),  # around the clock
    (time(9), time(17), set()),
)
_ZONES = (
    *("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC", "Europe/Dublin"),
    "America/Havana",  # at midnight
    "Australia/Lord_Howe",  # by half an hour
    "Africa/Casablanca",  # back for a month
)
_SECONDS = "SELECT analytics.business_seconds_v1($1, $2, $3, $4, coalesce($5, time '24:00'), $6)"
_MINUTES = """
SELECT count(*) * 60.0
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 minute', '1 minute') at
WHERE analytics.in_business_hours_v1(at, $3, $4, coalesce($5, time '24:00'), $6)
"""


@pytest.mark.parametrize(("begin", "end"), [one[1:] for one in _SPANS], ids=[one[0] for one in _SPANS])
async def test_business_hours_are_those_of_the_clock_on_the_wall(
    admin: asyncpg.Connection, begin: str, end: str
) -> None:
    ends = [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (begin, end)]
    for zone in _ZONES:
        walls = minutes(ends[0], ends[1], zone)
        for opens, closes, on in _SHIFTS:
            expected = hours(walls, opens, closes, on)
            for statement in (_SECONDS, _MINUTES):
                found = await admin.fetchval(statement, *ends, zone, opens, closes, sorted(on))
                assert float(found) == expected, (zone, opens, closes)


@pytest.mark.parametrize("zone", [*_ZONES, "Africa/Cairo", "America/Nuuk", "America/St_Johns"])
async def test_business_hours_of_any_span_about_a_change_of_clocks(
    admin: asyncpg.Connection, zone: str
) -> None:
    chosen = Random(zone)
    days = [datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(4 * 366)]
    changes = [
        day
        for day in days
        if day.astimezone(ZoneInfo(zone)).utcoffset()
        != (day + timedelta(days=1)).astimezone(ZoneInfo(zone)).utcoffset()
    ]
    for _ in range(25):
        begin = chosen.choice(changes or days) + timedelta(minutes=chosen.randint(-2_000, 2_000))
        end = begin + timedelta(minutes=chosen.choice((0, 1, 45, 700, 3_000, 10_000)))
        opens, closes = (time(chosen.randrange(24), chosen.choice((0, 0, 30, 17))) for _ in range(2))
        on = set(chosen.sample(range(1, 8), chosen.randint(1, 7)))
        expected = hours(minutes(begin, end, zone), opens, closes, on)
        found = await admin.fetchval(_SECONDS, begin, end, zone, opens, closes, sorted(on))
        assert found == expected, (begin, end, opens, closes, on)


async def test_a_span_is_cut_to_the_microsecond_also_where_clocks_change(admin: asyncpg.Connection) -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    around = (
        "SELECT analytics.business_seconds_v1($1, $2, 'Europe/Berlin', '00:00', '24:00', '{1,2,3,4,5,6,7}')"
    )
    for before, after in ((1, 1), (0, 1), (1, 0), (1, 750_000), (90_000_000, 1)):
        ends = change - timedelta(microseconds=before), change + timedelta(microseconds=after)
        assert rounded(await admin.fetchval(around, *ends)) == rounded((before + after) / 1e6)


async def test_a_span_without_an_end_has_no_business_hours_and_one_that_runs_backwards_none(
    admin: asyncpg.Connection,
) -> None:
    query = "SELECT analytics.business_seconds_v1($1, $2, 'UTC')"
    now = utc_now()
    assert await admin.fetchval(query, now, None) is None
    assert await admin.fetchval(query, None, now) is None
    assert await admin.fetchval(query, now, now - timedelta(days=9)) == 0
    assert await admin.fetchval("SELECT analytics.business_seconds_v1(now(), 'infinity', 'UTC')") is None
    with pytest.raises(asyncpg.InvalidParameterValueError, match="Atlantis"):
        await admin.fetchval("SELECT analytics.business_seconds_v1(now(), now(), 'Europe/Atlantis')")
