"""What happened to an incident and why, each event in a sentence or two. Pure."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from pulseops.client.results import Entry
from pulseops.incidents import telling
from pulseops.incidents.entries import EventEntry
from pulseops.incidents.events import FACTS

_KINDS = {kind.type: kind for kind in FACTS}


def tell(entry: Entry) -> list[str]:
    """The server's sentences; ours, of an older server."""
    if entry.text:
        return [entry.text, *entry.why]
    return _sentences(entry.event, entry.details, entry.actor)


def tell_event(entry: EventEntry) -> list[str]:
    return _sentences(entry.type, msgspec.json.decode(entry.data), entry.actor)


def _sentences(event: str, details: Mapping[str, Any], actor: str) -> list[str]:
    """Of an event that this version does not know, its details as they came."""
    kind = _KINDS.get(event)
    try:
        if kind is not None:
            told = telling.tell(msgspec.convert(details, kind, strict=False), actor)
            return [told.words, *told.why]
    except msgspec.MsgspecError:
        pass
    return [json.dumps(details, ensure_ascii=False)]
