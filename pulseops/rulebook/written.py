"""Recorded rules as a rules file would say them."""

from collections.abc import Mapping
from typing import Any

import yaml

SECTIONS = ("classification", "assignment", "escalation")

_FIRST = (
    "version",
    "name",
    "description",
    "when",
    "after",
    "to",
    "team",
    "steps",
    "teams",
    "routes",
    "policies",
)
_Dumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def as_yaml(sections: Mapping[str, Any]) -> str:
    """In one order, whatever the database makes of it."""
    told = {name: _ordered(sections[name]) for name in SECTIONS}
    text: str = yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = sorted(value, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return {name: _ordered(value[name]) for name in names}
