"""What the routes of the catalog promise, in the words of the API description."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from pulseops.catalog.commands import ServiceValue, TeamValue
from pulseops.catalog.paging import Page, Wanted, WantedServices
from pulseops.catalog.service import Service
from pulseops.catalog.team import Team
from pulseops.eventstore.differences import Entries
from pulseops.http.moments import AsOf, Between
from pulseops.http.position import HEADER, Least
from pulseops.http.spec import Shape, Spec

_TAG = "catalog"
_STANDS = ("ETag", HEADER)
_WRITES = ("contended", "version-conflict", "overloaded", "outcome-unknown", "unknown-fact")
_KEYED = ("idempotency-key-reused", "invalid-input", "invalid-header")


class Why(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is retired."""

    note: Annotated[str, Meta(max_length=1_000, description="Why, for history.")] = ""


class Shown(Least, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new the entry must be at least, and as of when it is told."""

    as_of: AsOf | None = field(name="asOf", default=None)


class Changed(Between, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which moments, and which page of the entries that are another."""

    cursor: Annotated[str, Meta(max_length=400, description="`nextCursor` of the page before.")] | None = None


class Retired(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is there no more. `version` and `position` are those of the event that says so."""

    name: str
    version: int
    position: int


_TEAM: dict[str, Any] = {
    "displayName": "Payments",
    "description": "Takes the money.",
    "lead": "ada",
    "chat": "https://chat.example.com/payments",
    "members": [{"name": "ada", "role": "lead"}, {"name": "grace"}],
    "runbooks": [{"title": "Payments fail", "url": "https://wiki.example.com/payments"}],
}
_SERVICE: dict[str, Any] = {
    "team": "payments",
    "displayName": "Checkout",
    "tier": 1,
    "repository": "https://git.example.com/checkout",
    "runbooks": [{"title": "Checkout answers 5xx", "url": "https://wiki.example.com/checkout"}],
    "labels": {"language": "python"},
    "environments": ["production", "staging"],
}


def _list(name: str, summary: str, query: type, kind: Any) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        tag=_TAG,
        action="catalog.read",
        query=query,
        headers=("If-None-Match",),
        answers={
            200: Shape(means="One page.", kind=kind, headers=_STANDS),
            304: Shape(means="The page is still as you have it.", headers=_STANDS),
        },
        problems=("not-found", "unknown-fact", "behind", "overloaded"),
    )


def _show(name: str, summary: str, kind: type) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        tag=_TAG,
        action="catalog.read",
        query=Shown,
        headers=("If-None-Match",),
        answers={
            200: Shape(means="As it now stands, or as of then.", kind=kind, headers=_STANDS),
            304: Shape(means="It is still as you have it.", headers=_STANDS),
        },
        problems=("not-found", "unknown-fact", "behind", "overloaded"),
    )


def _define(name: str, summary: str, body: type, kind: type, example: dict[str, Any]) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        tag=_TAG,
        action="catalog.write",
        body=body,
        body_example=example,
        headers=("Idempotency-Key", "If-Match", "If-None-Match"),
        answers={
            200: Shape(
                means="It is so now. If it was so before, nothing was recorded.",
                kind=kind,
                headers=(*_STANDS, "Idempotency-Replayed"),
            ),
            201: Shape(
                means="There was no such entry, and now there is.",
                kind=kind,
                headers=("Location", *_STANDS, "Idempotency-Replayed"),
                leads={"name": "$response.body#/name"},
            ),
        },
        problems=("not-found", *_WRITES, *_KEYED),
    )


def _retire(name: str, summary: str) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        tag=_TAG,
        action="catalog.write",
        query=Why,
        headers=("Idempotency-Key", "If-Match"),
        answers={
            200: Shape(
                means="It is there no more. If that was so before, nothing was recorded.",
                kind=Retired,
                headers=(HEADER, "Idempotency-Replayed"),
            )
        },
        problems=("not-found", "in-use", "behind", *_WRITES, *_KEYED),
    )


LIST_TEAMS = _list("listTeams", "Teams, by name", Wanted, Page[Team])
SHOW_TEAM = _show("getTeam", "A team", Team)
DEFINE_TEAM = _define("defineTeam", "Say what a team is", TeamValue, Team, _TEAM)
RETIRE_TEAM = _retire("retireTeam", "Retire a team that owns nothing")
LIST_SERVICES = _list("listServices", "Services, by name", WantedServices, Page[Service])
SHOW_SERVICE = _show("getService", "A service", Service)
DEFINE_SERVICE = _define("defineService", "Say what a service is", ServiceValue, Service, _SERVICE)
RETIRE_SERVICE = _retire("retireService", "Retire a service")
DIFF = Spec(
    name="compareCatalog",
    summary="Which teams and services changed between two moments",
    tag=_TAG,
    action="catalog.read",
    query=Changed,
    answers={200: Shape(means="Those that are another, who did it, and why.", kind=Entries)},
    problems=("not-found", "unknown-fact", "behind", "overloaded"),
)
