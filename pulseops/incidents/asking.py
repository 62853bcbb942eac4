"""What may be asked of an incident, and what the API description says of it."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from pulseops.http.bodies import Body
from pulseops.http.spec import TOMORROW, Shape, Spec
from pulseops.incidents.commands import (
    Acknowledge,
    ChangePriority,
    Comment,
    DeclareImpact,
    Edit,
    Link,
    Merge,
    Reopen,
    Resolve,
    Snooze,
    Split,
    Unacknowledge,
    Unsnooze,
)
from pulseops.incidents.incident import Incident
from pulseops.incidents.specs import STANDS, WRITES

_NOTE = {"note": "Looking into it."}
_OTHER = "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f"


class Asked(Struct, frozen=True, kw_only=True):
    """A command as a POST to `/incident/{id}/<kind>`."""

    kind: str
    body: Body[Any]
    spec: Spec

    @property
    def paths(self) -> list[str]:
        return [f"/{word}/{{incident_id:uuid}}/{self.kind}" for word in ("incident", "incidents")]


def asked(
    kind: str,
    summary: str,
    body: type[Any],
    *,
    example: Mapping[str, Any] = _NOTE,
    optional: bool = True,
    problems: tuple[str, ...] = ("invalid-transition",),
    name: str = "",
) -> Asked:
    """`name` is the operation's, where it is not the kind's.

    `optional`: every field of the body has a default, so there need be none.
    """
    spec = Spec(
        name=name or f"{kind}Incident",
        summary=summary,
        body=body,
        body_required=not optional,
        body_example=example,
        headers=("Idempotency-Key", "If-Match"),
        action="incident.respond",
        answers={
            200: Shape(
                means="The incident as it now stands. If it was so before, nothing was recorded.",
                kind=Incident,
                headers=(*STANDS, "Idempotency-Replayed"),
            )
        },
        problems=("not-found", *problems, "contended", "version-conflict", *WRITES),
    )
    return Asked(kind=kind, body=Body(body, empty=body()) if optional else Body(body), spec=spec)


ALONE = (
    asked("acknowledge", "Say that somebody is on it", Acknowledge),
    asked("unacknowledge", "Say that nobody is on it any more", Unacknowledge),
    asked(
        "snooze",
        "Let nobody hear of it for a while",
        Snooze,
        example={"until": TOMORROW, "note": "The vendor looks at it tomorrow."},
        optional=False,
    ),
    asked("unsnooze", "Let it need an answer again", Unsnooze),
    asked(
        "priority",
        "Say how bad it is",
        ChangePriority,
        example={"priority": "high", "note": "Now the checkout is slow as well."},
        optional=False,
        problems=(),
        name="changePriority",
    ),
    asked(
        "edit",
        "Change title, description or labels",
        Edit,
        example={"title": "Checkout answers 503 in Europe", "labels": {"region": "eu-west-1", "zone": None}},
        problems=(),
    ),
    asked(
        "comment",
        "Add something to its history",
        Comment,
        example={"text": "The deploy of 10:02 is the suspect."},
        optional=False,
        problems=(),
        name="commentOnIncident",
    ),
    asked(
        "impact",
        "Declare who feels it",
        DeclareImpact,
        example={"services": ["checkout"], "customers": 1200},
        problems=(),
        name="declareImpact",
    ),
    asked(
        "resolve",
        "Say that it is over",
        Resolve,
        example={"note": "Rolled back.", "resolution": "fixed", "cause": "The deploy of 10:02"},
    ),
    asked("reopen", "Say that it is not over after all", Reopen),
)
"""What concerns one incident alone."""

LINK = asked(
    "link",
    "Say what it has to do with",
    Link,
    example={"url": "https://status.example.com/incidents/42", "title": "The provider's own report"},
    problems=(),
)
MERGE = asked(
    "merge",
    "Merge it into another incident",
    Merge,
    example={"into": _OTHER, "note": "The same deploy."},
    optional=False,
)
SPLIT = asked("split", "Take it out again of what it was merged into", Split)
