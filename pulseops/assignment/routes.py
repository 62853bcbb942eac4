"""Assigning an incident by hand, over HTTP: to a team that there is."""

from uuid import UUID

from litestar import post
from litestar.params import FromPath

from pulseops.assignment.rules import AssignmentRules
from pulseops.http.answer import Answer
from pulseops.http.exchange import Req
from pulseops.http.pointers import meant
from pulseops.incidents.asking import asked
from pulseops.incidents.changing import change
from pulseops.incidents.commands import Reassign
from pulseops.kernel.errors import InvalidInput

ASSIGN = asked(
    "assign",
    "Give it to a team, to a person, or to both",
    Reassign,
    example={"team": "database", "responder": "ada@example.com"},
    optional=False,
)


@post(ASSIGN.paths, opt={"spec": ASSIGN.spec})
async def assign(request: Req, incident_id: FromPath[UUID]) -> Answer:
    body: Reassign = await ASSIGN.body.read(request)
    if body.team is not None:
        _require_team(body.team, request.app.state.rulebook.assignment)
    return await change(request, incident_id, body, ASSIGN.kind)


def _require_team(name: str, rules: AssignmentRules) -> None:
    """Nobody would ever hear of what is assigned to a misspelt team."""
    known = [team.name for team in rules.teams]
    if name not in known:
        raise InvalidInput(f"There is no such team.{meant(name, known)}", pointer="/team")


ROUTES = (assign,)
