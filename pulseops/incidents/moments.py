"""An incident as it was: `asOf` an instant or a version."""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from pulseops.http.bodies import with_plus
from pulseops.incidents.events import IncidentFact
from pulseops.kernel.envelope import Recorded
from pulseops.kernel.errors import InvalidInput, NotFound

Moment = int | datetime

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


def moment(text: str) -> Moment:
    """A version from 1, or a time with an offset. Raises InvalidInput."""
    if _VERSION.fullmatch(text):
        return int(text)
    try:
        instant = msgspec.convert(with_plus(text), datetime)
    except msgspec.ValidationError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidInput(
            "It is a version, such as 3, or a time such as 2026-01-01T12:00:00Z.", pointer="/asOf"
        )
    return instant


def until(facts: Sequence[Recorded[IncidentFact]], at: Moment) -> Sequence[Recorded[IncidentFact]]:
    """The facts up to then; the last of several versions of one instant counts. A time to come is now.

    Raises NotFound for a version that there is not, or not yet, and for a time before the incident was.
    """
    if isinstance(at, int):
        found = facts[:at]
        if len(found) < at:
            raise NotFound(f"The incident has no version {at}.")
        return found
    found = [fact for fact in facts if fact.recorded_at <= at]
    if not found:
        raise NotFound("There was no such incident then.")
    return found
