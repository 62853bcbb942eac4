"""Reports over HTTP: numbers of a known history, told again here from its facts in a few plain lines."""

import struct
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, quantiles

import asyncpg
import pytest
from msgspec import structs

from pulseops.analytics.period import _zones
from tests.integration.led import follow
from tests.integration.reported import (
    BERLIN,
    LIVES,
    MONDAY,
    NEXT,
    SERVICES,
    TEAMS,
    WEEK,
    life,
    report,
    team,
)
from tests.keys import a_key
from tests.past import Deed, incident_id, remembered
from tests.serving import Api


@pytest.fixture
async def told(api: Api, admin: asyncpg.Connection) -> Api:
    """The API over the known history, all of it projected."""
    await remembered(admin, [deed for deeds in LIVES.values() for deed in deeds])
    await follow(api.app.state.pool, 1)
    return api


def in_week(at: datetime) -> bool:
    return MONDAY <= at < NEXT


def born(number: int) -> datetime:
    return LIVES[number][0].at


def first(number: int, type_: str) -> Deed | None:
    return next((deed for deed in LIVES[number] if deed.type == type_), None)


def seconds(number: int, type_: str) -> float | None:
    """To the first acknowledgement; to the last end of what is over."""
    deeds = [deed for deed in LIVES[number] if deed.type == type_]
    if not deeds or (type_ == "RESOLVED" and LIVES[number][-1].type != "RESOLVED"):
        return None
    deed = deeds[0] if type_ == "ACKNOWLEDGED" else deeds[-1]
    return (deed.at - born(number)).total_seconds()


def office(at: datetime) -> bool:
    local = at.astimezone(BERLIN)
    return local.weekday() < 5 and 9 <= local.hour < 17


@pytest.mark.parametrize(("name", "type_"), [("mtta", "ACKNOWLEDGED"), ("mttr", "RESOLVED")])
async def test_durations_are_what_the_facts_say(told: Api, name: str, type_: str) -> None:
    def whose(number: int) -> str:
        answer = first(number, "ACKNOWLEDGED") or first(number, "RESOLVED")
        # The recovery of a monitor is no answer.
        return (
            team(number, answer.at)
            if name == "mtta" and answer and answer.actor != "key:probe"
            else team(number)
        )

    found = await report(told, name)
    ours = [number for number in LIVES if in_week(born(number))]
    for row, numbers in [
        (found["total"], ours),
        *((row["now"], [n for n in ours if whose(n) == row["value"]]) for row in found["rows"]),
    ]:
        took = [took for number in numbers if (took := seconds(number, type_)) is not None]
        percent = quantiles(took, n=100, method="inclusive")
        assert (row["incidents"], row["ended"], row["merged"]) == (len(numbers), len(took), 0)
        assert row["reopened"] == sum(first(number, "REOPENED") is not None for number in numbers)
        for key, expected in (
            ("mean", mean(took)),
            ("p50", percent[49]),
            ("p90", percent[89]),
            ("p99", percent[98]),
        ):
            assert row[key] == pytest.approx(expected), key
    assert {row["value"] for row in found["rows"]} == set(TEAMS)
    assert found["totalBefore"]["incidents"] == sum(born(number) < MONDAY for number in LIVES)
    assert found["incompleteSince"] is None


async def test_a_day_is_a_day_of_the_zone_also_when_it_has_25_hours(told: Api) -> None:
    found = await report(told, "mtta")
    assert [step["at"] for step in found["series"]] == [f"2026-10-{day}T22:00:00Z" for day in range(18, 25)]
    for step in found["series"]:
        day = datetime.fromisoformat(step["at"]).astimezone(BERLIN).date()
        ours = [
            number
            for number in LIVES
            if in_week(born(number)) and born(number).astimezone(BERLIN).date() == day
        ]
        took = [took for number in ours if (took := seconds(number, "ACKNOWLEDGED")) is not None]
        assert (step["incidents"], step["ended"]) == (len(ours), len(took)), day
        assert step["mean"] == pytest.approx(mean(took))
    assert found["series"][-1]["incidents"] == 15, "25 hours"
    hours = (await report(told, "mtta", since="2026-10-24T22:00:00Z"))["series"]
    assert len(hours) == 25
    assert sum(step["incidents"] for step in hours) == 15


