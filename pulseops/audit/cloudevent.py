"""An event as others are told of it (a line of an export), and the bytes that were sealed of it. Pure.

Of its attributes `specversion`, `source` and `datacontenttype` are not sealed: they say nothing of the event.
"""

import binascii
import json
import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from pulseops.audit.leaf import sealed, unsealed
from pulseops.kernel.errors import PulseOpsError

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_POSITION = re.compile(r"[1-9][0-9]{0,18}")
_FINER = re.compile(r"\.[0-9]{7}")


class NotAnEvent(PulseOpsError):
    """This is no event of a log."""

    code = "not-an-event"


class _Plain(Struct, forbid_unknown_fields=True, rename="camel"):
    """Meta as PulseOps writes it."""

    actor: str
    correlation_id: str
    causation_id: str | UnsetType = UNSET


_PLAIN = msgspec.json.Decoder(_Plain)


class CloudEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event in the words of CloudEvents 1.0: `subject` is its stream, such as an incident.

    `data` is JSON as it stands in the log. Where the meta says anything else than `actor`, `correlationid`
    and `causationid`, `meta` has the JSON of all of it, in base64, in their place.
    """

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: UUID
    time: Instant
    datacontenttype: Literal["application/json"]
    position: str
    recordedtime: Instant
    version: Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
    schemaversion: Annotated[int, msgspec.Meta(ge=0, lt=1 << 15)]
    commandid: UUID
    actor: str | UnsetType = UNSET
    correlationid: str | UnsetType = UNSET
    causationid: str | UnsetType = UNSET
    meta: str | UnsetType = UNSET
    data: Raw

    @classmethod
    def of_entry(cls, entry: bytes) -> "CloudEvent":
        """What was sealed. Raises NotAnEvent."""
        try:
            # Which log it is of is not in it: that is for the checkpoint to say.
            found = cls.of({"log_id": "", **unsealed(entry)})
        except ValueError as error:
            raise NotAnEvent(f"{NotAnEvent.__doc__} {error}") from None
        if found.entry != entry:
            raise NotAnEvent(f"{NotAnEvent.__doc__} It is not as one is sealed.")
        return found

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "CloudEvent":
        """Of a row of `eventstore.codec.COLUMNS`, its JSON as text."""
        return cls(
            specversion="1.0",
            id=row["event_id"],
            source=f"/pulseops/logs/{row['log_id']}",
            type=row["type"],
            subject=row["stream_id"],
            time=row["occurred_at"],
            datacontenttype="application/json",
            position=str(row["position"]),
            recordedtime=row["recorded_at"],
            version=row["version"],
            schemaversion=row["schema_version"],
            commandid=row["command_id"],
            data=Raw(row["data"]),
            **_attributes(row["meta"]),
        )

    @property
    def entry(self) -> bytes:
        """What was sealed of it. Raises NotAnEvent."""
        if not _POSITION.fullmatch(self.position):
            raise NotAnEvent(f"{NotAnEvent.__doc__} It has no position.")
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
            "meta": self._meta,
        }
        try:
            return sealed(row)
        except (msgspec.MsgspecError, ValueError, TypeError, struct.error) as error:
            raise NotAnEvent(f"{NotAnEvent.__doc__} {error}.") from None

    @property
    def _meta(self) -> str:
        said = {"actor": self.actor, "correlationId": self.correlationid, "causationId": self.causationid}
        plain = {name: text for name, text in said.items() if text is not UNSET}
        if self.meta is UNSET and plain.keys() >= {"actor", "correlationId"}:
            return msgspec.json.encode(plain).decode()
        if self.meta is UNSET or plain:
            raise NotAnEvent(f"{NotAnEvent.__doc__} It does not say who made it happen.")
        try:
            return b64decode(self.meta, validate=True).decode()
        except (binascii.Error, ValueError):
            raise NotAnEvent(f"{NotAnEvent.__doc__} Its meta is not base64.") from None

    @classmethod
    def parsed(cls, line: bytes | str) -> "CloudEvent":
        """Raises NotAnEvent, also for what one reader would take for this and another for that."""
        try:
            found = msgspec.json.decode(line, type=cls)
            told: Any = json.loads(line, object_pairs_hook=_once, parse_int=str, parse_float=str)
        except RecursionError:
            raise NotAnEvent(f"{NotAnEvent.__doc__} It is nested too deeply to be looked at.") from None
        except (msgspec.MsgspecError, ValueError) as error:
            raise NotAnEvent(f"{NotAnEvent.__doc__} {error}.") from None
        if _FINER.search(told["time"]) or _FINER.search(told["recordedtime"]):
            raise NotAnEvent("Its times are finer than those of a log.")
        return found


def _attributes(meta: str) -> dict[str, str]:
    try:
        plain = _PLAIN.decode(meta)
    except (msgspec.MsgspecError, RecursionError):
        return {"meta": b64encode(meta.encode()).decode()}
    told = {"actor": plain.actor, "correlationid": plain.correlation_id, "causationid": plain.causation_id}
    return {name: text for name, text in told.items() if text is not UNSET}


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found = dict[str, Any]()
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands in it twice")
        found[name] = value
    return found
