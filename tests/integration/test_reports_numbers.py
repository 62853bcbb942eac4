"""Every number of a report is what a few lines of Python make of the same history, at any times."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from pulseops.analytics.asking import WITH_TIMELINE, Scope
from pulseops.analytics.carried import load
from pulseops.analytics.noise import noise
from pulseops.analytics.period import Period, period
from pulseops.analytics.reports import By, Durations, NoisyBy, Timed
from pulseops.analytics.timed import timed
from pulseops.analytics.weekly import weekly
from pulseops.eventstore.directory import create_log
from pulseops.incidents import board, response, stint, timeline
from pulseops.incidents.events import Assigned, CategoryChanged, PriorityChanged
from pulseops.kernel.clock import utc_now
from pulseops.subscriptions.slices import Slice
from tests.histories import enact, plans
from tests.recomputed import Past, every

_names: Iterator[str] = (f"reports-{number}" for number in count())
_ALL = 100
"""Rows: as many as anybody may ask for, and more than a history has."""

# What follows at once: also a clock that was put back, since the log's time then stands still.
gaps = st.sampled_from([0, 0, 0.000001, 1, 61, 1_800, 7_200, 40_000, 100_000]).map(
    lambda seconds: timedelta(seconds=seconds)
)
# Shortly before clocks change somewhere, or a week, a month and a year end.
beginnings = st.sampled_from(["2025-03-28", "2025-10-24", "2025-11-01", "2025-12-29", "2026-02-27"]).map(
    lambda day: datetime.fromisoformat(f"{day}T21:17:00Z")
)
zones = st.sampled_from(
    ["Europe/Berlin", "UTC", "Asia/Kathmandu", "America/Havana", "Europe/Dublin", "Australia/Lord_Howe"]
)

Rows = list[dict[str, Any]]


async def happened(admin: asyncpg.Connection, log_id: int, past: Past, times: Sequence[datetime]) -> Past:
    """The same history at these times, one a position, as no application could have it."""
    await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
    await admin.executemany(
        "UPDATE eventstore.event SET recorded_at = $3 WHERE log_id = $1 AND position = $2",
        [(log_id, position, at) for position, at in enumerate(times, start=1)],
    )
    return {
        incident: [replace(fact, recorded_at=times[fact.position - 1]) for fact in facts]
        for incident, facts in past.items()
    }


def since_report(one: dict[str, Any], until: str) -> float | None:
    return (one[until] - one["created_at"]).total_seconds() if one[until] else None


def durations(ours: Rows, until: str) -> Durations:
    took = sorted(found for one in ours if (found := since_report(one, until)) is not None)
    return Durations(
        incidents=len(ours),
        merged=sum(one["outcome"] == "merged" for one in ours),
        ended=len(took),
        mean=mean(took) if took else None,
        p50=percentile(took, 0.5),
        p90=percentile(took, 0.9),
        p99=percentile(took, 0.99),
        reopened=sum(one["reopenings"] > 0 for one in ours),
    )


def percentile(took: list[float], part: float) -> float | None:
    if not took:
        return None
    place = (len(took) - 1) * part
    low = int(place)
    high = min(low + 1, len(took) - 1)
    return took[low] + (took[high] - took[low]) * (place - low)


def close(found: Durations, expected: Durations) -> bool:
    return asdict(found) == {name: pytest.approx(value, abs=2e-6) for name, value in asdict(expected).items()}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(incidents=12, most=40), data=st.data())
async def test_every_report_says_what_the_facts_say(
    app: asyncpg.Connection, admin: asyncpg.Connection, plan: Any, data: st.DataObject
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    head = sum(map(len, past.values()))
    at, times = data.draw(beginnings), list[datetime]()
    for gap in data.draw(st.lists(gaps, min_size=head, max_size=head)):
        times.append(at := at + gap)
    past = await happened(admin, log_id, past, times)
    for model in (response.MODEL, stint.MODEL, timeline.MODEL, board.MODEL):
        await model.projector.project(app, Slice(log_id=log_id, after=0, up_to=head))
    responses, stints = every(past)
    told, spells = list(responses.values()), list(stints.values())

    bounds = st.sampled_from([times[0], times[-1], *times]) | st.just(times[-1] + timedelta(days=1))
    since, until = sorted([data.draw(bounds), data.draw(bounds)])
    zone = data.draw(zones)
    when = period(since, max(until, since + timedelta(microseconds=1)), zone, now=utc_now())
    teams = data.draw(st.none() | st.just(tuple({one["team"] for one in told if one["team"]})[:2]))
    scope = Scope(log_id=log_id, period=when, teams=teams, named=teams or (), models=WITH_TIMELINE)
    seen = [one for one in told if teams is None or one["team"] in teams]

    await answers_and_ends(app, scope, seen)
    await burdens(app, scope, seen, spells)
    await noises(app, scope, seen, past)
    await digest(app, scope, seen, spells, past)


def within(rows: Rows, when: Period, field: str = "created_at") -> Rows:
    return [one for one in rows if one[field] is not None and when.since <= one[field] < when.until]


async def answers_and_ends(app: asyncpg.Connection, scope: Scope, seen: Rows) -> None:
    reports: tuple[tuple[Timed, str], ...] = (("mtta", "acknowledged_at"), ("mttr", "resolved_at"))
    groups: tuple[By, ...] = ("team", "priority", "service", "category")
    ours, was = within(seen, scope.period), within(seen, scope.period.before())
    for report, until in reports:
        for by in groups:
            found = await timed(app, scope, report, by=by, rows=_ALL)
            assert close(found.total, durations(ours, until))
            assert close(found.total_before, durations(was, until))
            values = defaultdict[str | None, Rows](list)
            for one in ours:
                then = report == "mtta" and by != "service" and one["answered_at"] is not None
                values[one[f"answered_{by}" if then else by]].append(one)
            assert {row.value for row in found.rows} == values.keys()
            for row in found.rows:
                assert close(row.now, durations(values[row.value], until)), (report, by, row.value)
            begun = [*scope.period.steps(), scope.period.until]
            for step, begins, ends in zip(found.series, begun[:-1], begun[1:], strict=True):
                of = [one for one in ours if begins <= one["created_at"] < ends]
                assert step.incidents == len(of)
                assert step.mean == pytest.approx(durations(of, until).mean, abs=2e-6)


def outside(at: datetime, zone: str) -> bool:
    wall = at.astimezone(ZoneInfo(zone))
    return not (wall.weekday() < 5 and 9 <= wall.hour < 17)


def night(at: datetime, zone: str) -> bool:
    return not 6 <= at.astimezone(ZoneInfo(zone)).hour < 22


def fell(seen: Rows, spells: Rows) -> Iterator[tuple[tuple[str, str | None], str, datetime]]:
    """To whom, what, and when."""
    for one in seen:
        yield ("team", one["team"]), "incidents", one["created_at"]
    for one in spells:
        who: str | None = None
        at, act = one["from_at"], one["kind"]
        match one["kind"]:
            case "assigned" if one["responder"]:
                yield ("person", one["responder"]), "incidents", at
            case "acknowledged":
                who = one["begun_by"]
            case "escalated":
                who = one["target"]
            case "live" if one["ended"] == "RESOLVED" and not one["ended_by"].startswith("system:"):
                who, at, act = one["ended_by"], one["until_at"], "resolved"
        if who is not None:
            yield ("team", one["team"]), act, at
            yield ("person", who), act, at


async def burdens(app: asyncpg.Connection, scope: Scope, seen: Rows, spells: Rows) -> None:
    ids = {one["incident_id"] for one in seen}
    came = list(fell(seen, [one for one in spells if one["incident_id"] in ids]))
    found = await load(app, scope, rows=_ALL)
    for when, which in ((scope.period, "now"), (scope.period.before(), "before")):
        expected = defaultdict[tuple[str, str | None], Counter[str]](Counter)
        for whose, act, at in came:
            if when.since <= at < when.until:
                expected[whose][act] += 1
                expected[whose]["outside_hours"] += outside(at, when.zone)
                expected[whose]["at_night"] += night(at, when.zone)
        rows = {(row.kind, row.name): getattr(row, which) for row in found.rows}
        if which == "now":
            assert rows.keys() == expected.keys()
        for whose, row in rows.items():
            counts = asdict(row) if row is not None else defaultdict[str, int](int)
            assert {name: counts[name] for name in expected[whose]} == expected[whose], (which, whose)


def noisy(one: dict[str, Any]) -> bool:
    left = one["outcome"] == "resolved" and one["answered_at"] is None
    return left or one["outcome"] == "merged" or one["resolution"] in {"false_alarm", "duplicate"}


async def noises(app: asyncpg.Connection, scope: Scope, seen: Rows, past: Past) -> None:
    def rule(one: dict[str, Any]) -> str | None:
        first = next(
            (fact.fact for fact in past[one["incident_id"]] if isinstance(fact.fact, Assigned)), None
        )
        return first.decision.rule if first else None

    groups: dict[NoisyBy, Callable[[dict[str, Any]], str | None]] = {
        "service": lambda one: one["service"],
        "category": lambda one: one["category"],
        "team": lambda one: one["team"],
        "rule": rule,
    }
    for by, value in groups.items():
        found = await noise(app, scope, by=by, rows=_ALL)
        expected = defaultdict[str | None, Counter[str]](Counter)
        for one in within(seen, scope.period):
            expected[value(one)].update({"incidents": 1, "noisy": int(noisy(one))})
        rows = {row.value: {"incidents": row.now.incidents, "noisy": row.now.noisy} for row in found.rows}
        assert rows == expected, by


async def digest(app: asyncpg.Connection, scope: Scope, seen: Rows, spells: Rows, past: Past) -> None:
    found = await weekly(app, scope)
    figures = {one.name: (one.now, one.before) for one in found.figures}
    ids = {one["incident_id"] for one in seen}
    lives = [one for one in spells if one["incident_id"] in ids and one["kind"] == "live"]
    for place, when in enumerate((scope.period, scope.period.before())):
        ours = within(seen, when)
        expected: dict[str, Any] = {
            "reported": len(ours),
            "resolved": sum(one["ended"] == "RESOLVED" for one in within(lives, when, "until_at")),
            "open": sum(
                one["from_at"] < when.until and (one["until_at"] is None or one["until_at"] >= when.until)
                for one in lives
            ),
            "mtta": durations(ours, "acknowledged_at").p50,
            "mttr": durations(ours, "resolved_at").p50,
            "corrections": sum(
                when.since <= fact.recorded_at < when.until
                and isinstance(fact.fact, PriorityChanged | CategoryChanged)
                and fact.fact.correction
                for incident in ids
                for fact in past[incident]
            ),
        }
        shares: dict[str, Callable[[dict[str, Any]], bool]] = {
            "unacknowledged": lambda one: one["acknowledged_at"] is None,
            "escalated": lambda one: one["escalations"] > 0,
            "reopened": lambda one: one["reopenings"] > 0,
            "noisy": noisy,
            "outsideHours": lambda one: outside(one["created_at"], scope.period.zone),
        }
        expected |= {name: sum(map(is_, ours)) / len(ours) if ours else None for name, is_ in shares.items()}
        assert {name: figures[name][place] for name in expected} == {
            name: pytest.approx(value, abs=2e-6) for name, value in expected.items()
        }
    open_then = {
        one["incident_id"]
        for one in lives
        if one["from_at"] < scope.period.until
        and (one["until_at"] is None or one["until_at"] >= scope.period.until)
    }
    oldest = sorted(
        (one for one in seen if one["incident_id"] in open_then), key=lambda one: one["created_position"]
    )
    assert [one.id for one in found.oldest] == [one["incident_id"] for one in oldest[:5]]