@pytest.mark.parametrize("since", [MONDAY, MONDAY + timedelta(hours=12, minutes=30)])
async def test_load_is_what_fell_to_whom_and_when(told: Api, since: datetime) -> None:
    found = await report(told, "load", since=since.isoformat())
    acts = {"ACKNOWLEDGED": "acknowledged", "RESOLVED": "resolved", "ESCALATED": "escalated"}
    came = [deed for deeds in LIVES.values() for deed in deeds if since <= deed.at < NEXT]
    rows = {(row["kind"], row["name"]): row["now"] for row in found["rows"]}
    for name in TEAMS:
        # A report counts for whose it is in the end, an act for whose it was then.
        ours = [
            deed
            for deed in came
            if (deed.type == "CREATED" and team(deed.incident) == name)
            or (deed.type in acts and team(deed.incident, deed.at) == name)
        ]
        row = rows["team", name]
        assert row["incidents"] == sum(deed.type == "CREATED" for deed in ours)
        for type_, act in acts.items():
            assert row[act] == sum(deed.type == type_ for deed in ours), act
        assert row["acts"] == len(ours)
        assert row["outsideHours"] == sum(not office(deed.at) for deed in ours)
        assert row["atNight"] == sum(
            (hour := deed.at.astimezone(BERLIN).hour) >= 22 or hour < 6 for deed in ours
        )
        assert row["share"] == pytest.approx(len(ours) / found["total"]["acts"])
        heard = rows["person", f"{name} on call"]
        assert heard["escalated"] == heard["acts"] == row["escalated"]
    for person in ("user:ada", "user:grace", "key:probe"):
        ours = [deed for deed in came if deed.actor == person and deed.type in acts]
        assert rows["person", person]["acts"] == len(ours), person


@pytest.mark.parametrize("by", ["service", "team", "category", "dedupKey", "rule"])
async def test_noise_is_what_nobody_answered_and_what_was_none(told: Api, by: str) -> None:
    values: dict[str, Callable[[int], str | None]] = {
        "service": lambda n: SERVICES[n % 3],
        "team": team,
        "category": lambda n: "payment" if first(n, "CATEGORY_CHANGED") else "network",
        "dedupKey": lambda n: f"key-{n % 7}",
        "rule": lambda n: f"routes.{n % 2}",
    }
    value = values[by]
    found = await report(told, "noise", by=by)
    ours = [number for number in LIVES if in_week(born(number))]
    rows = {row["value"]: row["now"] for row in found["rows"]}
    assert set(rows) == {value(number) for number in ours}
    for name, row in [(None, found["total"]), *rows.items()]:
        of = [n for n in ours if row is found["total"] or value(n) == name]
        left = {n for n in of if n % 20 == 15}
        false = {n for n in of if n % 5 and n % 9 == 0 and not first(n, "REOPENED")}
        assert (row["incidents"], row["unattended"], row["falseAlarms"]) == (
            len(of),
            len(left),
            len(false),
        ), name
        assert row["noisy"] == len(left | false)
        assert row["share"] == pytest.approx(len(left | false) / len(of))


async def test_the_digest_tells_the_week_and_the_one_before(told: Api) -> None:
    found = await report(told, "weekly")
    figures = {one["name"]: (one["now"], one["before"]) for one in found["figures"]}
    before = (MONDAY - timedelta(days=7)).astimezone(BERLIN)
    weeks = [
        [n for n in LIVES if begin <= born(n) < end] for begin, end in ((MONDAY, NEXT), (before, MONDAY))
    ]
    assert figures["reported"] == tuple(map(len, weeks))
    assert figures["escalated"] == tuple(
        pytest.approx(sum(n % 4 == 0 for n in week) / len(week)) for week in weeks
    )
    corrections = [
        sum(
            deed.type == "CATEGORY_CHANGED" and begin <= deed.at < end
            for deeds in LIVES.values()
            for deed in deeds
        )
        for begin, end in ((MONDAY, NEXT), (before, MONDAY))
    ]
    assert figures["corrections"] == tuple(corrections)
    assert found["corrections"] == [
        {"field": "category", "was": "network", "now": "payment", "times": corrections[0]}
    ]
    live = [
        sum(
            born(n) < end and not any(deed.type == "RESOLVED" and deed.at < end for deed in LIVES[n])
            for n in LIVES
        )
        for end in (NEXT, MONDAY)
    ]
    assert figures["open"] == pytest.approx(tuple(live), abs=3), "but for what is reopened just then"
    slowest = sorted(weeks[0], key=lambda n: (-(seconds(n, "ACKNOWLEDGED") or 0), str(incident_id(n))))[:5]
    assert [one["id"] for one in found["slowest"]] == [str(incident_id(n)) for n in slowest]
    assert [one["title"] for one in found["oldest"]] == [f"Incident {n}" for n in (0, 10, 20, 30, 40)]


