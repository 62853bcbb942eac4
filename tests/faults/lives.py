"""What may follow what in an incident's life: the table of docs/architecture.md, as the load walks it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pulseops.incidents.events import Assigned, Escalated
from pulseops.kernel.envelope import Recorded

_Stage = Literal["unheard of", "reported", "classified", "open", "put off", "held", "held, put off", "over"]
_LEADS: Mapping[_Stage, Mapping[str, _Stage]] = {
    "unheard of": {"CREATED": "reported"},
    "reported": {"CLASSIFIED": "classified"},
    "classified": {"ASSIGNED by itself": "open"},
    "open": {
        "ESCALATED by itself": "open",
        "ACKNOWLEDGED": "held",
        "SNOOZED": "put off",
        "RESOLVED": "over",
    },
    "put off": {"ACKNOWLEDGED": "held", "SNOOZED": "put off", "UNSNOOZED": "open", "RESOLVED": "over"},
    "held": {"UNACKNOWLEDGED": "open", "SNOOZED": "held, put off", "RESOLVED": "over"},
    "held, put off": {
        "ACKNOWLEDGED": "held",
        "UNACKNOWLEDGED": "open",
        "SNOOZED": "held, put off",
        "UNSNOOZED": "open",
        "RESOLVED": "over",
    },
    "over": {"REOPENED": "open"},
}
_ALIVE: set[_Stage] = {"open", "put off", "held", "held, put off"}
_STAYS: Mapping[str, set[_Stage]] = {
    "ASSIGNED": _ALIVE,
    "ESCALATED": _ALIVE,
    "COMMENTED": {*_ALIVE, "over"},
    "PRIORITY_CHANGED": {*_ALIVE, "over"},
}
"""What leaves it as it was, and when."""


def makes_sense(facts: Sequence[Recorded[Any]]) -> bool:
    """Whether each fact was possible as the ones before had left the incident."""
    stage: _Stage = "unheard of"
    for fact in facts:
        word = _word(fact)
        if word in _LEADS[stage]:
            stage = _LEADS[stage][word]
        elif stage not in _STAYS.get(word, set()):
            return False
    return True


def life(facts: Sequence[Recorded[Any]]) -> str:
    return ", ".join(map(_word, facts))


def _word(fact: Recorded[Any]) -> str:
    """Its type, and whether nobody asked for it where that makes a difference."""
    by_itself = isinstance(fact.fact, Assigned | Escalated) and fact.meta.actor.startswith("system:")
    return f"{fact.fact.type} by itself" if by_itself else str(fact.fact.type)
