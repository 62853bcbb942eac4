"""The rulebook: what incidents are judged, routed and escalated by.

A section, or a key of a section, that the operator's file does not have is taken from `default.yaml`.
Decisions cite the section's version: `acme-7+default-1~1f0c9a2b` is acme-7 with keys from the default's
default-1. What follows the `~` is the sum of its rules: others may be called acme-7 as well, by mistake.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct
from msgspec.structs import replace

from pulseops.assignment.rules import AssignmentRules
from pulseops.classification.rules import ClassificationRules, Classifier
from pulseops.escalation.rules import EscalationRules
from pulseops.rulebook.checks import check_assignment, check_classification, check_escalation
from pulseops.rulebook.problems import RulebookInvalid, suggestion
from pulseops.rulebook.reading import UNREADABLE, Reader
from pulseops.rulebook.source import nodes_of, text_of

_SECTIONS: dict[str, type[Struct]] = {
    "classification": ClassificationRules,
    "assignment": AssignmentRules,
    "escalation": EscalationRules,
}


class Rulebook(Struct, frozen=True, kw_only=True):
    """Everything that rules decide, ready for use. Each section has its own `version`.

    `text` is the operator's own file to the letter; empty where there is none.
    """

    classification: Classifier
    assignment: AssignmentRules
    escalation: EscalationRules
    text: str = ""


def load_rulebook(path: Path | None = None) -> Rulebook:
    """The default rulebook, or the operator's file over it. Raises RulebookInvalid: all problems at once."""
    with as_file(files("pulseops.rulebook") / "default.yaml") as default:
        return _default(default) if path is None else _load(default, path)


def demo_rulebook() -> Rulebook:
    """The default rulebook with escalations within seconds."""
    with as_file(files("pulseops.rulebook") / "demo.yaml") as demo:
        return load_rulebook(demo)


@cache
def _default(default: Path) -> Rulebook:
    return _load(default, None)


def _load(default: Path, own: Path | None) -> Rulebook:
    reader = Reader()
    base = _sections(reader, text_of(default, default.name), default.name)
    text = text_of(own, str(own)) if own is not None else ""
    over = _sections(reader, text, str(own)) if own is not None else {}
    read: dict[str, Any] = {}
    for section, model in _SECTIONS.items():
        entries, mine = base[section] | over.get(section, {}), over.get(section, {})
        origin = {name: str(own) for name in mine} | {"": default.name}
        if section in over and "version" not in mine:
            reader.report(section, "a section needs a version of its own, for decisions to cite")
        read[section] = reader.struct(entries, origin, model, section)
        if read[section] is not UNREADABLE and mine:
            also = f"+{base[section]['version'].value}" if entries.keys() - mine.keys() else ""
            version = f"{read[section].version}{also}~{_told_apart(read[section])}"
            read[section] = replace(read[section], version=version)
    _check(read, reader)
    if reader.problems:
        raise RulebookInvalid(reader.problems)
    return Rulebook(
        classification=Classifier(read["classification"]),
        assignment=read["assignment"],
        escalation=read["escalation"],
        text=text,
    )


def _told_apart(section: Struct) -> str:
    """The same for the same rules, whatever is said beside them."""
    return sha256(msgspec.json.encode(section, order="sorted")).hexdigest()[:8]


def _sections(reader: Reader, text: str, file: str) -> dict[str, dict[str, yaml.Node]]:
    """The entries of each section there is."""
    sections = {}
    for name, node in (reader.entries(nodes_of(text, file), "", file) or {}).items():
        if name in _SECTIONS:
            sections[name] = reader.entries(node, name, file) or {}
        else:
            reader.report(name, f'there is no section "{name}"{suggestion(name, _SECTIONS)}')
    return sections


def _check(read: dict[str, Any], reader: Reader) -> None:
    """As many checks as can be made with what could be read."""
    classification, assignment, escalation = (read[section] for section in _SECTIONS)
    if classification is UNREADABLE:
        return
    check_classification(classification, reader.report)
    if assignment is UNREADABLE:
        return
    check_assignment(assignment, classification, reader.report)
    if escalation is not UNREADABLE:
        check_escalation(escalation, assignment, classification, reader.report)
