"""Saying of what kind an incident is, over HTTP: one of the categories that the rules know."""

from uuid import UUID

from litestar import post
from litestar.params import FromPath

from pulseops.classification.rules import UNCATEGORIZED, Classifier
from pulseops.http.answer import Answer
from pulseops.http.exchange import Req
from pulseops.http.pointers import meant
from pulseops.incidents.asking import asked
from pulseops.incidents.changing import change, repeated
from pulseops.incidents.commands import ChangeCategory
from pulseops.kernel.errors import InvalidInput

CATEGORY = asked(
    "category",
    "Say of what kind it is",
    ChangeCategory,
    example={"category": "database", "note": "The pool ran dry, not the network."},
    optional=False,
    problems=(),
    name="changeCategory",
)


@post(CATEGORY.paths, opt={"spec": CATEGORY.spec})
async def category(request: Req, incident_id: FromPath[UUID]) -> Answer:
    body: ChangeCategory = await CATEGORY.body.read(request)
    if (again := await repeated(request, incident_id, body, CATEGORY.kind)) is not None:
        return again
    _require_category(body.category, request.app.state.rulebook.classification)
    return await change(request, incident_id, body, CATEGORY.kind)


def _require_category(name: str, classifier: Classifier) -> None:
    """Reports count by category: a misspelt one would count by itself."""
    known = [*classifier.rules.categories, UNCATEGORIZED]
    if name not in known:
        raise InvalidInput(f"There is no such category.{meant(name, known)}", pointer="/category")


ROUTES = (category,)
