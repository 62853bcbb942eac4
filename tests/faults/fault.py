"""What breaks, and how it is mended: one name, one function."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

from msgspec import Struct

from tests.faults.pressure import Pressure
from tests.faults.stack import Stack

Need = Literal["redis", "disks", "clocks"]


class Scene(Struct):
    """A stack under load, and the chance that a seed gives."""

    stack: Stack
    load: Pressure
    random: Random


class Fault(Struct, frozen=True, kw_only=True):
    """`strike` breaks something, waits as long as it is to be broken, and mends it. The load goes on.

    `quick`: some seconds, and so it is in every test run.
    """

    name: str
    strike: Callable[[Scene], None]
    needs: Need | None = None
    quick: bool = True

    def missing(self, stack: Stack) -> str:
        """Why this stack cannot bear it; empty when it can."""
        if self.needs == "redis" and stack.site.redis is None:
            return "there is no Redis server for this platform"
        if self.needs == "disks":
            return stack.site.no_disks
        if self.needs == "clocks" and not stack.clocks:
            return "this stack goes by the machine's clock"
        return ""


def for_a_while(scene: Scene, acknowledged: int, *, within: float = 60.0) -> None:
    """Until so many more orders were acknowledged: for faults under which the service must go on."""
    scene.load.await_acknowledged(acknowledged, within=within)


Family = Sequence[Fault]
