"""Lists and counts say what Python says of the same incidents, in every order, whatever moves meanwhile."""

from datetime import timedelta
from itertools import combinations, count, cycle
from typing import Any, get_args

import asyncpg
import pytest
from msgspec.structs import asdict, replace

from pulseops.incidents.board import BOARD
from pulseops.incidents.facets import TooBroad, count_incidents
from pulseops.incidents.filters import Filters
from pulseops.incidents.incident import Incident
from pulseops.incidents.listing import Page, Sort, list_incidents
from pulseops.kernel.errors import InvalidInput
from pulseops.subscriptions.slices import Slice
from tests.integration.questions import FACETS, counted, lets_through, lives, ordered

SORTS: tuple[Sort, ...] = get_args(Sort)
COUNT = 55


async def listed(pool: asyncpg.Pool, filters: Filters, sort: Sort, limit: int = 7, **scope: Any) -> list[Any]:
    """The ids on all pages."""
    ids, cursor = list[Any](), None
    while True:
        page = await list_incidents(pool, filters, cursor, limit, sort=sort, log_id=1, **scope)
        ids += [one.id for one in page.items]
        assert len(ids) <= COUNT, "an incident came again"
        if (cursor := page.next_cursor) is None:
            return ids


def questions(incidents: dict[Any, Incident]) -> list[Filters]:
    """Each filter alone, and any two of them together."""
    times = sorted({one.created_at for one in incidents.values()})
    single: list[dict[str, Any]] = [
        {"status": ("open",)},
        {"status": ("resolved", "acknowledged")},
        {"priority": ("critical", "low")},
        {"category": ("%",)},
        {"category": ("nothing", "disk")},
        {"team": ("net,work",)},
        {"team": ("O'Brien", "storage")},
        {"service": ("cart; DROP TABLE",)},
        {"service": ("ümlaut", "checkout")},
        {"responder": ("ada",)},
        {"source": ("a=b,c",)},
        {"label": ("region=eu-1",)},
        {"label": ("odd", "region=eu-2")},
        {"label": ("odd=",)},
        {"label": ("nowhere",)},
        {"since": times[2]},
        {"since": times[1] + timedelta(microseconds=1)},
        {"until": times[3]},
        {"until": times[0]},
        {"since": times[-1] + timedelta(seconds=1)},
        {"text": "DISK full"},
        {"text": "rack 3"},
        {"text": "';--"},
    ]
    pairs = [one | other for one, other in combinations(single, 2) if not one.keys() & other.keys()]
    return [Filters(**one) for one in (*single, *pairs)]


