"""An entry of the catalog as it now stands: a team or a service, and when it was last touched, by whom."""

import re
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from pulseops.catalog.events import (
    CatalogFact,
    Defined,
    ServiceDefined,
    ServiceRetired,
    TeamDefined,
    TeamRetired,
)
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.ids import derived_id

Kind = Literal["team", "service"]

# In ASCII and lower case: two names that look alike are the same one.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Entry(Struct, frozen=True, kw_only=True):
    """`value` is the newest definition. A retired entry keeps its last one, and may be defined anew."""

    value: Defined
    retired: bool = False
    updated_at: datetime
    updated_by: str
    version: int
    position: int


def named(name: str) -> bool:
    """Whether a team or a service may be called so."""
    return _NAME.fullmatch(name) is not None


def stream_of(kind: Kind, name: str, *, log_id: int) -> UUID:
    """The stream of one entry: the same for its name for ever, so that nobody has to look it up."""
    return derived_id("catalog", log_id, kind, name)


def row_of(entry: Entry, *jsons: str) -> dict[str, Any]:
    """What the tables of teams and of services have alike; `jsons` are the columns that are JSON."""
    value = msgspec.structs.asdict(entry.value)
    del value["note"]
    return {
        **{name: Raw(msgspec.json.encode(told)) if name in jsons else told for name, told in value.items()},
        "updated_at": entry.updated_at,
        "updated_by": entry.updated_by,
        "retired_at": entry.updated_at if entry.retired else None,
        "version": entry.version,
        "position": entry.position,
    }


def evolve(entry: Entry | None, recorded: Recorded[CatalogFact]) -> Entry:
    """The entry after one more fact. The first is always a definition."""
    fact = recorded.fact
    match fact:
        case TeamDefined() | ServiceDefined():
            return Entry(
                value=fact,
                updated_at=recorded.recorded_at,
                updated_by=recorded.meta.actor,
                version=recorded.version,
                position=recorded.position,
            )
        case TeamRetired() | ServiceRetired():
            if entry is None:
                raise TypeError(f"{recorded.stream_id} begins with {fact.type}")
            return replace(
                entry,
                retired=True,
                updated_at=recorded.recorded_at,
                updated_by=recorded.meta.actor,
                version=recorded.version,
                position=recorded.position,
            )
