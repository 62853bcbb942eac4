"""A list as of a position is the list as it would be, had history ended there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.eventstore.affordable import affordable
from pulseops.eventstore.directory import create_log
from pulseops.eventstore.moments import position_of, span_of
from pulseops.incidents.as_of import Start, list_as_of, start_in
from pulseops.incidents.between import list_between, place_in
from pulseops.incidents.board import BOARD
from pulseops.incidents.commands import Comment, Create, Edit, Reassign
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.differences import ListDiff
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.facets import Count, TooBroad, count_as_of
from pulseops.incidents.filters import Filters
from pulseops.incidents.incident import Incident
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import InvalidInput, NotFound
from pulseops.kernel.moments import At
from pulseops.subscriptions.slices import Slice
from tests.histories import Step, enact, plans, priorities, words

Past = dict[UUID, list[Recorded[IncidentFact]]]

_names: Iterator[str] = (f"as-of-{number}" for number in count())
_priorities: st.SearchStrategy[Any] = priorities
_alone = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def had_it_ended(past: Past, position: int) -> list[Incident]:
    """All incidents as the board would have them, newest first."""
    found = []
    for facts in past.values():
        incident = INCIDENT.fold([fact for fact in facts if fact.position <= position])
        if incident is not None:
            found.append((facts[0].position, incident))
    return [incident for _, incident in sorted(found, reverse=True)]


async def listed(connection: asyncpg.Connection, position: int, **asked: Any) -> list[Incident]:
    """All pages, two at a time."""
    page = await list_as_of(connection, Start(position), limit=2, **asked)
    found = list(page.items)
    while page.next_cursor is not None:
        page = await list_as_of(connection, start_in(page.next_cursor, b""), limit=2, **asked)
        found += page.items
    return found


async def history(app: asyncpg.Connection, plan: Sequence[Step]) -> tuple[int, Past, int]:
    """The log, what it holds, and the position that the board was brought to."""
    log_id = await create_log(app, next(_names), now=utc_now())
    past = await enact(app, log_id, plan)
    head = sum(len(facts) for facts in past.values())
    await BOARD.project(app, Slice(log_id=log_id, after=0, up_to=head))
    return log_id, past, head


@settings(max_examples=12, **_alone)  # type: ignore[arg-type]
@given(plan=plans(), data=st.data())
async def test_any_history_is_listed_as_of_any_position_as_if_it_had_ended_there(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id, past, head = await history(app, plan)
    for position in data.draw(st.sets(st.integers(0, head), max_size=8)) | {0, head}:
        expected = had_it_ended(past, position)
        assert await listed(app, position, log_id=log_id) == expected
        assert await listed(app, position, log_id=log_id, sort="created") == expected[::-1]
        assert await listed(app, position, log_id=log_id, most_folded=1) == expected, "short pages lead on"


@settings(max_examples=12, **_alone)  # type: ignore[arg-type]
@given(plan=plans(), data=st.data())
async def test_filters_ask_what_an_incident_was_and_not_what_it_is(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id, past, head = await history(app, plan)
    position = data.draw(st.integers(0, head))
    then = had_it_ended(past, position)
    teams = sorted({one.assigned_team for one in then if one.assigned_team}) or ["nobody"]
    services = sorted({one.service for one in then if one.service}) or ["nothing"]
    given = {(name, value) for one in then for name, value in one.labels.items() if "=" not in name}
    labels = sorted(f"{name}={value}" for name, value in given) or ["a=b"]
    for filters in (
        Filters(status=("open",)),
        Filters(status=("resolved", "merged"), priority=(data.draw(_priorities),)),
        Filters(team=(data.draw(st.sampled_from(teams)),)),
        Filters(service=(data.draw(st.sampled_from(services)),)),
        Filters(label=(data.draw(st.sampled_from(labels)),)),
        Filters(category=(data.draw(words),), source=("user",)),
    ):
        found = await listed(app, position, log_id=log_id, filters=filters)
        assert found == [one for one in then if _lets_through(filters, one)]


def _lets_through(filters: Filters, one: Incident) -> bool:
    asked = (
        (filters.status, one.status),
        (filters.priority, one.priority),
        (filters.category, one.category),
        (filters.team, one.assigned_team),
        (filters.service, one.service),
        (filters.source, one.source),
    )
    labels = {f"{name}={value}" for name, value in one.labels.items()}
    return all(not wanted or value in wanted for wanted, value in asked) and labels.issuperset(filters.label)


async def test_long_stories_are_told_a_few_at_a_time(app: asyncpg.Connection) -> None:
    plan = [Step(number, Create(title=f"Number {number}"), "key:a", apart=False) for number in range(5)]
    plan += [Step(n % 5, Comment(text="And so on."), "key:a", apart=False) for n in range(100)]
    log_id, past, head = await history(app, plan)
    expected, sizes = had_it_ended(past, head - 5), list[int]()
    assert {one.version for one in expected} == {20}
    start, found = Start(head - 5), list[Incident]()
    while len(found) < 5:
        page = await list_as_of(app, start, limit=10, log_id=log_id, most_folded=50)
        found += page.items
        sizes.append(len(page.items))
        start = start_in(page.next_cursor, b"") if page.next_cursor is not None else start
    assert (found, sizes) == (expected, [2, 2, 1])
    span = await span_of(app, At(head - 5), At(head), log_id=log_id)
    differing, place = list[UUID](), None
    for many in (2, 2, 1):
        told = await list_between(app, span, after=place, log_id=log_id, most_folded=50)
        differing += [one.id for one in told.items]
        assert len(told.items) == many
        place = (await place_in(app, told.next_cursor, b"", log_id=log_id))[1] if told.next_cursor else None
    assert (sorted(differing), place) == (sorted(past), None)
    streams = [*past, *past]
    assert await affordable(app, streams, most=50, log_id=log_id) == (2, 42)
    assert await affordable(app, streams, most=1, log_id=log_id) == (1, 21), "or nobody would get beyond it"
    assert await affordable(app, [None, *streams], most=1, log_id=log_id) == (1, 0)
    assert await affordable(app, [], log_id=log_id) == (0, 0)


async def test_what_was_is_counted_exactly_or_not_at_all(app: asyncpg.Connection) -> None:
    plan = [Step(number, Create(title=f"Number {number}"), "key:a", apart=False) for number in range(5)]
    plan += [Step(number, Edit(title="Another"), "key:a", apart=False) for number in range(3)]
    log_id, _, head = await history(app, plan)
    assert (await count_as_of(app, 5, log_id=log_id, most=5, most_folded=6)).total == 5
    assert (await count_as_of(app, 4, log_id=log_id)).status.values == (Count(value="open", count=4),)
    assert (await count_as_of(app, 5, Filters(text="another"), log_id=log_id)).total == 0
    assert (await count_as_of(app, 0, log_id=log_id)).total == 0
    for most, folded, position in ((4, 6, 5), (5, 5, 5), (4, 0, head)):
        with pytest.raises(TooBroad):
            await count_as_of(app, position, log_id=log_id, most=most, most_folded=folded)


async def test_words_are_looked_for_in_what_was_said_then(app: asyncpg.Connection) -> None:
    plan = [
        Step(0, Create(title="The disk is full"), "key:probe", apart=False),
        Step(0, Edit(title="The database is slow"), "key:probe", apart=True),
        Step(1, Create(title="The disk is slow"), "key:probe", apart=True),
    ]
    log_id, _, _ = await history(app, plan)
    disk = Filters(text="disk")
    assert [one.title for one in await listed(app, 1, log_id=log_id, filters=disk)] == ["The disk is full"]
    assert await listed(app, 2, log_id=log_id, filters=disk) == []
    assert [one.title for one in await listed(app, 3, log_id=log_id, filters=disk)] == ["The disk is slow"]


async def test_who_sees_an_incident_now_sees_it_as_it_was_and_nobody_else_does(
    app: asyncpg.Connection,
) -> None:
    plan = [
        Step(0, Create(title="It moves"), "key:probe", apart=False),
        Step(0, Reassign(team="before"), "key:probe", apart=True),
        Step(0, Reassign(team="after"), "key:probe", apart=True),
    ]
    log_id, past, _ = await history(app, plan)
    (then,) = had_it_ended(past, 2)
    assert then.assigned_team == "before"
    assert await listed(app, 2, log_id=log_id, teams=frozenset({"after"})) == [then]
    assert await listed(app, 2, log_id=log_id, teams=frozenset({"before"})) == []


async def test_a_list_as_of_a_moment_is_sorted_by_creation_alone(app: asyncpg.Connection) -> None:
    for sort in ("-updated", "updated", "-priority", "priority"):
        with pytest.raises(InvalidInput, match="sorted by"):
            await list_as_of(app, Start(0), log_id=1, sort=sort)
    with pytest.raises(InvalidInput, match="not a cursor of this list"):
        start_in("abc", b"")


async def test_a_time_is_the_newest_position_recorded_by_then(app: asyncpg.Connection) -> None:
    before = utc_now() - timedelta(days=1)
    log_id = await create_log(app, next(_names), now=utc_now())
    assert await position_of(app, utc_now(), log_id=log_id) == 0, "nothing is recorded yet"
    steps = [
        Step(n // 3, Comment(text="?") if n % 3 else Create(title="?"), "key:a", apart=n % 2 == 0)
        for n in range(30)
    ]
    past = await enact(app, log_id, steps)
    recorded = sorted((fact.position, fact.recorded_at) for facts in past.values() for fact in facts)
    instants = sorted({at for _, at in recorded})
    for at in (before, *instants, *(one - timedelta(microseconds=1) for one in instants), utc_now()):
        expected = max((position for position, then in recorded if then <= at), default=0)
        assert await position_of(app, at, log_id=log_id) == expected
    assert (
        await position_of(app, None, log_id=log_id)
        == await position_of(app, utc_now() + timedelta(days=365), log_id=log_id)
        == len(recorded)
    )
    assert await position_of(app, At(0), log_id=log_id) == 0
    with pytest.raises(NotFound, match=f"no position {len(recorded) + 1}"):
        await position_of(app, At(len(recorded) + 1), log_id=log_id)


async def test_a_moment_whose_events_are_archived_is_told_so(
    app: asyncpg.Connection, admin: asyncpg.Connection
) -> None:
    log_id = await create_log(app, next(_names), now=utc_now())
    floor = utc_now()
    await admin.execute(
        "UPDATE eventstore.log SET floor_position = 7, floor_time = $2 WHERE log_id = $1", log_id, floor
    )
    assert await position_of(app, floor, log_id=log_id) == 7
    assert await position_of(app, At(7), log_id=log_id) == 7
    for archived in (floor - timedelta(seconds=1), At(6), At(0)):
        with pytest.raises(NotFound, match="archived"):
            await position_of(app, archived, log_id=log_id)


@settings(max_examples=12, **_alone)  # type: ignore[arg-type]
@given(plan=plans(), data=st.data())
async def test_what_differs_between_two_positions_is_what_the_folds_say(
    app: asyncpg.Connection, plan: list[Step], data: st.DataObject
) -> None:
    log_id, past, head = await history(app, plan)
    first, last = sorted(data.draw(st.tuples(st.integers(0, head), st.integers(0, head))))
    before = {one.id: one for one in had_it_ended(past, first)}
    after = {one.id: one for one in had_it_ended(past, last)}
    span = await span_of(app, At(first), At(last), log_id=log_id)
    pages, place, looked = list[ListDiff](), None, data.draw(st.sampled_from([3, 1_000]))
    while not pages or pages[-1].next_cursor is not None:
        if pages:
            _, place = await place_in(app, pages[-1].next_cursor or "", b"", log_id=log_id)
        page = await list_between(app, span, after=place, limit=2, log_id=log_id, most_looked_at=looked)
        pages.append(page)
    found = {one.id: one for page in pages for one in page.items}
    assert sum(len(page.items) for page in pages) == len(found), "nothing comes twice"
    assert found.keys() == {key for key, one in after.items() if one != before.get(key)}
    for key, one in found.items():
        was = msgspec.to_builtins(before[key]) if key in before else {}
        now = msgspec.to_builtins(after[key])
        assert one.created == (key not in before)
        assert {change.field: (change.before, change.after) for change in one.changes} == {
            name: (was.get(name), now[name])
            for name in now
            if name not in {"id", "version", "position", "updatedAt"}
            and (now[name] != was[name] if was else now[name] not in (None, "", (), [], {}))
        }
    between = [fact for facts in past.values() for fact in facts if first < fact.position <= last]
    counts = pages[0].counts
    assert counts is not None
    assert counts.incidents == len(found)
    assert counts.events == Counter(fact.fact.type for fact in between)
    assert all(page.counts is None for page in pages[1:])
