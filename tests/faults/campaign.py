"""All the faults, in an order that a seed decides, again and again until the time is over."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.conftest import on_ground
from tests.faults.checker import Violation
from tests.faults.clocks import FakeClock, NoClock, fake_clock
from tests.faults.fault import Fault
from tests.faults.run import Outcome, endure
from tests.faults.stack import Stack

BETWEEN = 60
"""Orders acknowledged before each fault; up to twice as many, as chance has it."""
_ROUNDS = 2
"""Times that each fault strikes before it must be calm."""
_LONG = 6_000
"""Orders in one history, after which the next fault has a stack of its own: checking reads all of it."""


@contextmanager
def standing(ground: Path, number: int, *, clocks: bool, planted: str = "") -> Iterator[Stack]:
    """A new stack in a folder of its own. Raises NoClock."""
    folder = ground / f"stack-{number}"
    folder.mkdir()
    folder.chmod(0o711)
    told: Sequence[FakeClock] = [fake_clock(folder, name) for name in ("server", "worker")] if clocks else ()
    stack = Stack(folder, clocks=told, planted=planted)
    try:
        stack.build()
        stack.mend()
        yield stack
    finally:
        stack.tear_down()


class Campaign:
    """`outcomes` has one for each fault, and grows while `run` goes on.

    `on_begin` hears of each fault before it strikes, and `on_end` what came of it.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        *,
        seed: int,
        minutes: float,
        on_begin: Callable[[Fault], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        self.outcomes = {fault.name: Outcome(fault=fault.name) for fault in faults}
        self._faults, self._seed, self._seconds = faults, seed, minutes * 60
        self._on_begin, self._on_end = on_begin, on_end
        self._stacks = 0
        self._over = float("inf")

    def run(self) -> None:
        """Without minutes each fault strikes twice, and that is all."""
        if self._seconds:
            self._over = time.monotonic() + self._seconds
        number = 0
        with on_ground() as ground:
            while not self._late() and (number == 0 or self._seconds):
                order = Random(f"{self._seed}-{number}").sample(self._faults, len(self._faults))
                for clocks in (False, True):
                    waiting = [one for one in order if (one.needs == "clocks") is clocks]
                    while waiting and not self._late():
                        waiting = self._on_one_stack(ground, waiting, number, clocks=clocks)
                number += 1

    def _on_one_stack(self, ground: Path, waiting: list[Fault], number: int, *, clocks: bool) -> list[Fault]:
        """Those that are left for another stack."""
        self._stacks += 1
        try:
            with standing(ground, self._stacks, clocks=clocks) as stack:
                known: list[Violation] = []
                while waiting and not self._late() and len(stack.history.orders) < _LONG:
                    fault = waiting.pop(0)
                    self._on_begin(fault)
                    outcome = self._endured(stack, fault, number, known)
                    known += outcome.violations
                    self._note(outcome)
                    if outcome.broke:
                        break
        except NoClock as reason:
            for fault in waiting:
                self._note(Outcome(fault=fault.name, skipped=str(reason)))
            return []
        return waiting

    def _note(self, outcome: Outcome) -> None:
        self.outcomes[outcome.fault].add(outcome)
        self._on_end(outcome)

    def _endured(self, stack: Stack, fault: Fault, number: int, known: Sequence[Violation]) -> Outcome:
        if missing := fault.missing(stack):
            return Outcome(fault=fault.name, skipped=missing)
        try:
            return endure(
                stack,
                fault,
                seed=f"{self._seed}-{number}",
                rounds=_ROUNDS,
                between=BETWEEN,
                known=known,
            )
        except Exception as error:  # noqa: BLE001 - recorded: the next fault has a new stack
            return Outcome(fault=fault.name, broke=f"{type(error).__name__}: {error}")

    def _late(self) -> bool:
        return time.monotonic() > self._over
