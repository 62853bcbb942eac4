"""The API description (OpenAPI 3.1), made of the routes' specs and of nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from inspect import cleandoc
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from pulseops.http import headers
from pulseops.http.admission import ALWAYS
from pulseops.http.answer import Answer
from pulseops.http.exchange import Req
from pulseops.http.links import Target, links
from pulseops.http.problem import KINDS, Problem, example
from pulseops.http.spec import TOMORROW, Shape, Spec
from pulseops.kernel.clock import utc_now

# The first two are found before it is known which route is meant.
_EVERYWHERE = ("malformed", "head-too-large", "internal")
_AT_THE_DOOR = ("overloaded",)
_GUARDED = ("unauthenticated", "no-access", "cross-site", "rate-limited", "unavailable", "issuer-unavailable")
_WITH_BODY = ("request-timeout", "too-large", "unsupported-media-type", "invalid-input")
# What a server answered, by the name of its schema; of lists the first few.
_EXAMPLES: Mapping[str, Any] = msgspec.json.decode(Path(__file__).with_name("examples.json").read_bytes())
_IN_PATHS: Mapping[type, Mapping[str, Any]] = {
    UUID: {
        "schema": {"type": "string", "format": "uuid"},
        "example": "019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f",
    },
    str: {"schema": {"type": "string"}},
    # OpenAPI has no word for what holds slashes.
    Path: {
        "schema": {"type": "string", "pattern": r"^[0-9]{1,2}/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?$"},
        "description": "With its slashes, as they are or as %2F.",
        "example": "0/000.p/1",
    },
}
_TEXT: Mapping[str, Any] = {"schema": {"type": "string"}}
_ORIGINAL = {"/incident", "/incident/"}
_ABOUT = """\
PulseOps records incidents and everything that happens to them. Each one is classified, assigned and escalated
until somebody answers; every step is an event in a log that is never changed.

Times are RFC 3339. Errors are `application/problem+json` with a stable `code`. Of a key that is repeated in a
JSON object the last one counts. An incident id that is not a UUID is an unknown one (404).

Beside the headers that are listed, every answer has `X-Content-Type-Options: nosniff`; problems, and whatever
else must not be kept, have `Cache-Control: no-store`.
"""


def described(routes: Iterable[Any], version: str) -> bytes:
    """The document, as JSON, with `TOMORROW` where an example needs a time to come."""
    handlers = [
        (route, handler)
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if isinstance(spec := handler.opt.get("spec"), Spec) and not spec.hidden
    ]
    kinds = _kinds(handler.opt["spec"] for _, handler in handlers)
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    for schema in components.values():
        schema["description"] = cleandoc(schema.get("description", ""))
    named = {repr(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    handlers.sort(key=lambda one: one[0].path_format)
    targets = [_target(route, handler.opt["spec"]) for route, handler in handlers]
    paths: dict[str, dict[str, Any]] = {}
    for route, handler in handlers:
        for method in handler.http_methods:
            operation = _operation(route, handler, named, targets)
            paths.setdefault(route.path_format, {})[method.lower()] = operation
    document = msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "PulseOps",
                "version": version,
                "description": _ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "security": [{"apiKey": []}, {"token": []}, {"session": []}],
            "tags": [
                {"name": "incidents", "description": "Report, see and answer incidents."},
                {"name": "escalation", "description": "Who hears next, and when."},
                {
                    "name": "audit",
                    "description": "What was signed of history, and proofs that it is still so.",
                },
                {"name": "access", "description": "Who may do what, and who did."},
                {"name": "rules", "description": "What incidents are judged, routed and escalated by."},
                {"name": "catalog", "description": "Teams and services: who owns what, and where to look."},
                {"name": "operation", "description": "For those who run PulseOps."},
            ],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    "apiKey": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "pulseops_<id>_<secret>",
                        "description": "An API key. The first one is told when PulseOps starts.",
                    },
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "An access token of the issuer, where users can sign in.",
                    },
                    "session": {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": "__Host-pulseops",
                        "description": "Of a browser that is signed in (`/login`). What writes must come "
                        "from our own pages.",
                    },
                },
            },
        }
    )
    for name in filter(lambda name: "." in name, components):
        document = document.replace(f'{name}"'.encode(), f'{_plain(name)}"'.encode())
    return document


def _plain(name: str) -> str:
    """Of two schemas of one name msgspec tells the modules: the room is enough."""
    _, room, *_, own = name.split(".")
    return f"{room.title()}{own}"


def _kinds(specs: Iterable[Spec]) -> list[Any]:
    found: dict[str, Any] = {repr(Problem): Problem}
    for spec in specs:
        kinds = [spec.body, *spec.body_media.values(), *(shape.kind for shape in spec.answers.values())]
        found |= {repr(kind): kind for kind in kinds if kind is not None}
    return list(found.values())


def _target(route: HTTPRoute, spec: Spec) -> Target:
    path = route.path_format
    return Target(_id(path, spec), path, spec.summary, frozenset(route.path_parameters))


def _id(path: str, spec: Spec) -> str:
    """Of a route's two spellings the original one has a name of its own."""
    return f"{spec.name}Original" if path.partition("{")[0] in _ORIGINAL else spec.name


