"""What happened to an incident and why, each event in a sentence or two. Pure."""

from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from pulseops.incidents import telling
from pulseops.incidents.events import FACTS
from pulseops.incidents.incident import Incident

_KINDS = {kind.type: kind for kind in FACTS}


class Entry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of an incident's timeline, as the server tells it."""

    event: str
    timestamp: datetime
    actor: str = ""
    details: Raw = Raw(b"{}")


class Seen(Incident, frozen=True, kw_only=True, rename="camel"):
    """An incident with all that happened to it."""

    timeline: tuple[Entry, ...] = ()


def tell(entry: Entry) -> list[str]:
    """The sentences; of an event that this version does not know, its details as they came."""
    kind = _KINDS.get(entry.event)
    if kind is None:
        return [_as_it_came(entry)]
    try:
        fact = msgspec.json.decode(entry.details, type=kind)
    except msgspec.MsgspecError:
        return [_as_it_came(entry)]
    told = telling.tell(fact, entry.actor)
    return [told.words, *told.why]


def _as_it_came(entry: Entry) -> str:
    return bytes(entry.details).decode("utf-8", "replace")
