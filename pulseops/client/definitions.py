"""What a team, a service or a key shall be: bodies that are sent whole."""

from datetime import datetime

from msgspec import Struct


class Link(Struct, frozen=True, kw_only=True):
    """Something to open in a browser, and what it is called."""

    title: str
    url: str


class Member(Struct, frozen=True, kw_only=True):
    """Somebody in a team; `role` is the team's own word."""

    name: str
    role: str = ""


class TeamDefinition(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All that a team is; `lead` is whom to turn to, `note` says why, in history."""

    display_name: str = ""
    description: str = ""
    lead: str | None = None
    email: str | None = None
    chat: str | None = None
    members: tuple[Member, ...] = ()
    runbooks: tuple[Link, ...] = ()
    links: tuple[Link, ...] = ()
    note: str = ""


class ServiceDefinition(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All that a service is. `tier` runs from 1, without which nobody can do, to 4."""

    team: str
    display_name: str = ""
    description: str = ""
    tier: int | None = None
    repository: str | None = None
    runbooks: tuple[Link, ...] = ()
    dashboards: tuple[Link, ...] = ()
    links: tuple[Link, ...] = ()
    labels: dict[str, str] = {}
    environments: tuple[str, ...] = ()
    note: str = ""


class KeyDefinition(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key. Without `teams` it sees those of all teams; `rate` is in requests a second."""

    name: str
    role: str
    teams: tuple[str, ...] | None = None
    source: str | None = None
    rate: int | None = None
    expires_at: datetime | None = None


class Overlap(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """For how long the secret before still opens."""

    overlap_seconds: int = 86_400
