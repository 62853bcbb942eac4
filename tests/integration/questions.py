"""What the tests of lists share: incidents unlike each other; filters and orders in Python."""

from collections import Counter
from typing import Any

import asyncpg

from pulseops.incidents.board import BOARD
from pulseops.incidents.commands import Acknowledge, Assign, Classify, Command, Create, Reassign, Resolve
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import Decision
from pulseops.incidents.filters import Filters
from pulseops.incidents.incident import Incident
from pulseops.subscriptions.slices import Slice
from tests.histories import Step, enact

WHY = Decision(decided_by="rules", rule="r", rules_version="1", why="because")
PRIORITIES: Any = ("low", "medium", "high", "critical")
FACETS = ("status", "priority", "category", "team", "service", "responder")
_RANKS = {None: 0, "low": 1, "medium": 2, "high": 3, "critical": 4}


def life(number: int) -> list[Command]:
    """Numbers without common divisors keep one thing from telling another."""
    create = Create(
        title=f"Disk {number} of db-{number % 4} is full",
        description="" if number % 3 else f"Seen in rack {number % 5}; it's \"quoted\" 100 % 'here'",
        source=("monitoring", "user", "a=b,c")[number % 3],
        service=(None, "checkout", "cart; DROP TABLE", "ümlaut")[number % 4],
        labels={"region": f"eu-{number % 3}"} | ({"odd": ""} if number % 2 else {}),
        priority=None if number % 5 else "high",
    )
    classify = Classify(
        priority=PRIORITIES[number % 4],
        category=("disk", "network", "%")[number % 3],
        priority_decision=WHY,
        category_decision=WHY,
    )
    rest: list[Command] = [classify] if number % 7 else []
    rest += [Assign(team=("storage", "net,work", "O'Brien")[number % 3], decision=WHY)] if number % 11 else []
    rest += [Reassign(responder=("ada", "grace")[number % 2])] if not number % 4 else []
    rest += [Acknowledge()] if number % 3 == 1 else []
    rest += [Resolve()] if number % 5 in {1, 2} else []
    return [create, *rest]


async def lives(
    connection: asyncpg.Connection, count: int, *, first: int = 0, after: int = 0
) -> dict[Any, Incident]:
    """Reported and then lived, ten in a batch, and put on the board; by id, in the order of creation."""
    plan = [
        Step(number, command, "key:ada", apart=number % 10 == 0 and step == 0)
        for number in range(first, first + count)
        for step, command in enumerate(life(number))
    ]
    # All reports of ten before what follows, so that they share an append.
    plan.sort(key=lambda step: (step.incident // 10, not isinstance(step.command, Create)))
    past = await enact(connection, 1, plan)
    await BOARD.project(connection, Slice(log_id=1, after=after, up_to=after + sum(map(len, past.values()))))
    found = {stream: INCIDENT.fold(facts) for stream, facts in past.items()}
    return {stream: incident for stream, incident in found.items() if incident is not None}


def lets_through(filters: Filters, incident: Incident, *, but: str = "") -> bool:
    """As lists must: one of the values of each filter, all labels, all words; but for the filter `but`."""
    one_of = {"team": "assigned_team"}
    for name in (*FACETS, "source"):
        wanted = getattr(filters, name)
        if wanted and name != but and getattr(incident, one_of.get(name, name)) not in wanted:
            return False
    for label in filters.label:
        name, equals, value = label.partition("=")
        if name not in incident.labels or (equals and incident.labels[name] != value):
            return False
    if filters.since is not None and incident.created_at < filters.since:
        return False
    if filters.until is not None and incident.created_at >= filters.until:
        return False
    words = f"{incident.title} {incident.description}".lower().replace(";", " ").split()
    return filters.text is None or set(filters.text.lower().split()) <= set(words)


def ordered(incidents: dict[Any, Incident], sort: str) -> list[Incident]:
    """`incidents` are in the order of creation."""
    places = {id_: place for place, id_ in enumerate(incidents)}
    keys = {
        "created": lambda one: places[one.id],
        "updated": lambda one: one.position,
        "priority": lambda one: (_RANKS[one.priority], places[one.id]),
    }
    return sorted(incidents.values(), key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))


def counted(filters: Filters, incidents: dict[Any, Incident], facet: str) -> Counter[str | None]:
    """One facet, under all filters but its own."""
    name = {"team": "assigned_team"}.get(facet, facet)
    return Counter(getattr(one, name) for one in incidents.values() if lets_through(filters, one, but=facet))
