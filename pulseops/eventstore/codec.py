"""From rows to facts: the registry of every fact ever stored, and how old ones are read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pulseops.kernel.envelope import Fact, Meta, Recorded
from pulseops.kernel.errors import PulseOpsError

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

COLUMNS = (
    "log_id, position, stream_id, version, type, schema_version, event_id, command_id, "
    "occurred_at, recorded_at, data, meta"
)
"""What `Codec.decode` reads of a row, in its order."""

_META = msgspec.json.Decoder(Meta)


class UnknownFact(PulseOpsError):
    """History holds a fact that this version of PulseOps does not know."""

    code = "unknown-fact"


class Codec:
    """Facts by type and schema version.

    `upcasters` maps (type, n) to a pure function from the stored fields of version n to those of n + 1, under
    their JSON names; they are chained up to the version that the struct has now.
    """

    def __init__(
        self,
        facts: Iterable[type[Fact]],
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
    ) -> None:
        self._facts = {fact.type: fact for fact in facts}
        self._decoders = {
            (fact.type, fact.schema_version): msgspec.json.Decoder(fact) for fact in self._facts.values()
        }
        self._upcasters = dict(upcasters or {})

    def decode(self, row: Mapping[str, Any]) -> Recorded[Any]:
        """A row of `COLUMNS`, JSON as text. Raises UnknownFact."""
        kind, schema_version, data = row["type"], row["schema_version"], row["data"]
        decoder = self._decoders.get((kind, schema_version))
        return Recorded(
            log_id=row["log_id"],
            position=row["position"],
            stream_id=row["stream_id"],
            version=row["version"],
            event_id=row["event_id"],
            command_id=row["command_id"],
            occurred_at=row["occurred_at"],
            recorded_at=row["recorded_at"],
            fact=self._upcast(kind, schema_version, data) if decoder is None else decoder.decode(data),
            meta=_META.decode(row["meta"]),
        )

    def _upcast(self, kind: str, schema_version: int, data: str) -> Fact:
        fact = self._facts.get(kind)
        if fact is None or schema_version > fact.schema_version:
            raise UnknownFact(f"History holds {kind} version {schema_version}, which is not known here.")
        fields = msgspec.json.decode(data)
        for version in range(schema_version, fact.schema_version):
            upcaster = self._upcasters.get((kind, version))
            if upcaster is None:
                raise UnknownFact(f"Nothing leads from {kind} version {version} to version {version + 1}.")
            fields = upcaster(fields)
        return msgspec.convert(fields, fact)