def _operation(
    route: HTTPRoute, handler: HTTPRouteHandler, named: Mapping[str, Any], targets: Sequence[Target]
) -> dict[str, Any]:
    spec: Spec = handler.opt["spec"]
    path = route.path_format
    operation: dict[str, Any] = {
        "operationId": _id(path, spec),
        "summary": spec.summary,
        "tags": [spec.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(spec), *_header_parameters(spec)],
        "responses": {
            str(status): _response(shape, named, links(path, shape, targets))
            for status, shape in spec.answers.items()
        }
        | _problems(path, spec, named),
    }
    if handler.fn.__doc__:
        operation["description"] = cleandoc(handler.fn.__doc__)
    if spec.public:
        operation["security"] = []
    if spec.body is not None:
        media = {"application/json": spec.body, **spec.body_media}
        operation["requestBody"] = {
            "required": spec.body_required,
            "content": {
                name: {"schema": named[repr(kind)]}
                | ({"example": spec.body_example} if kind is spec.body and spec.body_example else {})
                for name, kind in media.items()
            },
        }
    return operation


def _path_parameters(route: HTTPRoute) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, **_IN_PATHS[one.type]}
        for name, one in route.path_parameters.items()
    ]


def _query_parameters(spec: Spec) -> list[dict[str, Any]]:
    if spec.query is None:
        return []
    _, components = msgspec.json.schema_components([spec.query])
    schema = components[spec.query.__name__]
    required = schema.get("required", [])
    kinds = {name: _without_null(one) for name, one in schema["properties"].items()}
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            # Beside the schema: readers look there.
            "description": kind.pop("description", ""),
            "schema": kind,
        }
        for name, kind in kinds.items()
    ]


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter is absent or has a value: there is no null in a query string."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    kept = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(kinds) != 1:
        return {**kept, **({"anyOf": kinds} if kinds else {})}
    return {key: value for key, value in kept.items() if key != "default" or value is not None} | dict(
        kinds[0]
    )


def _header_parameters(spec: Spec) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", **headers.REQUEST[name]} for name in spec.headers]


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: headers.RESPONSE[name] for name in (*names, "X-Request-Id")}


def _response(shape: Shape, named: Mapping[str, Any], leads: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": shape.means, "headers": _headers(shape.headers)}
    if leads:
        described["links"] = leads
    if shape.kind is not None:
        schema = named[repr(shape.kind)]
        shown = shape.example or _EXAMPLES.get(schema.get("$ref", "").rpartition("/")[2])
        described["content"] = {shape.media: {"schema": schema} | ({"example": shown} if shown else {})}
        described["content"] |= dict.fromkeys(shape.texts, _TEXT)
    return described


def _problems(path: str, spec: Spec, named: Mapping[str, Any]) -> dict[str, Any]:
    codes = [*spec.problems, *_EVERYWHERE]
    codes += [] if path.startswith(ALWAYS) else _AT_THE_DOOR
    codes += [] if spec.public else _GUARDED
    codes += [] if spec.action is None else ["forbidden"]
    codes += _WITH_BODY if spec.body is not None else ()
    codes += ["invalid-input"] if spec.query is not None else []
    codes += ["invalid-header"] if "Idempotency-Key" in spec.headers or "If-Match" in spec.headers else []
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(KINDS[code][0], []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {KINDS[code][1].lower()}" for code in found) + ".",
            "headers": _headers(headers.OF_PROBLEMS.get(status, ())),
            "content": {
                "application/problem+json": {
                    "schema": named[repr(Problem)],
                    "examples": {code: {"value": msgspec.to_builtins(example(code))} for code in found},
                }
            }
            | ({"text/html": _TEXT} if spec.browsers else {}),
        }
        for status, found in sorted(by_status.items())
    }


@get(
    "/openapi.json",
    opt={
        "spec": Spec(
            name="describe",
            summary="This description",
            tag="operation",
            answers={200: Shape(means="OpenAPI 3.1.", kind=dict[str, Any])},
            public=True,
        )
    },
)
async def openapi(request: Req) -> Answer:
    """The API in the words of OpenAPI 3.1."""
    document: bytes = request.app.state.openapi()
    tomorrow = (utc_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(document.replace(TOMORROW.encode(), tomorrow.encode()))
