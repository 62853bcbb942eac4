"""An event as others are told of it (a line of an export), and the bytes that were sealed of it. Pure.

Of its attributes `specversion`, `source` and `datacontenttype` are not sealed: they say nothing of the event.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from pulseops.audit.leaf import sealed
from pulseops.kernel.envelope import Meta
from pulseops.kernel.errors import PulseOpsError

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_FINER = re.compile(r"\.[0-9]{7}")


class NotAnEvent(PulseOpsError):
    """This is no event of a log."""

    code = "not-an-event"


class CloudEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event in the words of CloudEvents 1.0: `subject` is its stream, such as an incident.

    `data` is JSON as it was told: read as numbers of a machine, some would lose digits.
    """

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: UUID
    time: Instant
    datacontenttype: Literal["application/json"]
    position: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,18}(?![\s\S])")]
    recordedtime: Instant
    version: Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
    schemaversion: Annotated[int, msgspec.Meta(ge=1, lt=1 << 15)]
    commandid: UUID
    actor: str
    correlationid: UUID
    causationid: UUID | msgspec.UnsetType = msgspec.UNSET
    data: Annotated[Raw, msgspec.Meta(extra_json_schema={"type": "object"})]

    @property
    def entry(self) -> bytes:
        """What was sealed of it."""
        cause = None if self.causationid is msgspec.UNSET else self.causationid
        meta = Meta(actor=self.actor, correlation_id=self.correlationid, causation_id=cause)
        row = {
            "position": int(self.position),
            "stream_id": self.subject,
            "event_id": self.id,
            "command_id": self.commandid,
            "version": self.version,
            "schema_version": self.schemaversion,
            "occurred_at": self.time,
            "recorded_at": self.recordedtime,
            "type": self.type,
            "data": bytes(self.data).decode(),
            "meta": msgspec.json.encode(meta).decode(),
        }
        return sealed(row)

    @classmethod
    def parsed(cls, line: bytes | str) -> "CloudEvent":
        """Raises NotAnEvent, also for what one reader would take for this and another for that."""
        try:
            found = msgspec.json.decode(line, type=cls)
            told: Any = json.loads(line, object_pairs_hook=_once)
        except RecursionError:
            raise NotAnEvent(f"{NotAnEvent.__doc__} It is nested too deeply.") from None
        except (msgspec.MsgspecError, ValueError) as error:
            raise NotAnEvent(f"{NotAnEvent.__doc__} {error}.") from None
        if _FINER.search(told["time"]) or _FINER.search(told["recordedtime"]):
            raise NotAnEvent("Its times are finer than those of a log.")
        return found


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found = dict[str, Any]()
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands in it twice")
        found[name] = value
    return found
