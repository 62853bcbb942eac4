"""Read models made a second time and by other means: folded in Python, stream by stream, where SQL made them.

What both say is what history says; where they differ, a row was changed or one of the two is wrong.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from pulseops.kernel.envelope import Fact, Recorded

Row = Mapping[str, Any]
"""By column, but for `log_id`. What is JSON comes as `msgspec.Raw`, with the digits that it has."""


class Life(Struct, frozen=True):
    """All that happened in a stream, from its first fact on; `data` is the JSON that is stored of each."""

    facts: Sequence[Recorded[Any]]
    data: Sequence[str]


class Refold(Struct, frozen=True, kw_only=True):
    """A read model by its name: which facts it is made of, and what rows a life comes to.

    `relation` is what everybody reads, such as incidents.incident; its column `stream` holds the stream of a
    row.
    """

    name: str
    relation: str
    stream: str
    facts: tuple[type[Fact], ...]
    rows: Callable[[Life], Iterable[Row]]
