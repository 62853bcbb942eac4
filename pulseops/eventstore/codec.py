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
    their JSON names; they are chained up to the version that the struct has now. Raises ValueError when a
    version that was ever stored could not be read.
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
        steps = {
            (kind, version) for kind, fact in self._facts.items() for version in range(1, fact.schema_version)
        }
        if wrong := steps ^ self._upcasters.keys():
            told = ", ".join(f"{kind} {version} to {version + 1}" for kind, version in sorted(wrong))
            raise ValueError(f"One upcaster leads from each version of a fact to the next. Not so: {told}.")

    def knows(self, kind: str, schema_version: int) -> bool:
        """Whether this version of PulseOps can read such facts."""
        fact = self._facts.get(kind)
        return fact is not None and 1 <= schema_version <= fact.schema_version

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
        if fact is None or not self.knows(kind, schema_version):
            known = f"up to version {fact.schema_version}" if fact else f"only {', '.join(self._facts)}"
            raise UnknownFact(
                f"History holds {kind} version {schema_version}, and this process knows {known}: "
                "a newer release wrote it, and must read it. Nothing is lost."
            )
        fields = msgspec.json.decode(data)
        for version in range(schema_version, fact.schema_version):
            fields = self._upcasters[kind, version](fields)
        return msgspec.convert(fields, fact)
