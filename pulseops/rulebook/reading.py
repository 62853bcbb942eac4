"""YAML nodes read as the rooms' own structs, with every mistake placed on its line."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import yaml
from msgspec import inspect

from pulseops.kernel.durations import parse_duration
from pulseops.rulebook.problems import Problem, suggestion

UNREADABLE: Final = object()
"""Stands for a value that could not be read; the problem has been noted."""

_LONGEST, _DIGITS = 500, 9


class Reader:
    """Reads parts of one or more files, noting `problems` and the `places` of what it read, by path."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.places: dict[str, tuple[str, int]] = {}

    def report(self, path: str, message: str) -> None:
        """Note a problem with what was read at `path`, or with the nearest thing that holds it."""
        place = path
        while place not in self.places and place:
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        file, line = self.places.get(place, ("", 0))
        self.problems.append(Problem(file, line, path, message))

    def entries(self, node: yaml.Node, path: str, file: str) -> dict[str, yaml.Node] | None:
        """The values of a mapping by their keys; the first, where a key is there twice."""
        self.places[path] = (file, node.start_mark.line + 1)
        if _nothing(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.report(path, "this must be a mapping, written as `key: value`")
            return None
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in found:
                first = found[name].start_mark.line + 1
                message = f'"{name}" is here twice; the first is on line {first}'
                self.problems.append(Problem(file, line, path, message))
                continue
            found[name] = value
            self.places[f"{path}.{name}" if path else name] = (file, line)
        return found

    def struct(self, entries: dict[str, yaml.Node], files: dict[str, str], model: type, path: str) -> Any:
        """A struct from its fields' nodes; `files` says which file each is from, "" is for the others."""
        fields = {field.encode_name: field for field in _fields(model)}
        values: dict[str, Any] = {}
        whole = True
        for name, node in entries.items():
            here = f"{path}.{name}"
            if name not in fields:
                self.report(here, f'there is no "{name}" here{suggestion(name, fields)}')
                whole = False
                continue
            values[fields[name].name] = self.read(node, fields[name].type, here, files.get(name, files[""]))
        for name, field in fields.items():
            if name not in entries and field.required:
                self.report(path, f'"{name}" is missing')
                whole = False
        if not whole or UNREADABLE in values.values():
            return UNREADABLE
        return model(**values)

    def read(self, node: yaml.Node, kind: inspect.Type, path: str, file: str) -> Any:
        """The value of a node as a type; UNREADABLE when it is not one."""
        self.places.setdefault(path, (file, node.start_mark.line + 1))
        match kind:
            case inspect.StructType(cls=model):
                entries = self.entries(node, path, file)
                return UNREADABLE if entries is None else self.struct(entries, {"": file}, model, path)
            case inspect.DictType(key_type=key_type, value_type=value_type):
                return self._dict(node, key_type, value_type, path, file)
            case inspect.VarTupleType(item_type=item_type):
                return self._tuple(node, item_type, path, file)
            case inspect.UnionType(types=types):
                return self.read(node, next(one for one in types if not _is_none(one)), path, file)
            case _:
                return self._scalar(node, kind, path)

    def _dict(
        self, node: yaml.Node, key_type: inspect.Type, value_type: inspect.Type, path: str, file: str
    ) -> Any:
        entries = self.entries(node, path, file)
        if entries is None:
            return UNREADABLE
        read, whole = {}, True
        for name, value in entries.items():
            here = f"{path}.{name}"
            if isinstance(key_type, inspect.LiteralType) and name not in key_type.values:
                self.report(here, _not_one_of(name, key_type))
                whole = False
            read[name] = self.read(value, value_type, here, file)
        return read if whole and UNREADABLE not in read.values() else UNREADABLE

    def _tuple(self, node: yaml.Node, item_type: inspect.Type, path: str, file: str) -> Any:
        items: Sequence[yaml.Node]
        if isinstance(node, yaml.SequenceNode):
            items = node.value
        elif _nothing(node):
            items = ()
        elif isinstance(node, yaml.ScalarNode) and not isinstance(item_type, inspect.StructType):
            one = self.read(node, item_type, path, file)
            return UNREADABLE if one is UNREADABLE else (one,)
        else:
            self.report(path, "this must be a list, each entry beginning with `-`")
            return UNREADABLE
        read = tuple(self.read(item, item_type, f"{path}[{index}]", file) for index, item in enumerate(items))
        return UNREADABLE if UNREADABLE in read else read

    def _scalar(self, node: yaml.Node, kind: inspect.Type, path: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.report(path, "this must be a single value")
        elif not node.value.strip() or _nothing(node):
            self.report(path, "this is empty")
        elif len(node.value) > _LONGEST:
            self.report(path, f"this is longer than {_LONGEST} characters")
        else:
            try:
                return _SCALARS[type(kind)](node.value, kind)
            except ValueError as error:
                self.report(path, str(error))
        return UNREADABLE


def _word(text: str, _kind: inspect.Type) -> str:
    return text


def _choice(text: str, kind: Any) -> str:
    if text not in kind.values:
        raise ValueError(_not_one_of(text, kind))
    return text


def _number(text: str, _kind: inspect.Type) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a number') from None


def _whole(text: str, _kind: inspect.Type) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ValueError(f'"{text}" is not a whole number from 0')
    return int(text)


def _duration(text: str, _kind: inspect.Type) -> timedelta:
    return parse_duration(text)


_SCALARS: dict[type, Callable[[str, inspect.Type], Any]] = {
    inspect.StrType: _word,
    inspect.LiteralType: _choice,
    inspect.FloatType: _number,
    inspect.IntType: _whole,
    inspect.TimeDeltaType: _duration,
}


def _not_one_of(text: str, kind: inspect.LiteralType) -> str:
    words = [str(value) for value in kind.values if value is not None]
    return f'"{text}" is not known{suggestion(text, words)}'


def _fields(model: type) -> tuple[inspect.Field, ...]:
    described = inspect.type_info(model)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - the sections are structs
    return described.fields


def _is_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


def _nothing(node: yaml.Node) -> bool:
    """A key with nothing behind it, as when all its entries are commented out."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