async def test_every_filter_and_every_two_of_them_let_through_what_they_should(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    incidents = await lives(app, COUNT)
    asked = questions(incidents)
    assert len(asked) > 200
    found_any = 0
    for filters, sort in zip(asked, cycle(SORTS), strict=False):
        if filters.text == "';--":  # no word at all
            expected = []
        else:
            expected = [one.id for one in ordered(incidents, sort) if lets_through(filters, one)]
        assert await listed(pool, filters, sort) == expected, (filters, sort)
        found_any += bool(expected)
    assert found_any > len(asked) // 2, "most questions find something"


@pytest.mark.parametrize("sort", SORTS)
async def test_each_order_is_whole_in_pages_of_any_size(
    pool: asyncpg.Pool, app: asyncpg.Connection, sort: Sort
) -> None:
    incidents = await lives(app, 40)
    expected = [one.id for one in ordered(incidents, sort)]
    for limit in (1, 7, 40, 200):
        assert await listed(pool, Filters(), sort, limit) == expected
    wanted = Filters(priority=("high", "low"))
    assert await listed(pool, wanted, sort, 3) == [
        one.id for one in ordered(incidents, sort) if one.priority in {"high", "low"}
    ]


async def test_each_facet_is_counted_under_all_filters_but_its_own(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    incidents = await lives(app, COUNT)
    for filters in questions(incidents):
        if filters.text == "';--":
            continue
        facets = await count_incidents(pool, filters, log_id=1)
        assert facets.total == sum(lets_through(filters, one) for one in incidents.values()), filters
        for name in FACETS:
            told = {one.value: one.count for one in getattr(facets, name).values}
            assert told == counted(filters, incidents, name), (filters, name)
            assert getattr(facets, name).others == 0


async def test_more_than_is_counted_is_refused_and_not_guessed(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await lives(app, 20)
    assert (await count_incidents(pool, log_id=1, most=20)).total == 20
    with pytest.raises(TooBroad):
        await count_incidents(pool, log_id=1, most=19)
    few = Filters(status=("acknowledged",))
    with pytest.raises(TooBroad):  # the facet of its own filter counts them all
        await count_incidents(pool, few, log_id=1, most=19)


async def test_only_the_callers_teams_are_listed_and_counted(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    incidents = await lives(app, 40)
    for teams in (frozenset({"O'Brien"}), frozenset({"storage", "net,work"}), frozenset[str]()):
        inside = {id_: one for id_, one in incidents.items() if one.assigned_team in teams}
        for sort in SORTS:
            expected = [one.id for one in ordered(incidents, sort) if one.id in inside]
            assert await listed(pool, Filters(), sort, teams=teams) == expected
        outside = Filters(team=tuple({"storage", "net,work", "O'Brien"} - teams))
        assert await listed(pool, outside, "-created", teams=teams) == []
        facets = await count_incidents(pool, outside, teams=teams, log_id=1)
        assert {one.value for one in facets.team.values} == teams
        assert facets.total == 0


async def test_a_cursor_fits_only_the_list_that_it_came_from(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await lives(app, 20)
    ours = Filters(status=("open", "acknowledged"), label=("odd",))

    async def page(filters: Filters, cursor: str | None, **more: Any) -> Page:
        return await list_incidents(pool, filters, cursor, 2, **{"log_id": 1, **more})

    cursor = (await page(ours, None)).next_cursor
    assert cursor is not None
    reordered = replace(ours, status=("acknowledged", "open"))
    assert await page(ours, cursor) == await page(reordered, cursor)
    others: list[tuple[Filters, dict[str, Any]]] = [
        (Filters(), {}),
        (replace(ours, status=("open",)), {}),
        (replace(ours, text="disk"), {}),
        (ours, {"sort": "created"}),
        (ours, {"sort": "-updated"}),
        (ours, {"teams": frozenset({"storage"})}),
        (ours, {"log_id": 2}),
    ]
    for filters, more in others:
        with pytest.raises(InvalidInput) as refused:
            await page(filters, cursor, **more)
        assert refused.value.pointer == "/cursor"


@pytest.mark.parametrize("sort", SORTS)
async def test_what_is_reported_and_changed_while_a_reader_pages_keeps_what_each_order_promises(
    pool: asyncpg.Pool, app: asyncpg.Connection, sort: Sort
) -> None:
    """After each page an incident is reported, and one on either side of the reader is answered."""
    incidents = await lives(app, 30)
    there, head = list(incidents), max(one.position for one in incidents.values())
    seen, cursor, moved = list[Any](), None, set[Any]()
    for number in count(100):
        page = await list_incidents(pool, Filters(), cursor, 4, sort=sort, log_id=1)
        seen += [one.id for one in page.items]
        if (cursor := page.next_cursor) is None or len(seen) > 200:
            break
        if number < 105:
            new = await lives(app, 1, first=number, after=head)
            head += sum(one.version for one in new.values())
            ahead = next((one for one in reversed(ordered(incidents, sort)) if one.id not in moved), None)
            behind = incidents[next(id_ for id_ in there if id_ in seen and id_ not in moved)]
            for touched in {ahead.id if ahead else behind.id, behind.id}:
                await touch(app, touched, head := head + 1)
                moved.add(touched)
    mine = [id_ for id_ in seen if id_ in incidents]
    twice = {id_ for id_ in mine if mine.count(id_) > 1}
    missed = set(there) - set(mine)
    if sort != "updated":
        assert not twice
    if sort != "-updated":
        assert not missed
    assert (twice | missed) <= moved


_COMMENT = """
SELECT eventstore.append_v1(1::smallint, jsonb_build_array(jsonb_build_object(
  'stream_id', $1::uuid, 'command_id', gen_random_uuid(), 'expected_version', s.version,
  'events', jsonb_build_array(jsonb_build_object('type', 'COMMENTED', 'schema_version', 1,
    'event_id', gen_random_uuid(), 'occurred_at', clock_timestamp(), 'data', jsonb_build_object('text', 'x'),
    'meta', jsonb_build_object('actor', 'key:ada', 'correlationId', gen_random_uuid()))))))
FROM eventstore.stream s WHERE s.log_id = 1 AND s.stream_id = $1
"""


async def touch(app: asyncpg.Connection, incident_id: Any, position: int) -> None:
    """One more fact, which changes nothing but that it changed; it must come at `position`."""
    await app.execute(_COMMENT, incident_id)
    await BOARD.project(app, Slice(log_id=1, after=position - 1, up_to=position))
    row = "SELECT position FROM incidents.incident WHERE log_id = 1 AND id = $1"
    assert await app.fetchval(row, incident_id) == position


async def test_what_no_text_or_label_can_be_is_refused(pool: asyncpg.Pool) -> None:
    for filters, pointer in [
        (Filters(service=("\0",)), "/service"),
        (Filters(text="a\0"), "/text"),
        (Filters(label=("a\0=b",)), "/label"),
        (Filters(label=("=b",)), "/label"),
        (Filters(label=("a=b", "a=c")), "/label"),
    ]:
        for ask in (list_incidents, count_incidents):
            with pytest.raises(InvalidInput) as refused:
                await ask(pool, filters, log_id=1)
            assert refused.value.pointer == pointer


def test_no_filter_is_forgotten() -> None:
    asked = {name for name, value in asdict(Filters()).items() if not value}
    tried = {"status", "priority", "category", "team", "service", "responder", "source", "label", "text"}
    assert asked == tried | {"since", "until"}
