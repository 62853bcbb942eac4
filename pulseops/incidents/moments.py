"""An incident as it was: `asOf` a version, or a moment of the log."""

import re
from collections.abc import Sequence
from datetime import datetime

from pulseops.incidents.events import IncidentFact
from pulseops.kernel import moments
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import NotFound
from pulseops.kernel.moments import At

Moment = int | datetime | At

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


def moment(text: str, *, pointer: str = "/asOf") -> Moment:
    """A version from 1, a time with an offset, or a position of the log. Raises InvalidInput."""
    if _VERSION.fullmatch(text):
        return int(text)
    return moments.moment(text, pointer=pointer, such="a version such as 3, ")


def until(facts: Sequence[Recorded[IncidentFact]], at: Moment) -> Sequence[Recorded[IncidentFact]]:
    """The facts up to then; the last of several versions of one instant counts. A time to come is now.

    Raises NotFound for a version that there is not, or not yet, and for a moment before the incident was.
    """
    if isinstance(at, int):
        if len(facts) < at:
            raise NotFound(f"The incident has no version {at}.")
        return facts[:at]
    found = before(facts, at)
    if not found:
        raise NotFound("There was no such incident then.")
    return found


def before(facts: Sequence[Recorded[IncidentFact]], at: datetime | At) -> Sequence[Recorded[IncidentFact]]:
    """The facts up to then; none before the incident was."""
    if isinstance(at, At):
        return [fact for fact in facts if fact.position <= at.position]
    return [fact for fact in facts if fact.recorded_at <= at]
