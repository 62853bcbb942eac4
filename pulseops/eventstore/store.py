"""The only way into history: load, decide, react, append."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from msgspec.structs import replace

from pulseops.db.outages import OUTAGES
from pulseops.eventstore.append import AppendRequest, AppendResult, NewEvent
from pulseops.eventstore.outcome import Draft, Outcome, Part
from pulseops.eventstore.turns import Turns
from pulseops.kernel.decider import Claims, Decider, Reactor
from pulseops.kernel.envelope import Context, Fact, Meta, Recorded
from pulseops.kernel.errors import CommandReused, NameTaken, OutcomeUnknown, VersionConflict
from pulseops.kernel.ids import derived_id

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F", bound=Fact)

Allow = Callable[[S], None]
"""Raises where a state is none of the caller's business."""

_ATTEMPTS = 64
"""One caller of each process is at it at a time."""
_RACED = {"stored", "void", "conflict"}


class Appender(Protocol):
    """Where requests go to become history."""

    async def append(self, request: AppendRequest) -> AppendResult:
        """The request's result, after the commit that made it durable."""

    async def append_together(self, requests: Sequence[AppendRequest]) -> Sequence[AppendResult]:
        """The same for several, of which all are stored or none."""


class History(Protocol):
    """Where streams are read from."""

    def at(self, connection: Any) -> "History":
        """The same log as this connection's server has it."""

    async def stream(self, stream_id: UUID, *, up_to_version: int | None = None) -> Sequence[Recorded[Any]]:
        """A stream's facts in order; empty when there is no such stream."""

    async def answered(self, command_id: UUID, fingerprint: UUID | None) -> AppendResult | None:
        """The first result of a command (`replayed` or `reused`), if it was stored before."""


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
        self._appender, self._reactors, self._turns = appender, tuple(reactors), Turns()

    async def execute(
        self,
        stream_id: UUID,
        command: C,
        context: Context,
        *,
        expected_version: int | None = None,
        allow: Allow[S] | None = None,
    ) -> Outcome[S, F]:
        """Decide and store. 0 as `expected_version` means a new stream, which is not loaded first.

        A command with a fingerprint is remembered also when it changes nothing, and its repetition is
        answered as the first time. What raises is not remembered. `allow` sees the state that the command
        meets, or met the first time, and raises where that is none of the caller's business.

        Raises what `allow` and what the decider raise; VersionConflict when the stream is not at
        `expected_version` (without one, a race is decided again); CommandReused, NameTaken, Overloaded,
        Unavailable, OutcomeUnknown.
        """
        if expected_version != 0 and (again := await self.repeated(context, allow=allow)) is not None:
            return again
        part = Part(stream_id=stream_id, command=command, context=context, expected_version=expected_version)
        attempt = 1
        async with self._turns.of((stream_id,)) as turn:
            while True:
                draft = self._decided(part, await self._past(part), allow)
                if not draft.facts and context.fingerprint is None:
                    return Outcome(state=draft.before, facts=())
                result = await self._appender.append(draft.request)
                if result.verdict == "stored":
                    return self.settle(draft, result)
                if result.verdict != "conflict":
                    return await self._answer(result, context, allow, draft.request)
                if expected_version is not None or attempt == _ATTEMPTS:
                    raise VersionConflict(expected=draft.request.expected_version, current=result.version)
                attempt += 1
                await turn.take()

    async def repeated(self, context: Context, *, allow: Allow[S] | None = None) -> Outcome[S, F] | None:
        """What the context's command came to, if it was executed before; None without a fingerprint.

        Raises what `allow` raises; CommandReused, OutcomeUnknown.
        """
        if context.fingerprint is None:
            return None
        answered = await self.history.answered(context.command_id, context.fingerprint)
        return None if answered is None else await self._answer(answered, context, allow)

    async def together(
        self, parts: Sequence[Part[C]], *, allow: Allow[S] | None = None
    ) -> Sequence[Outcome[S, F]]:
        """Decide on several streams and store all of it or nothing; an outcome for each part, in order.

        As `execute`, for each part. A repetition is one of all the parts: raises CommandReused when only some
        of the command ids are known, and ValueError when a stream or command id occurs twice, or a name is
        taken twice.
        """
        contexts = [part.context for part in parts]
        answered = await self._answered(contexts)
        if any(answered) and not all(answered):
            # They may have been stored between two of these looks: in one commit, so all are there by now.
            answered = await self._answered(contexts)
        if any(answered):
            return await self._answer_all(answered, contexts, allow)
        attempt = 1
        async with self._turns.of(part.stream_id for part in parts) as turn:
            while True:
                pasts = await asyncio.gather(*map(self._past, parts))
                drafts = [self._decided(part, past, allow) for part, past in zip(parts, pasts, strict=True)]
                if not any(draft.facts or draft.request.fingerprint for draft in drafts):
                    return [Outcome(state=draft.before, facts=()) for draft in drafts]
                results = await self._appender.append_together([draft.request for draft in drafts])
                if all(result.verdict == "stored" for result in results):
                    return [self.settle(*pair) for pair in zip(drafts, results, strict=True)]
                if {result.verdict for result in results} - _RACED:
                    requests = [draft.request for draft in drafts]
                    return await self._answer_all(results, contexts, allow, requests)
                for part, draft, result in zip(parts, drafts, results, strict=True):
                    final = part.expected_version is not None or attempt == _ATTEMPTS
                    if result.verdict == "conflict" and final:
                        raise VersionConflict(expected=draft.request.expected_version, current=result.version)
                attempt += 1
                await turn.take()

    async def _answered(self, contexts: Sequence[Context]) -> Sequence[AppendResult | None]:
        return [
            await self.history.answered(context.command_id, context.fingerprint)
            for context in contexts
            if context.fingerprint is not None
        ]

    async def _past(self, part: Part[C]) -> Sequence[Recorded[F]]:
        return [] if part.expected_version == 0 else await self.history.stream(part.stream_id)

    def _decided(self, part: Part[C], past: Sequence[Recorded[F]], allow: Allow[S] | None) -> Draft[S, F]:
        current, state = past[-1].version if past else 0, self.decider.fold(past)
        if allow is not None:
            allow(state)
        draft = self.draft(part.stream_id, state, current, part.command, part.context)
        if part.expected_version is not None and part.expected_version != current:
            raise VersionConflict(expected=part.expected_version, current=current)
        return draft

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
                    # As the database will tell it, so that a replayed answer is the same.
                    occurred_at=occurred_at.astimezone(UTC),
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
        self,
        result: AppendResult,
        context: Context,
        allow: Allow[S] | None,
        request: AppendRequest | None = None,
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
        before = self.decider.fold(past[: len(past) - len(facts)])
        if allow is not None:
            allow(before)
        return Outcome(state=self.decider.fold(facts, before), facts=facts, replayed=True)

    async def _answer_all(
        self,
        results: Sequence[AppendResult | None],
        contexts: Sequence[Context],
        allow: Allow[S] | None,
        requests: Sequence[AppendRequest] = (),
    ) -> Sequence[Outcome[S, F]]:
        for result, request in zip(results, requests, strict=False):
            if result is not None and result.verdict == "taken" and request.take is not None:
                raise NameTaken(name=request.take, holder=result.stream_id)
        if len(results) < len(contexts) or any(one is None or one.verdict != "replayed" for one in results):
            raise CommandReused
        return [
            await self._answer(result, context, allow)
            for result, context in zip(results, contexts, strict=True)
            if result is not None
        ]