@pytest.mark.parametrize("since", [MONDAY, MONDAY + timedelta(hours=12, minutes=30)])
async def test_the_digest_says_what_the_other_reports_say(told: Api, since: datetime) -> None:
    """It counts by itself, all at once."""
    week = {"since": since.isoformat()}
    found = await report(told, "weekly", **week)
    mtta, mttr, noise = [await report(told, name, **week) for name in ("mtta", "mttr", "noise")]
    figures = {one["name"]: (one["now"], one["before"]) for one in found["figures"]}
    assert figures["mtta"] == (mtta["total"]["p50"], mtta["totalBefore"]["p50"])
    assert figures["mttr"] == (mttr["total"]["p50"], mttr["totalBefore"]["p50"])
    assert figures["noisy"] == (noise["total"]["share"], noise["totalBefore"]["share"])
    totals = (mtta["total"], mtta["totalBefore"])
    assert figures["reported"] == tuple(one["incidents"] for one in totals)
    assert figures["reopened"] == tuple(one["reopened"] / one["incidents"] for one in totals)
    assert figures["unacknowledged"] == tuple(
        (one["incidents"] - one["ended"]) / one["incidents"] for one in totals
    )
    assert found["series"] == mtta["series"]
    assert found["noisiest"] == [row for row in noise["rows"][:5] if row["now"]["noisy"]]
    spans = ((since, NEXT), (datetime.fromisoformat(found["before"]["since"]), since))
    for value, (begin, end) in zip(figures["outsideHours"], spans, strict=True):
        ours = [number for number in LIVES if begin <= born(number) < end]
        assert value == sum(not office(born(number)) for number in ours) / len(ours)


@pytest.mark.parametrize(
    ("day", "at", "counts"),
    [
        # 22:00 is shown twice: the night begins with the first.
        (("America/Nuuk", "2022-10-29T02:00:00Z"), "2022-10-30T00:30:00Z", {"total": (1, 1)}),
        (("America/Nuuk", "2022-10-29T02:00:00Z"), "2022-10-29T23:30:00Z", {"total": (1, 0)}),
        # Midnight is: the day begins with the first.
        (("America/Havana", "2025-11-03T05:00:00Z"), "2025-11-02T04:30:00Z", {"totalBefore": (1, 1)}),
        (("America/Havana", "2025-11-03T05:00:00Z"), "2025-11-02T03:30:00Z", {"totalBefore": (0, 0)}),
    ],
)
async def test_nothing_is_lost_or_moved_where_the_clock_shows_an_hour_twice(
    api: Api, admin: asyncpg.Connection, day: tuple[str, str], at: str, counts: dict[str, tuple[int, int]]
) -> None:
    reported = Deed(incident=1, at=datetime.fromisoformat(at), type="CREATED", data={"title": "One"})
    await remembered(admin, [reported])
    await follow(api.app.state.pool, 1)
    zone, since = day
    until = datetime.fromisoformat(since) + timedelta(days=1)
    found = await report(api, "load", zone=zone, since=since, until=until.isoformat())
    assert {of: (found[of]["incidents"], found[of]["atNight"]) for of in counts} == counts


async def test_the_oldest_are_those_that_were_open_at_the_end_whatever_became_of_them(
    told: Api, admin: asyncpg.Connection
) -> None:
    """So a digest that is asked for again tells the same, and lists what its headline counts."""
    until = MONDAY + timedelta(hours=1)
    week = {"since": (until - timedelta(days=1)).isoformat(), "until": until.isoformat()}
    then = sorted(
        number
        for number, deeds in LIVES.items()
        if deeds[0].at < until
        and [
            deed.type
            for deed in deeds
            if deed.at < until and deed.type in {"CREATED", "REOPENED", "RESOLVED"}
        ][-1]
        != "RESOLVED"
    )
    later = [number for number in then if any(deed.type == "RESOLVED" for deed in LIVES[number])]
    assert later, "or there is nothing to tell apart"
    found = await report(told, "weekly", **week)
    figures = {one["name"]: one["now"] for one in found["figures"]}
    assert figures["open"] == len(then)
    assert [one["id"] for one in found["oldest"]] == [str(incident_id(number)) for number in then[:5]]
    # Without those that never end, the five oldest are among what has ended since.
    await admin.execute(
        "UPDATE incidents.stint_1 SET from_at = $1 WHERE kind = 'live' AND until_at IS NULL", NEXT
    )
    oldest = (await report(told, "weekly", **week))["oldest"]
    assert [one["id"] for one in oldest] == [str(incident_id(number)) for number in later[:5]]
    assert [one["seconds"] for one in oldest] == [
        (until - born(number)).total_seconds() for number in later[:5]
    ]


