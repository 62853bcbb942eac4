"""What can be asked of the catalog. `TeamValue` and `ServiceValue` are the HTTP bodies: a whole, no part."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pulseops.catalog.events import Defined, ServiceDefined, TeamDefined

_END = r"(?![\s\S])"  # `$` would let a line feed follow

Word = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Line = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=5_000)]
Note = Annotated[str, Meta(max_length=5_000)]
Value = Annotated[str, Meta(max_length=1_000)]
Url = Annotated[
    str,
    Meta(
        max_length=2_000,
        pattern=r"^https?://[^\s/?#@\\]+([/?#]\S*)?" + _END,
        description="http or https, without a user name or a password.",
        examples=["https://wiki.example.com/runbooks/checkout"],
    ),
]
Email = Annotated[
    str,
    Meta(max_length=254, pattern=r"^[^\s@]+@[^\s@]+" + _END, examples=["payments@example.com"]),
]
Environment = Annotated[str, Meta(min_length=1, max_length=63, pattern=r"\S", examples=["production"])]


class LinkValue(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Something to open in a browser, and what it is called."""

    title: Word
    url: Url


class MemberValue(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Somebody in the team, by user name; `role` is the team's own word, such as lead."""

    name: Word
    role: Line = ""


Links = Annotated[tuple[LinkValue, ...], Meta(max_length=50)]


class TeamValue(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """All that a team is. What is left out is empty afterwards. `note` says why, in history."""

    display_name: Line = ""
    description: Text = ""
    lead: Annotated[Word, Meta(description="Whom to turn to.")] | None = None
    email: Email | None = None
    chat: Url | None = None
    members: Annotated[tuple[MemberValue, ...], Meta(max_length=200)] = ()
    runbooks: Links = ()
    links: Links = ()
    note: Note = ""


class ServiceValue(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """All that a service is. What is left out is empty afterwards. `note` says why, in history."""

    team: Annotated[str, Meta(min_length=1, max_length=200, description="Whose it is: a team there is.")]
    display_name: Line = ""
    description: Text = ""
    tier: Annotated[int, Meta(ge=1, le=4, description="1: nobody can do without it, to 4.")] | None = None
    repository: Url | None = None
    runbooks: Links = ()
    dashboards: Links = ()
    links: Links = ()
    labels: Annotated[dict[Word, Value], Meta(max_length=64)] = {}
    environments: Annotated[tuple[Environment, ...], Meta(max_length=32)] = ()
    note: Note = ""


class Define(Struct, frozen=True, kw_only=True):
    """Be `value` from now on."""

    value: Defined


class Retire(Struct, frozen=True, kw_only=True):
    """Be there no more."""

    note: str = ""


Command = Define | Retire


def define_team(name: str, value: TeamValue) -> Define:
    return Define(value=msgspec.convert({"name": name, **msgspec.to_builtins(value)}, TeamDefined))


def define_service(name: str, value: ServiceValue) -> Define:
    return Define(value=msgspec.convert({"name": name, **msgspec.to_builtins(value)}, ServiceDefined))
