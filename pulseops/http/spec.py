"""What a route promises, beside its handler: the API description is made of nothing else."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

TOMORROW = "{tomorrow}"
"""In an example: a time that is to come, whenever the description is read."""


class Shape(Struct, frozen=True, kw_only=True):
    """One answer: what it means, its type (None: no body), its headers and an example.

    `texts` are media in which it is told besides, as a text.
    `leads` says where the path parameters of the thing that it tells of are, in OpenAPI's runtime expressions
    (`{"key_id": "$response.body#/id"}`): the description links to whatever may be asked of it.
    """

    means: str
    kind: Any = None
    media: str = "application/json"
    texts: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    example: Any = None
    leads: Mapping[str, str] = {}


class Spec(Struct, frozen=True, kw_only=True):
    """A route in the words of its callers.

    `query` and `body` are the structs that the handler reads; `problems` are codes of `problem.KINDS`, beyond
    those that every route may answer. `body_media` are further content types with the type of their schema.
    `public` routes ask for no key; `hidden` ones are not part of the API; where `browsers` come, a problem is
    a page to those that ask for HTML. `action` is what a key's role must allow (`access/permissions.py`):
    every route names one, unless it is public or hidden.
    """

    name: str
    summary: str
    answers: Mapping[int, Shape]
    tag: str = "incidents"
    query: Any = None
    body: Any = None
    body_media: Mapping[str, Any] = {}
    body_required: bool = True
    body_example: Any = None
    problems: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    action: str | None = None
    public: bool = False
    hidden: bool = False
    browsers: bool = False
