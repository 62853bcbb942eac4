"""The facts of teams and services. Public, and for ever. A definition is whole: the newest one tells all."""

from msgspec import Struct

from pulseops.kernel.envelope import Fact


class Link(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something to open in a browser, and what it is called."""

    title: str
    url: str


class Member(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody in a team, by user name; `role` is the team's own word."""

    name: str
    role: str = ""


class TeamDefined(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A team is this from now on. What is not given is empty, whatever it was before."""

    type = "TEAM.DEFINED"
    name: str
    display_name: str = ""
    description: str = ""
    lead: str | None = None
    email: str | None = None
    chat: str | None = None
    members: tuple[Member, ...] = ()
    runbooks: tuple[Link, ...] = ()
    links: tuple[Link, ...] = ()
    note: str = ""


class TeamRetired(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A team is there no more."""

    type = "TEAM.RETIRED"
    name: str
    note: str = ""


class ServiceDefined(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A service is this from now on. What is not given is empty, whatever it was before.

    `tier` runs from 1, what nobody can do without, to 4.
    """

    type = "SERVICE.DEFINED"
    name: str
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


class ServiceRetired(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A service is there no more."""

    type = "SERVICE.RETIRED"
    name: str
    note: str = ""


Defined = TeamDefined | ServiceDefined
CatalogFact = TeamDefined | TeamRetired | ServiceDefined | ServiceRetired
FACTS: tuple[type[CatalogFact], ...] = (TeamDefined, TeamRetired, ServiceDefined, ServiceRetired)
