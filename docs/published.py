"""The JSON schema of every fact and version that was ever stored, in docs/schemas: what others may rely on.

A file of the current version follows the struct, as long as the struct only gained fields that may be absent;
any other change is a new version, with a file of its own. Files of earlier versions are never touched.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from pulseops.kernel.envelope import Fact

FOLDER = Path(__file__).resolve().parent / "schemas"
_TOLD = {"title", "description", "$defs"}


class NotAdditive(Exception):
    """A stored fact's shape was changed in place: give it a new schema version, an upcaster and a sample."""


def file_of(fact: type[Fact]) -> Path:
    return FOLDER / f"{fact.type.lower()}-{fact.schema_version}.json"


def schema(fact: type[Fact]) -> bytes:
    """As the file is to be. Of `data` only: type and version are columns of the log."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{fact.type} version {fact.schema_version}",
    }
    text = msgspec.json.format(msgspec.json.encode(head | msgspec.json.schema(fact)), indent=2)
    return text + b"\n"


def publish(facts: Iterable[type[Fact]]) -> None:
    """Writes what is missing or grew. Raises NotAdditive."""
    FOLDER.mkdir(exist_ok=True)
    for fact in facts:
        if broken := changes(fact):
            raise NotAdditive(f"{fact.type} version {fact.schema_version}: {'; '.join(broken)}.")
        file_of(fact).write_bytes(schema(fact))


def changes(fact: type[Fact], published: bytes | None = None) -> list[str]:
    """What the struct no longer keeps of what its version promised; empty when there is no promise yet."""
    if published is None:
        if not file_of(fact).exists():
            return []
        published = file_of(fact).read_bytes()
    old, new = msgspec.json.decode(published), msgspec.json.decode(schema(fact))
    return list(_changes("", old, new, (old, new)))


def _changes(path: str, old: Any, new: Any, documents: tuple[Any, Any]) -> Iterator[str]:
    old, new = (_resolved(one, document) for one, document in zip((old, new), documents, strict=True))
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{path or '/'} was {old}, is {new}"
        return
    for key in sorted((old.keys() | new.keys()) - _TOLD - {"properties", "required"}):
        yield from _pairs(f"{path}/{key}", old.get(key), new.get(key), documents)
    required = set(old.get("required", ()))
    for name in sorted(required ^ set(new.get("required", ()))):
        yield f"{path}/{name} was {'required' if name in required else 'optional or not there'}"
    for name, was in old.get("properties", {}).items():
        now = new.get("properties", {}).get(name)
        if now is None:
            yield f"{path}/{name} is gone"
        else:
            yield from _changes(f"{path}/{name}", was, now, documents)


def _pairs(path: str, old: Any, new: Any, documents: tuple[Any, Any]) -> Iterator[str]:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for was, now in zip(old, new, strict=True):
            yield from _changes(path, was, now, documents)
    else:
        yield from _changes(path, old, new, documents)


def _resolved(node: Any, document: Any) -> Any:
    if isinstance(node, dict) and (reference := node.get("$ref")):
        return document["$defs"][reference.rpartition("/")[2]]
    return node
