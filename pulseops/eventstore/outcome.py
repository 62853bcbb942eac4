"""What is to be done with a stream, what was decided, and what came of it."""

from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from pulseops.eventstore.append import AppendRequest
from pulseops.kernel.envelope import Context, Fact, Recorded

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F", bound=Fact)


class Part(Struct, Generic[C], frozen=True, kw_only=True):
    """One stream's share of what `together` does. `context` has a command id of its own.

    `expected_version` as in `execute`; None decides again after a race.
    """

    stream_id: UUID
    command: C
    context: Context
    expected_version: int | None = None


class Draft(Struct, Generic[S, F], frozen=True, kw_only=True):
    """Decided but not yet stored: the facts under provisional positions and times."""

    before: S
    facts: tuple[Recorded[F], ...]
    request: AppendRequest


class Outcome(Struct, Generic[S, F], frozen=True, kw_only=True):
    """What a command came to: the state after it and the facts it added (none when it changed nothing).

    `replayed` means that the same command was answered before: the state is as it was then.
    """

    state: S
    facts: tuple[Recorded[F], ...]
    replayed: bool = False
