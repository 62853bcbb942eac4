"""Where in a body the mistake is: msgspec's messages as JSON pointers and plain words."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec.structs import fields

_WHERE = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_PLAINER = (
    (re.compile(r"Expected `str` matching regex '\\\\S'"), "It must not be blank."),
    (
        re.compile(r"Expected `str` matching regex '\^https\?.*"),
        "It must be an http or https address, without a user name or a password.",
    ),
    (re.compile(r"Expected `str` matching regex '.*@.*"), "It must be an e-mail address."),
    (re.compile(r"Expected `str` of length >= 1"), "It must not be empty."),
    (re.compile(r"Expected `str` of length <= (\d+)"), r"It may have at most \1 characters."),
    (re.compile(r"Expected `(?:object|array)` of length <= (\d+)"), r"It may have at most \1 entries."),
    (re.compile(r"Expected `datetime` with a timezone component"), "It needs a UTC offset, such as Z."),
    (re.compile(r"Invalid RFC3339 encoded datetime"), "It is not an RFC 3339 date and time."),
)


def located(message: str, kind: Any) -> tuple[str, str]:
    """msgspec's message as a JSON pointer and a detail."""
    found = _WHERE.fullmatch(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    path = path.replace("[...]", "")  # somewhere in a mapping
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(path))
    if field := _FIELD.fullmatch(what):
        name = field[2][:100]
        pointer += "/" + name.replace("~", "~0").replace("/", "~1")
        if field[1] == "missing required":
            return pointer, "It is required."
        known = [one.encode_name for one in fields(kind)]
        return pointer, f"There is no such field.{meant(name, known)}"
    if found and found["key"]:
        return pointer, f"A key in it: {what}."
    if what.startswith("Invalid enum value"):
        return pointer, f"It must be one of {', '.join(_choices(kind, pointer[1:]))}."
    for pattern, plain in _PLAINER:
        if hit := pattern.fullmatch(what):
            return pointer, hit.expand(plain)
    return pointer, f"{what}."


def meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.7)
    return f" Did you mean {close[0]}?" if close else ""


@cache
def _choices(kind: Any, name: str) -> list[str]:
    for field in fields(kind):
        if field.encode_name == name:
            return list(_literals(get_type_hints(kind)[field.name]))
    return []


def _literals(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    for one in get_args(hint):
        if not isinstance(one, str):
            yield from _literals(one)
