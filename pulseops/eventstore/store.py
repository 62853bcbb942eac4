"""The only way into history: load, decide, react, append."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from pulseops.db.outages import OUTAGES
from pulseops.eventstore.append import AppendRequest, AppendResult, NewEvent
from pulseops.kernel.decider import Claims, Decider, Reactor
from pulseops.kernel.envelope import Context, Fact, Meta, Recorded
from pulseops.kernel.errors import CommandReused, NameTaken, OutcomeUnknown, VersionConflict
from pulseops.kernel.ids import derived_id

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F", bound=Fact)

_ATTEMPTS = 8


class Appender(Protocol):
    """Where requests go to become history."""

    async def append(self, request: AppendRequest) -> AppendResult:
        """The request's result, after the commit that made it durable."""


class History(Protocol):
    """Where streams are read from."""

    def at(self, connection: Any) -> "History":
        """The same log as this connection's server has it."""

    async def stream(self, stream_id: UUID, *, up_to_version: int | None = None) -> Sequence[Recorded[Any]]:
        """A stream's facts in order; empty when there is no such stream."""

    async def answered(self, command_id: UUID, fingerprint: UUID | None) -> AppendResult | None:
        """The first result of a command (`replayed` or `reused`), if it was stored before."""


class Outcome(Struct, Generic[S, F], frozen=True, kw_only=True):
    """What a command came to: the state after it and the facts it added (none when it changed nothing).

    `replayed` means that the same command was answered before: the state is as it was then.
    """

    state: S
    facts: tuple[Recorded[F], ...]
    replayed: bool = False


class Draft(Struct, Generic[S, F], frozen=True, kw_only=True):
    """Decided but not yet stored: the facts under provisional positions and times."""

    before: S
    facts: tuple[Recorded[F], ...]
    request: AppendRequest


class EventStore(Generic[C, S, F]):
    """Executes commands on the streams of one decider. Inline reactors' facts join the same append."""

    def __init__(
        self,
        decider: Decider[C, S, F],
        *,
        appender: Appender,
        history: History,
        reactors: Sequence[Reactor] = (),
        log_id: int = 1,
    ) -> None:
        self.decider, self.history, self.log_id = decider, history, log_id
        self._appender, self._reactors = appender, tuple(reactors)

    async def execute(
        self,
        stream_id: UUID,
        command: C,
        context: Context,
        *,
        expected_version: int | None = None,
    ) -> Outcome[S, F]:
        """Decide and store. 0 as `expected_version` means a new stream, which is not loaded first.

        Raises what the decider raises; VersionConflict when the stream is not at `expected_version` (without
        one, a race is decided again); CommandReused, NameTaken, Overloaded, Unavailable, OutcomeUnknown.
        """
        if context.fingerprint is not None and expected_version != 0:
            answered = await self.history.answered(context.command_id, context.fingerprint)
            if answered is not None:
                return await self._answer(answered, context)
        attempt = 1
        while True:
            past = [] if expected_version == 0 else await self.history.stream(stream_id)
            current = past[-1].version if past else 0
            draft = self.draft(stream_id, self.decider.fold(past), current, command, context)
            if expected_version is not None and expected_version != current:
                raise VersionConflict(expected=expected_version, current=current)
            if not draft.facts:
                return Outcome(state=draft.before, facts=())
            result = await self._appender.append(draft.request)
            if result.verdict == "stored":
                return self.settle(draft, result)
            if result.verdict != "conflict":
                return await self._answer(result, context, draft.request)
            if expected_version is not None or attempt == _ATTEMPTS:
                raise VersionConflict(expected=current, current=result.version)
            attempt += 1

    def draft(self, stream_id: UUID, state: S, version: int, command: C, context: Context) -> Draft[S, F]:
        """The command's facts and, in turn, those of the reactors' commands. Pure."""
        before, first = state, version
        command_text = str(context.command_id)
        facts: list[Recorded[F]] = []
        take = release = None
        claimed = context.occurred_at or context.now  # reactions happen now, whatever the caller claims
        waiting = deque([(command, context.actor, context.causation_id, claimed)])
        while waiting:
            command, actor, cause, occurred_at = waiting.popleft()
            for fact in self.decider.decide(command, state, context):
                version += 1
                recorded = Recorded(
                    log_id=self.log_id,
                    position=0,
                    stream_id=stream_id,
                    version=version,
                    event_id=derived_id(command_text, len(facts)),
                    command_id=context.command_id,
                    occurred_at=occurred_at,
                    recorded_at=context.now,
                    fact=fact,
                    meta=Meta(actor=actor, correlation_id=context.correlation_id, causation_id=cause),
                )
                named: Claims = self.decider.claims(fact, state)
                take, release = take or named.take, release or named.release
                state = self.decider.evolve(state, recorded)
                facts.append(recorded)
                for reactor in self._reactors:
                    for reaction in reactor.react(recorded, state):
                        waiting.append((reaction, f"system:{reactor.name}", recorded.event_id, context.now))
        request = AppendRequest(
            stream_id=stream_id,
            expected_version=first,
            command_id=context.command_id,
            fingerprint=context.fingerprint,
            take=take,
            release=release,
            events=tuple(
                NewEvent(
                    type=one.fact.type,
                    schema_version=one.fact.schema_version,
                    event_id=one.event_id,
                    occurred_at=one.occurred_at,
                    data=one.fact,
                    meta=one.meta,
                )
                for one in facts
            ),
        )
        return Draft(before=before, facts=tuple(facts), request=request)

    def settle(self, draft: Draft[S, F], result: AppendResult) -> Outcome[S, F]:
        """The outcome of a stored draft, under its true positions and times."""
        offset = result.position - len(draft.facts) + 1
        facts = tuple(
            replace(fact, position=offset + index, recorded_at=result.recorded_at)
            for index, fact in enumerate(draft.facts)
        )
        return Outcome(state=self.decider.fold(facts, draft.before), facts=facts)

    async def _answer(
        self, result: AppendResult, context: Context, request: AppendRequest | None = None
    ) -> Outcome[S, F]:
        if result.verdict == "reused":
            raise CommandReused
        if result.verdict == "taken" and request is not None and request.take is not None:
            raise NameTaken(name=request.take, holder=result.stream_id)
        try:
            past = await self.history.stream(result.stream_id, up_to_version=result.version)
        except OUTAGES as error:
            # It is stored, perhaps just now: an outage would be told as "nothing was".
            raise OutcomeUnknown from error
        facts = tuple(recorded for recorded in past if recorded.command_id == context.command_id)
        return Outcome(state=self.decider.fold(past), facts=facts, replayed=True)