async def test_an_incident_counts_once_by_rule_also_when_it_is_given_on_in_the_same_moment(
    api: Api, admin: asyncpg.Connection
) -> None:
    """Where the clock was put back, all that comes until it has caught up is of one moment."""
    deeds = life(5)
    first_, again = deeds[2], Deed(**{**structs.asdict(deeds[2]), "actor": "user:ada"})
    await remembered(admin, [*deeds[:3], again])
    await follow(api.app.state.pool, 1)
    assert first_.at == again.at
    found = await report(api, "noise", by="rule", since=(first_.at - timedelta(days=1)).isoformat())
    assert [(row["value"], row["now"]["incidents"]) for row in found["rows"]] == [("routes.1", 1)]
    assert found["total"]["incidents"] == 1


@pytest.mark.parametrize(
    ("name", "wanted", "model"),
    [
        ("weekly", {}, "timeline"),
        ("weekly", {}, "incident"),
        ("noise", {"by": "dedupKey"}, "incident"),
        ("load", {}, "stint"),
        ("mttr", {}, "response"),
    ],
)
async def test_a_report_waits_for_whatever_it_is_made_of(
    told: Api, admin: asyncpg.Connection, name: str, wanted: dict[str, str], model: str
) -> None:
    head = await admin.fetchval("SELECT max(position) FROM eventstore.event")
    asked = WEEK | wanted | {"min_position": head}
    assert (await told.get(f"/reports/{name}", params=asked)).status_code == 200
    await admin.execute("UPDATE eventstore.subscription SET position = 9 WHERE name = $1", model)
    late = await told.get(f"/reports/{name}", params=asked)
    assert (late.status_code, late.json()["code"]) == (503, "behind")
    assert (await report(told, name, **wanted))["incompleteSince"] is not None


