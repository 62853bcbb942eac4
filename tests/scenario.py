"""given(facts) / when(command) / then(facts): the only language in which a decider is tested."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest
from msgspec import Struct

from pulseops.kernel.decider import Decider
from pulseops.kernel.envelope import Context, Fact, Meta, Recorded
from pulseops.kernel.errors import PulseOpsError
from pulseops.kernel.ids import derived_id

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F", bound=Fact)
E = TypeVar("E", bound=PulseOpsError)

STREAM = UUID("01990000-0000-7000-8000-000000000001")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def record(
    fact: F,
    version: int = 1,
    *,
    actor: str = "key:tester",
    stream_id: UUID = STREAM,
    position: int | None = None,
    occurred_at: datetime | None = None,
) -> Recorded[F]:
    """`fact` in its place: one second after noon for each version, at position 100 + version."""
    at = NOON + timedelta(seconds=version)
    return Recorded(
        log_id=1,
        position=100 + version if position is None else position,
        stream_id=stream_id,
        version=version,
        event_id=derived_id(stream_id, version),
        command_id=derived_id(stream_id, "command", version),
        occurred_at=occurred_at or at,
        recorded_at=at,
        fact=fact,
        meta=Meta(actor=actor, correlation_id=stream_id),
    )


class Given(Struct, Generic[C, S, F], frozen=True):
    decider: Decider[C, S, F]
    history: tuple[Recorded[F], ...]

    @property
    def state(self) -> S:
        return self.decider.fold(self.history)

    def when(self, command: C, *, now: datetime = NOON) -> "When[C, S, F]":
        return When(self, command, now)


class When(Struct, Generic[C, S, F], frozen=True):
    given: Given[C, S, F]
    command: C
    now: datetime

    def _decide(self) -> Sequence[F]:
        context = Context(
            actor="key:tester",
            now=self.now,
            command_id=derived_id("command"),
            correlation_id=derived_id("correlation"),
        )
        return self.given.decider.decide(self.command, self.given.state, context)

    def then(self, *facts: Fact) -> None:
        """Exactly these facts; with no argument: nothing happens."""
        assert tuple(self._decide()) == facts

    def then_refused(self, error: type[E]) -> E:
        """Refused with exactly this error, which is returned for a closer look."""
        with pytest.raises(error) as refused:
            self._decide()
        assert refused.type is error
        return refused.value


def given(decider: Decider[C, S, F], *facts: F | Recorded[F]) -> Given[C, S, F]:
    """A stream with these facts in its past; bare facts are recorded by a tester, a second apart."""
    history: tuple[Recorded[Any], ...] = tuple(
        fact if isinstance(fact, Recorded) else record(fact, version)
        for version, fact in enumerate(facts, start=1)
    )
    return Given(decider, history)
