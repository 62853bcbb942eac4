"""The board: newest first, in pages, through filters; and what it refuses to show."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from pulseops.incidents.board import BOARD
from pulseops.incidents.commands import (
    Absorb,
    Acknowledge,
    Assign,
    Classify,
    Create,
    DeclareImpact,
    Link,
    Merge,
    Reassign,
    Resolve,
    Snooze,
)
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Decision
from pulseops.incidents.filters import Filters
from pulseops.incidents.listing import MOST, Page, list_incidents
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.ids import new_id
from pulseops.subscriptions.slices import Slice
from tests.histories import START, Step, enact, report
from tests.integration.appending import append, request

WHY = Decision(decided_by="rules", rule="r", rules_version="1", why="because")


ALL = Filters()


async def pages(pool: asyncpg.Pool, filters: Filters = ALL, limit: int = 2) -> list[Page]:
    found = [await list_incidents(pool, filters, limit=limit, log_id=1)]
    while (cursor := found[-1].next_cursor) is not None:
        found.append(await list_incidents(pool, filters, cursor, limit, log_id=1))
    return found


def titles(found: list[Page]) -> list[list[str]]:
    return [[incident.title for incident in page.items] for page in found]


async def test_pages_lead_from_the_newest_incident_to_the_oldest(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    head = await report(app, 5)
    await BOARD.project(app, Slice(log_id=1, after=0, up_to=head))
    expected = [["Incident 4", "Incident 3"], ["Incident 2", "Incident 1"], ["Incident 0"]]
    assert titles(await pages(pool)) == expected
    assert titles(await pages(pool, limit=5)) == [
        ["Incident 4", "Incident 3", "Incident 2", "Incident 1", "Incident 0"]
    ]


async def test_an_empty_board_is_one_empty_page(pool: asyncpg.Pool) -> None:
    assert await list_incidents(pool, log_id=1) == Page(items=(), next_cursor=None)


async def test_what_is_reported_while_a_reader_pages_neither_repeats_nor_hides_anything(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    await BOARD.project(app, Slice(log_id=1, after=0, up_to=await report(app, 4)))
    first = await list_incidents(pool, limit=2, log_id=1)
    await BOARD.project(app, Slice(log_id=1, after=4, up_to=await report(app, 3)))
    second = await list_incidents(pool, cursor=first.next_cursor, limit=2, log_id=1)
    assert titles([first, second]) == [["Incident 3", "Incident 2"], ["Incident 1", "Incident 0"]]


async def test_an_incident_on_the_board_is_the_folded_incident(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    more = (
        Reassign(responder="grace"),
        Link(url="https://wiki.example.com/net", title="What to do"),
        Absorb(incident=UUID(int=7)),
        DeclareImpact(services=("checkout",), customers=12),
        Snooze(until=START + timedelta(days=1)),
    )
    life = _life("critical", "net", *more)
    past = await enact(app, 1, [Step(0, command, "key:ada", apart=True) for command in life])
    (facts,) = past.values()
    assert len(facts) == len(life)
    await BOARD.project(app, Slice(log_id=1, after=0, up_to=len(facts)))
    (incident,) = (await list_incidents(pool, log_id=1)).items
    assert incident == INCIDENT.fold(facts)
    assert msgspec.json.decode(msgspec.json.encode(incident))["id"] == str(incident.id)


def _life(priority: Any, team: str, *more: Any) -> list[Any]:
    classify = Classify(
        priority=priority, category=f"{team}work", priority_decision=WHY, category_decision=WHY
    )
    return [Create(title=f"{priority} {team}"), classify, Assign(team=team, decision=WHY), *more]


async def test_filters_let_through_what_has_one_of_the_values_of_each(
    pool: asyncpg.Pool, app: asyncpg.Connection
) -> None:
    lives = [
        _life("low", "net"),
        _life("high", "net", Acknowledge()),
        _life("high", "disk", Resolve()),
        _life("critical", "disk"),
        _life("medium", "tape", Merge(into=UUID(int=7))),
    ]
    plan = [
        Step(number, command, "key:ada", apart=True) for number, life in enumerate(lives) for command in life
    ]
    past = await enact(app, 1, plan)
    await BOARD.project(app, Slice(log_id=1, after=0, up_to=sum(map(len, past.values()))))
    for filters, expected in [
        (Filters(), ["medium tape", "critical disk", "high disk", "high net", "low net"]),
        (Filters(status=("merged",)), ["medium tape"]),
        (Filters(status=("merged", "open")), ["medium tape", "critical disk", "low net"]),
        (Filters(status=("open",)), ["critical disk", "low net"]),
        (Filters(status=("open", "acknowledged")), ["critical disk", "high net", "low net"]),
        (Filters(status=("resolved", "acknowledged")), ["high disk", "high net"]),
        (Filters(priority=("high",)), ["high disk", "high net"]),
        (Filters(priority=("high", "low")), ["high disk", "high net", "low net"]),
        (Filters(category=("network",)), ["high net", "low net"]),
        (Filters(team=("disk",)), ["critical disk", "high disk"]),
        (Filters(team=("disk", "net"), priority=("high",), status=("resolved",)), ["high disk"]),
        (Filters(team=("nobody",)), []),
    ]:
        found = titles(await pages(pool, filters, limit=1))
        assert [title for page in found for title in page] == expected, filters


async def test_a_page_that_cannot_be_is_refused(pool: asyncpg.Pool) -> None:
    for limit in (-1, 0, MOST + 1):
        with pytest.raises(InvalidInput) as refused:
            await list_incidents(pool, limit=limit, log_id=1)
        assert refused.value.pointer == "/limit"


async def test_a_cursor_that_is_not_ours_is_refused(pool: asyncpg.Pool, app: asyncpg.Connection) -> None:
    await BOARD.project(app, Slice(log_id=1, after=0, up_to=await report(app, 3)))
    ours = (await list_incidents(pool, limit=1, log_id=1)).next_cursor
    assert ours is not None
    forged = [
        "",
        "3",
        "AAAA",
        "é",
        "\0",
        "!" * 19,
        ours[:-1],
        ours + "A",
        ours[1:],
        f"{ours}=",
        "A" * len(ours),
    ]
    forged += [
        ours[:place] + ("A" if ours[place] != "A" else "B") + ours[place + 1 :] for place in range(len(ours))
    ]
    for cursor in forged:
        with pytest.raises(InvalidInput) as refused:
            await list_incidents(pool, cursor=cursor, log_id=1)
        assert refused.value.pointer == "/cursor"
    with pytest.raises(InvalidInput):
        await list_incidents(pool, cursor=ours, log_id=2)


async def test_a_filter_that_no_text_can_equal_is_refused(pool: asyncpg.Pool) -> None:
    for filters, pointer in ((Filters(category=("a\0",)), "/category"), (Filters(team=("\0",)), "/team")):
        with pytest.raises(InvalidInput) as refused:
            await list_incidents(pool, filters, log_id=1)
        assert refused.value.pointer == pointer


async def test_facts_of_an_unknown_kind_are_not_passed_over(app: asyncpg.Connection) -> None:
    await append(app, request(events=2))
    for projector in (BOARD, TIMELINE):
        with pytest.raises(asyncpg.FeatureNotSupportedError, match=r"NOTED version 1, (.|\n)* position 1"):
            await projector.project(app, Slice(log_id=1, after=0, up_to=2))


async def test_a_history_whose_beginning_is_missing_is_not_shown_but_complained_of(
    app: asyncpg.Connection,
) -> None:
    past = await enact(app, 1, [Step(0, command, "key:ada", apart=True) for command in _life("low", "net")])
    (incident_id,) = past
    with pytest.raises(asyncpg.RaiseError, match=rf"has facts, but was never created\n.*{incident_id}"):
        await BOARD.project(app, Slice(log_id=1, after=1, up_to=3))
    assert await app.fetchval("SELECT count(*) FROM incidents.incident") == 0


async def test_a_fact_of_a_later_schema_is_not_guessed_at(app: asyncpg.Connection) -> None:
    stream_id: UUID = new_id()
    await report(app, 1)
    batch = msgspec.json.decode(msgspec.json.encode([request(stream_id)]))
    batch[0]["events"][0] |= {"type": "CREATED", "schema_version": 2, "data": {"title": "new ways"}}
    await app.fetch(
        "SELECT * FROM eventstore.append_v2(1::smallint, $1)", msgspec.json.encode(batch).decode()
    )
    with pytest.raises(
        asyncpg.FeatureNotSupportedError, match=r"History holds CREATED version 2, (.|\n)* position 2"
    ):
        await BOARD.project(app, Slice(log_id=1, after=0, up_to=2))
    assert await app.fetchval("SELECT count(*) FROM incidents.incident") == 0


async def test_an_analyst_may_do_nothing_with_the_tables(
    pool: asyncpg.Pool, admin: asyncpg.Connection
) -> None:
    await admin.execute("SET ROLE pulseops_analyst")
    for name in ("incident", "timeline"):
        for attack in (
            f"SELECT FROM incidents.{name}",
            f"DELETE FROM incidents.{name}",
            f"DROP VIEW incidents.{name}",
            f"TRUNCATE incidents.{name}_1",
            f"SELECT FROM incidents.{name}_1",
            f"SELECT incidents.project_{name}_v1(1::smallint, 0, 1)",
            f"SELECT incidents.project_{name}_v2(1::smallint, 1::smallint, 0, 1, 0, 1, '{{}}', '{{}}')",
            f"SELECT eventstore.begin_generation_v1('{name}')",
            f"SELECT eventstore.drop_generation_v1('{name}', 1::smallint)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await admin.execute(attack)


async def test_every_column_says_what_it_holds(admin: asyncpg.Connection) -> None:
    silent = await admin.fetch(
        """
        SELECT c.relname, a.attname FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'incidents'::regnamespace AND c.relkind IN ('r', 'v')
          AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)
        """
    )
    assert silent == []
