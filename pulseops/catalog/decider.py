"""What the catalog answers to a command. Private to this room and the wiring; pure.

One stream is one entry. What a decision would have to know of other entries is asked in `writing.py`.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from pulseops.catalog.commands import Command, Define, Retire
from pulseops.catalog.entry import Entry, evolve
from pulseops.catalog.events import (
    FACTS,
    CatalogFact,
    Defined,
    ServiceDefined,
    ServiceRetired,
    TeamDefined,
    TeamRetired,
)
from pulseops.kernel.decider import Claims, Decider
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import NotFound


def decide(command: Command, entry: Entry | None, _context: Context) -> Sequence[CatalogFact]:
    """The facts that follow; none when the command asks for what already is."""
    match command:
        case Define():
            if entry is not None and not entry.retired and _same(entry.value, command.value):
                return []
            return [command.value]
        case Retire():
            if entry is None:
                raise NotFound("There is no such entry in the catalog.")
            if entry.retired:
                return []
            match entry.value:
                case TeamDefined(name=name):
                    return [TeamRetired(name=name, note=command.note)]
                case ServiceDefined(name=name):
                    return [ServiceRetired(name=name, note=command.note)]


def _same(one: Defined, other: Defined) -> bool:
    """Whatever was said about why."""
    return replace(one, note="") == replace(other, note="")


def _claims(_fact: CatalogFact, _entry: Entry | None) -> Claims:
    """None: a name has one stream, and no other."""
    return Claims()


CATALOG: Decider[Command, Entry | None, CatalogFact] = Decider(
    name="catalog", facts=FACTS, initial=None, decide=decide, evolve=evolve, claims=_claims
)
