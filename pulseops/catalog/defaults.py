"""What the rules file says of teams and services: it holds until somebody defines them. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from pulseops.catalog.entry import Kind


class Defaults(Struct, frozen=True, kw_only=True):
    """`teams`: description by name. `services`: owner by name. `version` is the rules', told as a reason."""

    version: str
    teams: Mapping[str, str] = {}
    services: Mapping[str, str] = {}

    def has(self, kind: Kind, name: str) -> bool:
        return name in (self.teams if kind == "team" else self.services)
