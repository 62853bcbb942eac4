"""Faults under load, one after the other, and what each did."""

import re
import time
from collections.abc import Callable, Sequence
from random import Random

from msgspec import Struct

from tests.faults.checker import Violation
from tests.faults.fault import Fault, Scene
from tests.faults.history import History
from tests.faults.stack import Stack
from tests.faults.verdict import examine


class Outcome(Struct, kw_only=True):
    """What was seen of one fault. `recoveries` are seconds from its end until all was well again.

    `skipped` says why it could not be, `broke` why it could not be ended.
    """

    fault: str
    rounds: int = 0
    acknowledged: int = 0
    unknown: int = 0
    recoveries: list[float] = []
    violations: list[Violation] = []
    skipped: str = ""
    broke: str = ""

    @property
    def verdict(self) -> str:
        if self.broke:
            return "broke"
        if self.violations:
            return "violated"
        return "skipped" if self.skipped else "held" if self.rounds else "not reached"

    def add(self, other: "Outcome") -> None:
        self.rounds += other.rounds
        self.acknowledged += other.acknowledged
        self.unknown += other.unknown
        self.recoveries += other.recoveries
        self.violations += other.violations
        self.skipped = self.skipped or other.skipped
        self.broke = self.broke or other.broke


def endure(
    stack: Stack,
    fault: Fault,
    *,
    seed: str,
    rounds: int,
    between: int,
    known: Sequence[Violation] = (),
    calm_within: float = 45.0,
    struck: Callable[[], None] = lambda: None,
) -> Outcome:
    """Some rounds of one fault under load, then calm, then the checker. What was `known` is not its doing."""
    outcome = Outcome(fault=fault.name)
    before = told(stack.history)
    random = Random(seed)
    name = re.sub(r"\W+", "-", f"{seed} {fault.name}")
    with stack.pressure(name, most=100_000, seconds=120.0 + 30.0 * rounds) as load:
        scene = Scene(stack, load, random)
        for _ in range(rounds):
            load.await_acknowledged(between + random.randrange(between))
            outcome.recoveries.append(strike(scene, fault))
            outcome.rounds += 1
            struck()
    outcome.violations = [one for one in examine(stack, calm_within=calm_within) if one not in known]
    after = told(stack.history)
    outcome.acknowledged, outcome.unknown = (after[name] - before[name] for name in ("told", "unknown"))
    return outcome


def strike(scene: Scene, fault: Fault) -> float:
    """Seconds from the end of the fault until all was well."""
    scene.stack.watch()
    fault.strike(scene)
    ended = time.monotonic()
    scene.stack.recovery()
    return time.monotonic() - ended


def told(history: History) -> dict[str, int]:
    """Acknowledgements, and tries of which nobody knows what became."""
    verdicts = [answer.verdict for _, answer in history.answers()]
    return {"told": verdicts.count("acknowledged"), "unknown": verdicts.count("unknown")}
