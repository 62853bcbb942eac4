"""The one shape of every decision: commands and a state in, facts out; facts fold back into the state."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

from pulseops.kernel.envelope import Context, Fact, Recorded

C = TypeVar("C")
S = TypeVar("S")
F = TypeVar("F", bound=Fact)


class Decider(Struct, Generic[C, S, F], frozen=True, kw_only=True):
    """`decide` returns no facts when the command asks for what already is; it raises when it may not be."""

    name: str
    facts: tuple[type[F], ...]
    initial: S
    decide: Callable[[C, S, Context], Sequence[F]]
    evolve: Callable[[S, Recorded[F]], S]
    claims: Callable[[F, S], "Claims"]

    def fold(self, history: Iterable[Recorded[F]], state: S | None = None) -> S:
        """The state after `history`, starting from `state` (the initial one when not given)."""
        current = self.initial if state is None else state
        for recorded in history:
            current = self.evolve(current, recorded)
        return current


class Claims(Struct, frozen=True):
    """Names that a fact takes for its stream, or gives back: unique per log while held."""

    take: str | None = None
    release: str | None = None


class Reactor(Struct, frozen=True, kw_only=True):
    """`react(fact, state after it)` returns commands to the same stream, decided as `system:<name>`.

    Pure; the rules it goes by are bound at the wiring, which also says where it runs.
    """

    name: str
    react: Callable[[Recorded[Any], Any], Sequence[Any]]
