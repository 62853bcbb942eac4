"""A rules file as YAML nodes that know their lines, before any meaning is given to them."""

import re
from pathlib import Path

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent, ScalarEvent

from pulseops.rulebook.problems import Problem, RulebookInvalid

MAX_BYTES = 1_000_000
_MAX_DEPTH = 20
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_nodes(path: Path, file: str, *, such: str = "escalation") -> yaml.MappingNode:
    """The mapping that the file is, as `nodes_of`. Raises RulebookInvalid."""
    return nodes_of(text_of(path, file), file, such=such)


def nodes_of(text: str, file: str, *, such: str = "escalation") -> yaml.MappingNode:
    """The mapping that the text of a file is; `file` is its name in messages, `such` what may be in it.

    Raises RulebookInvalid.
    """
    try:
        _refuse_hazards(text, file)
        root = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = " ".join(filter(None, (error.problem, error.context)))
        raise _refused(file, mark.line + 1 if mark else 1, f"this is not YAML: {why}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused(file, line, f"this is not YAML: {error.reason}") from error
    if root is None:
        raise _refused(file, 1, f"the file is empty; give it a section, such as {such}")
    if not isinstance(root, yaml.MappingNode):
        raise _refused(file, root.start_mark.line + 1, f"the file must hold sections, such as {such}")
    return root


def text_of(path: Path, file: str) -> str:
    """Raises RulebookInvalid."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(file, 1, f"the file cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise _refused(file, 1, f"the file is larger than {MAX_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(file, line, "this is not UTF-8 text") from error


def _refuse_hazards(text: str, file: str) -> None:
    """What is small to write and large to read (aliases, nesting without end), and what no fact can hold."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise _refused(
                file, line, "anchors (&) and aliases (*) are not used here; quote a * in a pattern"
            )
        if isinstance(event, ScalarEvent) and _UNSTORABLE.search(event.value):
            raise _refused(file, line, "PostgreSQL cannot hold U+0000, nor half a surrogate pair")
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _refused(file, line, f"this is nested more than {_MAX_DEPTH} deep")


def _refused(file: str, line: int, message: str) -> RulebookInvalid:
    return RulebookInvalid([Problem(file, line, "", message)])
