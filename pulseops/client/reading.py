"""Reads answers of servers that may be newer: what is unknown is passed over, never a reason to fail."""

import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

T = TypeVar("T")


def reader(kind: type[T]) -> Callable[[bytes], T]:
    """Decodes JSON as `kind`. Words that no `Literal` lists are let through; bounds are not checked."""
    like: Any = kind  # hashable, whatever mypy says of a type[T]
    decode = _decoder(like).decode

    def read(body: bytes) -> T:
        found: T = decode(body)
        return found

    return read


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_opened(kind))


def _opened(kind: Any) -> Any:
    """The same type, open to what later releases may say."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _opened(arguments[0])
    if origin is Literal:
        return _either(type(one) for one in arguments)
    if origin in {Union, types.UnionType}:
        return _either(_opened(one) for one in arguments)
    plain = origin or kind
    if isinstance(plain, type) and issubclass(plain, Struct):
        return _struct(plain, arguments)
    if origin is None:
        return kind
    return origin[tuple(one if one is ... else _opened(one) for one in arguments)]


def _either(kinds: Iterable[Any]) -> Any:
    return Union[tuple(dict.fromkeys(kinds))]  # noqa: UP007 -- made at run time


@cache
def _struct(kind: type[Struct], arguments: tuple[Any, ...]) -> type[Struct]:
    """A subclass of `kind` under its name, with fields that are open."""
    given = dict(zip(getattr(kind, "__parameters__", ()), arguments, strict=True)) if arguments else {}
    hints, known = get_type_hints(kind, include_extras=True), msgspec.structs.fields(kind)
    fields: list[Any] = []
    for one in known:
        default: Any = msgspec.field
        fresh = default(default=one.default, default_factory=one.default_factory)
        fields.append((one.name, _opened(_filled(hints[one.name], given)), fresh))
    return msgspec.defstruct(
        kind.__name__,
        fields,
        bases=(kind,),
        namespace={"__doc__": kind.__doc__},
        module=kind.__module__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=False,
        rename={one.name: one.encode_name for one in known},
    )


def _filled(hint: Any, given: Mapping[Any, Any]) -> Any:
    """`tuple[T, ...]` of a `Page[Incident]` is `tuple[Incident, ...]`."""
    if not given:
        return hint
    if hint in given:
        return given[hint]
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(given[one] for one in parameters)] if parameters else hint
