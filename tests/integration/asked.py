"""Every route of the running app, and bodies for it made of its Spec: a new route is attacked by itself."""

from collections.abc import Iterator
from typing import Any

from litestar.routes import HTTPRoute
from msgspec import Struct, inspect

from pulseops.http.spec import Spec
from tests.serving import Api

SOME_ID = "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f"


class Route(Struct, frozen=True, kw_only=True):
    """One method of one path; `path` has its parameters in braces."""

    method: str
    path: str
    parameters: tuple[str, ...]
    spec: Spec

    def at(self, **given: str) -> str:
        """The path with these parameters, and any others filled in."""
        path = self.path
        for name in self.parameters:
            path = path.replace(f"{{{name}}}", given.get(name, SOME_ID if name == "incident_id" else "a"))
        return path


def routes(api: Api) -> Iterator[Route]:
    """In the order of the app's own table."""
    for route in api.app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if isinstance(spec := handler.opt.get("spec"), Spec):
                for method in sorted(map(str, handler.http_methods)):
                    yield Route(
                        method=method,
                        path=route.path_format,
                        parameters=tuple(route.path_parameters),
                        spec=spec,
                    )


def texts(spec: Spec) -> Iterator[tuple[str, ...]]:
    """Where a body has text of the caller's own: a path of keys; `*` is the key or the item that is made."""
    yield from _texts(inspect.type_info(spec.body), ())


def _texts(kind: inspect.Type, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    match kind:
        case inspect.Metadata():
            yield from _texts(kind.type, at)
        case inspect.StrType():
            yield at
        case inspect.UnionType():
            for one in kind.types:
                yield from _texts(one, at)
        case inspect.StructType():
            for field in kind.fields:
                yield from _texts(field.type, (*at, field.encode_name))
        case inspect.VarTupleType() | inspect.ListType():
            yield from _texts(kind.item_type, (*at, "0"))
        case inspect.DictType():
            yield (*at, "*")
            yield from _texts(kind.value_type, (*at, "x"))
        case _:
            return


_ITEMS = {"title": {"url": "https://example.com/"}, "role": {"name": "ada"}}
"""What an item needs beside a field of it."""


def having(body: Any, at: tuple[str, ...], text: str) -> Any:
    """The body with this text there; whatever is missing on the way is made."""
    match at:
        case ():
            return text
        case ("*",):
            return {**(body or {}), text: "a"}
        case ("0", *rest):
            item = body[0] if body else _ITEMS.get(rest[0], {}) if rest else None
            return [having(item, tuple(rest), text)]
        case (step, *rest):
            return {**(body or {}), step: having((body or {}).get(step), tuple(rest), text)}
        case _:
            raise AssertionError(at)
