"""An export on its way back into a log: line by line, each held to be the one that is to come. Pure.

What a line says of itself is taken as it is. That no event is left out or comes twice, that versions follow
each other and that no event has the id of another is for whoever has all of them together (`importing.py`).
"""

import re
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from pulseops.kernel.errors import PulseOpsError

LONGEST = 64 << 20
"""Bytes of a line: many times what an event may have."""

_SOURCE = re.compile(r"/pulseops/logs/([1-9][0-9]{0,4})")
_MOST_LOGS = 32_767

_Instant = Annotated[datetime, Meta(tz=True)]


class NotAnExport(PulseOpsError):
    """This is not the export of a whole log."""

    code = "not-an-export"


class _Head(Struct, forbid_unknown_fields=True):
    """A line but for its data, which comes last."""

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: UUID
    time: _Instant
    datacontenttype: Literal["application/json"]
    position: str
    recordedtime: _Instant
    version: Annotated[int, Meta(ge=1, le=2_147_483_647)]
    schemaversion: Annotated[int, Meta(ge=1, le=32_767)]
    commandid: UUID
    actor: str | UnsetType = UNSET
    correlationid: str | UnsetType = UNSET
    causationid: str | UnsetType = UNSET
    meta: str | UnsetType = UNSET


_head = msgspec.json.Decoder(_Head).decode
_any = msgspec.json.Decoder(Raw).decode
_DATA = b',"data":'
_END = b"}\n"


class Arriving:
    """Reads the lines of one file, in their order. `knows` says which facts this release can read.

    `log_id` is the number of the log that they were taken out of, once there was a line.
    """

    def __init__(self, knows: Callable[[str, int], bool]) -> None:
        self._knows = knows
        self._source = ""
        self._recorded: datetime | None = None
        self.log_id = 0
        self.count = 0

    def row(self, line: bytes) -> dict[str, Any]:
        """As a row of `eventstore.codec.COLUMNS`, its JSON as text. Raises NotAnExport."""
        number = self.count + 1
        if not line.endswith(b"\n"):
            raise NotAnExport(_cut(number, line))
        if line.endswith(b"\r\n"):
            raise NotAnExport(
                f"Line {number} ends with CR LF: the file was carried as text. Carry it as it was written."
            )
        try:
            one, data = _parts(line)
            meta = _meta(one)
        except (msgspec.MsgspecError, ValueError) as error:
            raise NotAnExport(f"Line {number} is no event of an export: {error}.") from error
        if one.position != str(number):
            raise NotAnExport(
                f"Line {number} has position {one.position[:20]}, where {number} is to come: an import takes "
                "a whole log, from its first event on, nothing left out."
            )
        if one.source != self._source:
            self._begin(one.source, number)
        if self._recorded is not None and one.recordedtime < self._recorded:
            raise NotAnExport(f"Line {number} was recorded before the line above it, which no log says.")
        if not self._knows(one.type, one.schemaversion):
            raise NotAnExport(
                f"Line {number} holds {one.type[:80]} version {one.schemaversion}, which this release does "
                "not know: a newer one wrote it, and can take it in. To take it in as it is, say --accept."
            )
        self._recorded, self.count = one.recordedtime, number
        return {
            "log_id": self.log_id,
            "position": number,
            "stream_id": one.subject,
            "version": one.version,
            "type": one.type,
            "schema_version": one.schemaversion,
            "event_id": one.id,
            "command_id": one.commandid,
            "occurred_at": one.time,
            "recorded_at": one.recordedtime,
            "data": data,
            "meta": meta,
        }

    def _begin(self, source: str, number: int) -> None:
        found = _SOURCE.fullmatch(source)
        if found is None or int(found[1]) > _MOST_LOGS:
            raise NotAnExport(f"Line {number} is from {source[:80]}, which is no log of PulseOps.")
        if self._source:
            raise NotAnExport(f"Line {number} is of log {found[1]}, the lines above it are of {self.log_id}.")
        self._source, self.log_id = source, int(found[1])


def _cut(number: int, line: bytes) -> str:
    if len(line) > LONGEST:
        return f"Line {number} is longer than {LONGEST >> 20} MiB, which no event is."
    return f"Line {number} has no end: the file is cut off."


def _parts(line: bytes) -> tuple[_Head, str]:
    """What comes before the data, and these as JSON. Raises MsgspecError and ValueError."""
    # No string before it has these bytes: in it a quote would have a backslash before it.
    head, _, data = line.removesuffix(_END).partition(_DATA)
    return _head(head + b"}"), _json(data)


def _json(text: bytes) -> str:
    with suppress(RecursionError):  # how deep a parser goes differs; PostgreSQL will say
        _any(text)
    return text.decode()


def _meta(line: _Head) -> str:
    """Of the three fields that stand for it, or of all of it in base64. Raises ValueError for neither."""
    told = {"actor": line.actor, "correlationId": line.correlationid, "causationId": line.causationid}
    given = {name: value for name, value in told.items() if not isinstance(value, UnsetType)}
    if isinstance(line.meta, str):
        if given:
            raise ValueError("its meta is told twice")
        return _json(b64decode(line.meta, validate=True))
    if not given.keys() >= {"actor", "correlationId"}:
        raise ValueError("it says neither who nor in answer to what")
    return msgspec.json.encode(given).decode()