async def test_what_is_rare_is_looked_up_for_so_many_in_either_period(
    told: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time before is looked through as well: that may be the one with the flood."""
    monkeypatch.setattr("pulseops.analytics.noise.MOST", 100)
    after = {"since": (born(224) + timedelta(minutes=1)).isoformat(), "zone": "UTC"}
    ends = [{"until": (born(224) + timedelta(hours=hours)).isoformat()} for hours in (1, 24)]
    monkeypatch.setattr("pulseops.analytics.noise.MOST", 10)
    few, many = [await told.get("/reports/noise", params=after | end | {"by": "rule"}) for end in ends]
    assert few.status_code == 200
    assert (many.status_code, many.json()["code"]) == (422, "too-broad")


@pytest.fixture
def newest(tmp_path: Path) -> Iterator[str]:
    """A zone that Python knows of, and PostgreSQL does not: each has a list of its own."""
    name, known = "America/Newest", zoneinfo.TZPATH
    (tmp_path / "America").mkdir()
    # As RFC 9636 has it: no changes, one kind of time, and the rule for it.
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    part = b"TZif2" + bytes(15) + counts + struct.pack(">lBB", -18_000, 0, 0) + b"EST\0"
    (tmp_path / name).write_bytes(part + part + b"\nEST5\n")
    zoneinfo.reset_tzpath([str(tmp_path), *known])
    _zones.cache_clear()
    yield name
    zoneinfo.reset_tzpath(known)
    zoneinfo.ZoneInfo.clear_cache(only_keys=[name])
    _zones.cache_clear()


@pytest.mark.parametrize("name", ["load", "weekly"])
async def test_a_zone_that_only_the_database_lacks_is_named(told: Api, newest: str, name: str) -> None:
    refused = (await told.get(f"/reports/{name}", params=WEEK | {"zone": newest})).json()
    assert (refused["status"], refused["errors"][0]["parameter"]) == (422, "zone")
    assert newest in refused["errors"][0]["detail"]


async def test_a_key_that_is_limited_to_a_team_is_told_of_it_alone(told: Api) -> None:
    pool = told.app.state.pool
    token = await a_key(pool, "limited", role="viewer", teams=("payments",))
    ours = {"authorization": f"Bearer {token}"}
    for name in ("mtta", "mttr", "load", "noise", "weekly"):
        answer = await told.get(f"/reports/{name}", params=WEEK, headers=ours)
        wanted = await told.get(f"/reports/{name}", params=WEEK | {"team": "payments"})
        assert answer.json() == wanted.json() | {"teams": []}, name
        assert "network on call" not in answer.text
        assert "database" not in answer.text
    refused = await told.get("/reports/mtta", params={"team": "network"}, headers=ours)
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "team")
    assert "network" not in refused.text


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        ({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since", "before `until`"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since", "before `until`"),
        ({"since": "2999-01-01T00:00:00Z"}, "since", "not over yet"),
        ({"since": "2020-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since", "400 days"),
        ({"since": "0001-01-01T00:00:00Z", "until": "0001-01-02T00:00:00Z"}, "since", "no such time"),
        ({"until": "0001-01-01T00:00:00Z"}, "since", "no such time"),
        ({"zone": "Europe/Berlim"}, "zone", "Did you mean Europe/Berlin?"),
        ({"zone": "../etc/passwd"}, "zone", "no such time zone"),
        ({"zone": "localtime"}, "zone", "no such time zone"),
        ({"team": "payment"}, "team", "Did you mean payments?"),
        ({"by": "person"}, "by", "one of team, priority"),
        ({"rows": "0"}, "rows", ">= 1"),
        ({"bye": "team"}, "bye", "Did you mean by?"),
    ],
)
async def test_what_cannot_be_asked_is_named(
    api: Api, query: dict[str, str], parameter: str, detail: str
) -> None:
    refused = (await api.get("/reports/mtta", params=query)).json()
    assert (refused["status"], refused["errors"][0]["parameter"]) == (422, parameter)
    assert detail in refused["errors"][0]["detail"]


async def test_nothing_happened_and_one_thing_happened(api: Api, admin: asyncpg.Connection) -> None:
    await follow(api.app.state.pool, 1)
    for name in ("mtta", "mttr", "load", "noise", "weekly"):
        found = await report(api, name)
        assert found["incompleteSince"] is None
        assert len(found["series"]) == 7
        assert not found.get("rows"), "nobody is told of"
    empty = (await report(api, "mtta"))["total"]
    assert (empty["incidents"], empty["mean"], empty["p99"]) == (0, None, None)
    await remembered(admin, life(152))
    await admin.execute("DELETE FROM eventstore.subscription")
    await follow(api.app.state.pool, 1)
    one = (await report(api, "mtta"))["total"]
    assert one["mean"] == one["p50"] == one["p90"] == one["p99"] == seconds(152, "ACKNOWLEDGED")


async def test_a_report_says_from_when_on_it_is_not_complete(told: Api, admin: asyncpg.Connection) -> None:
    await admin.execute("UPDATE eventstore.subscription SET position = position - 400 WHERE name = 'stint'")
    position = await admin.fetchval("SELECT max(position) - 400 FROM eventstore.event")
    missing = await admin.fetchval(
        "SELECT recorded_at FROM eventstore.event WHERE position = $1", position + 1
    )
    found = await report(told, "mtta")
    assert datetime.fromisoformat(found["incompleteSince"]) == missing
    earlier = await report(told, "mtta", until=missing.isoformat())
    assert earlier["incompleteSince"] is None, "all of its own time is there"
    late = await told.get("/reports/mtta", params=WEEK | {"min_position": position + 1})
    assert (late.status_code, late.json()["code"]) == (503, "behind")


async def test_a_report_is_a_sheet_where_one_is_asked_for_and_has_a_tag_either_way(told: Api) -> None:
    plain = await told.get("/reports/load", params=WEEK)
    sheet = await told.get("/reports/load", params=WEEK, headers={"accept": "text/csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert sheet.headers["vary"] == plain.headers["vary"] == "accept"
    lines = sheet.text.split("\r\n")
    assert lines[0].startswith("period,of,name,incidents,acknowledged")
    assert len([line for line in lines if line.startswith("now,team,")]) == len(TEAMS)
    for first_, accept in ((plain, "application/json"), (sheet, "text/csv")):
        headers = {"if-none-match": first_.headers["etag"], "accept": accept}
        again = await told.get("/reports/load", params=WEEK, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
    assert plain.headers["etag"] != sheet.headers["etag"]
