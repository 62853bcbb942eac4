"""Assigning an incident by hand, over HTTP: to a team that there is."""

from uuid import UUID

from litestar import post
from litestar.params import FromPath

from pulseops.access.guards import principal
from pulseops.catalog.defaults import Defaults
from pulseops.catalog.store import Catalog
from pulseops.catalog.writing import current, tag
from pulseops.http.answer import Answer
from pulseops.http.exchange import Req
from pulseops.http.pointers import meant
from pulseops.incidents.asking import asked
from pulseops.incidents.changing import change, repeated
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
    if (again := await repeated(request, incident_id, body, ASSIGN.kind)) is not None:
        return again
    if body.team is not None:
        await _require_team(request, body.team)
    return await change(request, incident_id, body, ASSIGN.kind)


async def _require_team(request: Req, name: str) -> None:
    """Nobody would ever hear of what is assigned to a misspelt team."""
    catalog: Catalog = request.app.state.catalogs(principal(request).log_id)
    defaults: Defaults = request.app.state.defaults
    if tag("team", name, await current(catalog, "team", name), defaults) is None:
        raise InvalidInput(f"There is no such team.{meant(name, list(defaults.teams))}", pointer="/team")


ROUTES = (assign,)
