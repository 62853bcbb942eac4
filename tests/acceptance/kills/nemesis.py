"""Who kills, in an order that a seed decides, and puts back what does not come back by itself."""

import random
from collections.abc import Callable

from tests.acceptance.kills.programs import Killable
from tests.acceptance.kills.stack import Stack


class Nemesis:
    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack, self._random = stack, random.Random(seed)
        self._frozen: Killable | None = None
        self._means: dict[str, Callable[[], None]] = {
            "an API": lambda: stack.restart(self._random.choice(stack.apis)),
            "both APIs": lambda: stack.restart(*stack.apis),
            "a worker": lambda: stack.restart(self._random.choice(stack.workers)),
            "both workers": lambda: stack.restart(*stack.workers),
            "a worker frozen": self._freeze,
            "the postmaster": lambda: stack.crash(backends=False),
            "all of PostgreSQL": stack.crash,
            "a backend": stack.kill_writer,
            "Redis": stack.restart_redis,
        }

    def plan(self) -> list[str]:
        """Every fault once, in any order."""
        return self._random.sample(list(self._means), len(self._means))

    def strike(self, fault: str) -> None:
        self._means[fault]()

    def release(self) -> None:
        """Whoever is frozen goes on, as if no time had passed."""
        if self._frozen is not None:
            self._frozen.thaw()
            self._frozen = None

    def _freeze(self) -> None:
        self.release()
        self._frozen = self._random.choice(self._stack.workers)
        self._frozen.freeze()
