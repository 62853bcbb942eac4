"""Random histories of many incidents, made by the real decider and appended through append_v2."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from pulseops.eventstore.append import AppendRequest, AppendResult
from pulseops.eventstore.outcome import Draft
from pulseops.eventstore.store import EventStore
from pulseops.incidents.commands import (
    Absorb,
    Acknowledge,
    Assign,
    ChangeCategory,
    ChangePriority,
    Classify,
    Command,
    Comment,
    Conclude,
    Create,
    DeclareImpact,
    Edit,
    Escalate,
    Lapse,
    Link,
    Merge,
    Reassign,
    Release,
    Reopen,
    Resolve,
    Snooze,
    Split,
    Unacknowledge,
    Unsnooze,
)
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Candidate, Decision, IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.kernel.decider import Reactor
from pulseops.kernel.envelope import Context, Recorded
from pulseops.kernel.errors import InvalidInput, InvalidTransition, NotFound
from pulseops.kernel.ids import derived_id, new_id

START, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)

IncidentDraft = Draft[Incident | None, IncidentFact]
APPEND = "SELECT verdict, stream_id, version, position, recorded_at FROM eventstore.append_v2($1, $2)"

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
titles = texts.map(lambda text: f"{text}!")
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds, aware values
priorities = st.sampled_from(["low", "medium", "high", "critical"])
decisions = st.builds(
    Decision,
    decided_by=words,
    rule=words,
    rules_version=words,
    why=texts,
    evidence=st.lists(texts, max_size=2).map(tuple),
    confidence=st.none() | st.floats(0, 1),
    candidates=st.lists(st.builds(Candidate, words, st.floats(0, 1)), max_size=2).map(tuple),
)
creations = st.builds(
    Create,
    title=titles,
    description=texts,
    source=st.sampled_from(["user", "monitoring", "webhook"]),
    service=st.none() | words,
    environment=st.none() | words,
    labels=st.dictionaries(words, texts, max_size=2),
    priority=st.none() | priorities,
    occurred_at=st.none() | moments,
    dedup_key=st.none(),
)
forward = st.one_of(
    st.builds(
        Classify,
        priority=priorities,
        category=words,
        priority_decision=decisions,
        category_decision=decisions,
    ),
    st.builds(Assign, team=words, decision=decisions),
    st.builds(Reassign, team=st.none() | words, responder=st.none() | words, note=texts),
    st.builds(Acknowledge, note=texts),
    st.builds(
        Escalate,
        level=st.integers(1, 4),
        to=words,
        policy=words,
        due_at=moments,
        late_by=st.floats(0, 1e9),
        decision=decisions,
        asked=st.booleans(),
    ),
    st.builds(Resolve, note=texts, resolution=st.sampled_from([None, "fixed"]), cause=st.none() | texts),
)
"""What most incidents know: the six facts that take them from the report to the end."""

_others = st.sampled_from([derived_id(UUID(int=0), number) for number in range(3)])
back_and_forth = st.one_of(
    st.builds(Unacknowledge, note=texts),
    st.builds(Snooze, until=st.integers(1, 80).map(lambda days: START + days * DAY), note=texts),
    st.builds(Unsnooze, note=texts),
    st.builds(
        Lapse,
        what=st.sampled_from(["acknowledgement", "snooze", "incident"]),
        due_at=moments,
        decision=decisions,
    ),
    st.builds(ChangePriority, priority=priorities, correction=st.booleans(), note=texts),
    st.builds(ChangeCategory, category=words, correction=st.booleans(), note=texts),
    st.builds(
        Edit,
        title=st.none() | titles,
        description=st.none() | texts,
        labels=st.dictionaries(words, st.none() | texts, max_size=2),
    ),
    st.builds(Comment, text=titles),
    st.builds(Link, incident=_others, title=texts, relation=st.sampled_from(["related", "causes"])),
    st.builds(Link, url=words.map(lambda word: f"https://example.com/{word}"), note=texts),
    st.builds(Merge, into=_others, note=texts),
    st.builds(Absorb, incident=_others, note=texts),
    st.builds(Split, note=texts),
    st.builds(Release, incident=_others, note=texts),
    st.builds(
        DeclareImpact,
        services=st.lists(words, max_size=2).map(tuple),
        customers=st.none() | st.integers(0, 1_000_000_000),
    ),
    st.builds(Conclude, decision=decisions),
    st.builds(Reopen, note=texts),
)
changes = forward | back_and_forth


class Step(Struct, frozen=True):
    """A command by `actor` to incident number `incident`; `apart` closes the append batch before it."""

    incident: int
    command: Command
    actor: str
    apart: bool


@st.composite
def plans(draw: st.DrawFn, incidents: int = 5, most: int = 30) -> list[Step]:
    """Reports, and commands to those incidents in any order; what may not be is left out when enacted.

    Half of the plans go forward only, as most lives do; the others are long, and of few incidents.
    """
    lively = draw(st.booleans(), label="back and forth")
    reports = draw(st.lists(creations, min_size=1, max_size=2 if lively else incidents))
    steps = draw(
        st.lists(
            st.builds(
                Step,
                incident=st.integers(0, len(reports) - 1),
                command=changes if lively else forward,
                actor=words,
                apart=st.booleans(),
            ),
            min_size=most if lively else 0,
            max_size=2 * most if lively else most,
        )
    )
    begun = [Step(number, command, "key:probe", apart=False) for number, command in enumerate(reports)]
    late = draw(st.integers(0, len(steps)))
    return [*begun[:1], *steps[:late], *begun[1:], *steps[late:]]


def store(
    log_id: int, reactors: Sequence[Reactor] = ()
) -> EventStore[Command, Incident | None, IncidentFact]:
    """For drafts alone: it has nothing to load from or append to."""
    nothing: Any = None
    return EventStore(INCIDENT, appender=nothing, history=nothing, reactors=reactors, log_id=log_id)


async def enact(
    connection: asyncpg.Connection, log_id: int, plan: Sequence[Step], *, reactors: Sequence[Reactor] = ()
) -> dict[UUID, list[Recorded[IncidentFact]]]:
    """Append what the decider makes of the plan; what history then holds, by incident."""
    incidents = store(log_id, reactors)
    ids: dict[int, UUID] = {}
    past: dict[UUID, list[Recorded[IncidentFact]]] = {}
    batch: dict[UUID, IncidentDraft] = {}

    async def flush() -> None:
        for stream_id, facts in await append(connection, log_id, list(batch.values()), incidents.settle):
            past[stream_id].extend(facts)
        batch.clear()

    for number, step in enumerate(plan):
        stream_id = ids.setdefault(step.incident, new_id())
        if step.apart or stream_id in batch:
            await flush()
        history = past.setdefault(stream_id, [])
        context = Context(
            actor=step.actor,
            now=START + timedelta(seconds=number),
            command_id=derived_id(stream_id, number),
            correlation_id=stream_id,
            occurred_at=getattr(step.command, "occurred_at", None),
        )
        command, state = step.command, INCIDENT.fold(history)
        if isinstance(command, Create) and command.occurred_at is not None:
            command = replace(command, occurred_at=min(command.occurred_at, context.now))
        try:
            draft = incidents.draft(stream_id, state, len(history), command, context)
        except (InvalidInput, InvalidTransition, NotFound):
            continue
        if draft.facts:
            batch[stream_id] = draft
    await flush()
    return {stream_id: facts for stream_id, facts in past.items() if facts}


async def append(
    connection: asyncpg.Connection,
    log_id: int,
    drafts: Sequence[IncidentDraft],
    settle: Callable[[IncidentDraft, AppendResult], Any],
    *,
    by: str = APPEND,
) -> list[tuple[UUID, tuple[Recorded[IncidentFact], ...]]]:
    """One append batch, all of which must be stored."""
    if not drafts:
        return []
    rows = await connection.fetch(by, log_id, encoded([draft.request for draft in drafts]))
    results = [AppendResult(**dict(row)) for row in rows]
    assert {result.verdict for result in results} == {"stored"}
    return [
        (draft.request.stream_id, settle(draft, result).facts)
        for draft, result in zip(drafts, results, strict=True)
    ]


def encoded(requests: Sequence[AppendRequest]) -> str:
    return msgspec.json.encode(requests).decode()


async def report(
    connection: asyncpg.Connection, count: int, *, log_id: int = 1, by: str = APPEND, **fields: Any
) -> int:
    """`count` incidents of one fact each, in one batch; the position of the last."""
    incidents = store(log_id)
    context = Context(actor="key:probe", now=START, command_id=new_id(), correlation_id=new_id())
    drafts = [
        incidents.draft(
            new_id(), None, 0, Create(title=f"Incident {n}", **fields), replace(context, command_id=new_id())
        )
        for n in range(count)
    ]
    settled = await append(connection, log_id, drafts, incidents.settle, by=by)
    return settled[-1][1][-1].position
