"""A command and the inline reactors' answers to it, drafted as one append."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from pulseops.eventstore.append import AppendRequest, AppendResult
from pulseops.eventstore.store import EventStore
from pulseops.incidents.commands import Assign, Classify, Command, Create
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Assigned, Classified, Created, Decision, IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.kernel.decider import Reactor
from pulseops.kernel.envelope import Context, Recorded
from pulseops.kernel.ids import derived_id
from tests.scenario import NOON, STREAM

WHY = Decision(decided_by="rules", rule="demo", rules_version="1", why="because")


class Nowhere:
    """Drafts are pure: neither an appender nor a history is ever asked."""

    async def append(self, request: AppendRequest) -> AppendResult:
        raise NotImplementedError

    async def append_together(self, requests: Sequence[AppendRequest]) -> Sequence[AppendResult]:
        raise NotImplementedError

    def at(self, connection: object) -> "Nowhere":
        return self

    async def stream(self, stream_id: UUID, *, up_to_version: int | None = None) -> Sequence[Recorded[Any]]:
        raise NotImplementedError

    async def answered(self, command_id: UUID, fingerprint: UUID | None) -> AppendResult | None:
        raise NotImplementedError


def classify(recorded: Recorded[Any], incident: Any) -> Sequence[Command]:
    if not isinstance(recorded.fact, Created):
        return []
    return [Classify(priority="high", category="network", priority_decision=WHY, category_decision=WHY)]


def assign(recorded: Recorded[Any], incident: Any) -> Sequence[Command]:
    return [Assign(team="net", decision=WHY)] if isinstance(recorded.fact, Classified) else []


STORE: EventStore[Command, Incident | None, IncidentFact] = EventStore(
    INCIDENT,
    appender=Nowhere(),
    history=Nowhere(),
    reactors=[Reactor(name="classification", react=classify), Reactor(name="assignment", react=assign)],
)
CONTEXT = Context(
    actor="key:probe",
    now=NOON,
    command_id=derived_id("command"),
    correlation_id=derived_id("correlation"),
    occurred_at=NOON - timedelta(hours=3),
)


def test_created_classified_and_assigned_are_one_append() -> None:
    draft = STORE.draft(STREAM, None, 0, Create(title="Link down", dedup_key="eth0"), CONTEXT)
    assert [type(fact.fact) for fact in draft.facts] == [Created, Classified, Assigned]
    assert [fact.version for fact in draft.facts] == [1, 2, 3]
    assert draft.request.expected_version == 0
    assert draft.request.take == "dedup:eth0"
    assert [event.data for event in draft.request.events] == [fact.fact for fact in draft.facts]


def test_each_reaction_names_its_author_and_its_cause() -> None:
    created, classified, assigned = STORE.draft(STREAM, None, 0, Create(title="Link down"), CONTEXT).facts
    assert [fact.meta.actor for fact in (created, classified, assigned)] == [
        "key:probe",
        "system:classification",
        "system:assignment",
    ]
    assert [fact.meta.causation_id for fact in (created, classified, assigned)] == [
        None,
        created.event_id,
        classified.event_id,
    ]
    assert {fact.meta.correlation_id for fact in (created, classified, assigned)} == {CONTEXT.correlation_id}


def test_a_reaction_happens_now_even_to_a_report_about_the_past() -> None:
    created, *reactions = STORE.draft(STREAM, None, 0, Create(title="Link down"), CONTEXT).facts
    assert created.occurred_at == NOON - timedelta(hours=3)
    assert [reaction.occurred_at for reaction in reactions] == [NOON, NOON]


def test_a_repeated_draft_has_the_same_event_ids() -> None:
    first = STORE.draft(STREAM, None, 0, Create(title="Link down"), CONTEXT)
    assert STORE.draft(STREAM, None, 0, Create(title="Link down"), CONTEXT).request == first.request


def test_a_settled_draft_stands_at_its_true_place_and_time() -> None:
    draft = STORE.draft(STREAM, None, 0, Create(title="Link down"), CONTEXT)
    at = NOON + timedelta(seconds=5)
    stored = AppendResult(verdict="stored", stream_id=STREAM, version=3, position=42, recorded_at=at)
    outcome = STORE.settle(draft, stored)
    assert [fact.position for fact in outcome.facts] == [40, 41, 42]
    assert {fact.recorded_at for fact in outcome.facts} == {at}
    assert outcome.state is not None
    assert (outcome.state.position, outcome.state.version, outcome.state.assigned_at) == (42, 3, at)
