"""How to damage a copy of what is true.

Damage to the log is carried on to all that is derived from it, so that nothing else betrays it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from pulseops.incidents.events import Escalated, Status
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.ids import new_id
from tests.faults.checker import FOLLOWERS, as_of
from tests.faults.clockwork import CLOCK
from tests.faults.history import History
from tests.faults.stored import LOG, Stored
from tests.integration.folding import folded_board, folded_timeline
from tests.recomputed import every

Plant = Callable[[History, Stored], None]
Test = Callable[[Sequence[Recorded[Any]]], bool]
"""Of an incident, by its facts."""


def rewrite(stored: Stored, facts: Iterable[Recorded[Any]]) -> None:
    """Puts these facts in the place of the log, and derives everything else from them."""
    stored.facts = list(facts)
    past = stored.past()
    readable = {key: facts for key, facts in past.items() if as_of(facts, len(facts)) is not None}
    stored.board, stored.timeline = folded_board(readable, LOG), folded_timeline(readable, LOG)
    stored.response, stored.stint = every(readable)
    stored.streams = {key: (len(facts), facts[0].position, facts[-1].position) for key, facts in past.items()}
    head = stored.facts[-1].position
    stored.followers = dict.fromkeys(FOLLOWERS, head)
    stored.audited.signed, stored.audited.published = [head], [head]


def append(stored: Stored, *facts: Recorded[Any]) -> None:
    """At the end of the log and of their streams."""
    versions = {key: len(facts) for key, facts in stored.past().items()}
    placed = []
    for place, fact in enumerate(facts, start=len(stored.facts) + 1):
        versions[fact.stream_id] = version = versions.get(fact.stream_id, 0) + 1
        placed.append(replace(fact, position=place, version=version, event_id=new_id()))
    rewrite(stored, [*stored.facts, *placed])


def change(stored: Stored, which: Recorded[Any], **changes: Any) -> None:
    rewrite(stored, [replace(one, **changes) if one is which else one for one in stored.facts])


def last(
    stored: Stored,
    kind: type[Any],
    *,
    after: Test = bool,
    by_itself: bool = False,
) -> Recorded[Any]:
    """The newest fact of this kind in a stream of which `after` is true; `by_itself`: by the clock."""
    past = stored.past()
    return next(
        fact
        for fact in reversed(stored.facts)
        if isinstance(fact.fact, kind)
        and after(past[fact.stream_id])
        and (fact.meta.actor == CLOCK or not by_itself)
    )


def cut(stored: Stored, which: Recorded[Any]) -> None:
    """Takes it out of the log, with what followed in its stream."""
    kept = [one for one in stored.facts if one.stream_id != which.stream_id or one.version < which.version]
    rewrite(stored, [replace(fact, position=place) for place, fact in enumerate(kept, start=1)])


def unanswered(facts: Sequence[Recorded[Any]], *, policy: str = "critical") -> bool:
    """Everybody has heard of it, by the clock alone."""
    heard = facts[-1].fact
    return (
        isinstance(heard, Escalated)
        and (heard.level, heard.policy) == (2, policy)
        and all(fact.meta.actor == CLOCK for fact in facts if isinstance(fact.fact, Escalated))
    )


def unanswered_twice(facts: Sequence[Recorded[Any]]) -> bool:
    """Everybody has heard of it in each round."""
    return unanswered(facts, policy="high")


def stands(status: Status) -> Test:
    """It stands so at last, and nobody has put it off."""

    def true(facts: Sequence[Recorded[Any]]) -> bool:
        now = as_of(facts, len(facts))
        return now is not None and now.status == status and now.snoozed_until is None

    return true


def escalated_since(begun: type[Any]) -> Test:
    """Right after somebody's newest fact of this kind the clock had the first level hear of it."""

    def true(facts: Sequence[Recorded[Any]]) -> bool:
        pairs = [pair for pair in pairwise(facts) if isinstance(pair[0].fact, begun)]
        return any(
            not one.meta.actor.startswith("system:")
            and then.meta.actor == CLOCK
            and isinstance(then.fact, Escalated)
            for one, then in pairs[-1:]
        )

    return true
