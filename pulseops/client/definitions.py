"""What a key shall be, and what a user may do.

Teams and services are defined by `catalog/commands.py`, as the server reads them.
"""

from datetime import datetime

from msgspec import Struct

from pulseops.access.permissions import Role


class KeyDefinition(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key. Without `teams` it sees those of all teams; `rate` is in requests a second."""

    name: str
    role: Role
    teams: tuple[str, ...] | None = None
    source: str | None = None
    rate: int | None = None
    expires_at: datetime | None = None


class UserGrant(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a user may do. Without `teams` it is those of all teams.

    `new_subject`: the name is that of whoever signs in with it next.
    """

    role: Role
    teams: tuple[str, ...] | None = None
    new_subject: bool = False


class Overlap(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """For how long the secret before still opens."""

    overlap_seconds: int = 86_400
