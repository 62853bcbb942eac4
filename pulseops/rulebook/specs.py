"""What the routes of rules promise, in the words of the API description."""

from typing import Annotated

from msgspec import Meta, Struct, field

from pulseops.http.moments import AsOf, Between
from pulseops.http.position import HEADER
from pulseops.http.spec import Shape, Spec
from pulseops.rulebook.applied import Rules, RulesDiff

_TAG = "rules"


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules of when; without `asOf` the newest that are recorded."""

    as_of: AsOf | None = field(name="asOf", default=None)
    version: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=500,
                description="The newest of these of which a section has this version: decisions cite it as "
                "`rulesVersion`.",
            ),
        ]
        | None
    ) = None


SHOW = Spec(
    name="getRules",
    summary="The rules, as they are or were",
    tag=_TAG,
    action="rules.read",
    query=Wanted,
    headers=("If-None-Match",),
    answers={
        200: Shape(
            means="What decides on priority, category, team and escalation.",
            kind=Rules,
            headers=("ETag", HEADER),
        ),
        304: Shape(means="They are still as you have them.", headers=("ETag", HEADER)),
    },
    problems=("not-found", "unknown-fact", "overloaded"),
)
DIFF = Spec(
    name="compareRules",
    summary="What changed in the rules between two moments",
    tag=_TAG,
    action="rules.read",
    query=Between,
    answers={200: Shape(means="What was applied between, and how the whole differs.", kind=RulesDiff)},
    problems=("not-found", "unknown-fact", "overloaded"),
)
