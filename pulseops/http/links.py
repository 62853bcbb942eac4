"""Where an answer leads: what may be asked next of the thing that it tells of."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from pulseops.http.spec import Shape


class Target(Struct, frozen=True):
    """An operation of one thing: its name, its path, and which parameters the path takes."""

    operation: str
    path: str
    summary: str
    parameters: frozenset[str]


def links(path: str, shape: Shape, targets: Iterable[Target]) -> dict[str, dict[str, Any]]:
    """Those to operations of the same collection that take what `shape.leads` names, by their operation."""
    collection = path.split("/{", maxsplit=1)[0]
    return {
        target.operation: {
            "operationId": target.operation,
            "description": target.summary,
            "parameters": dict(shape.leads),
        }
        for target in targets
        if shape.leads
        and target.path.split("/{")[0] == collection
        and target.parameters == shape.leads.keys()
    }
