"""What other tools' severities mean here. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from pulseops.incidents.events import Priority
from pulseops.incidents.selector import Selector


class Scale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one family of tools says how bad it is: the labels to look at, and what their values mean here."""

    name: str
    when: Selector = Selector()
    labels: tuple[str, ...]
    values: dict[Priority, tuple[str, ...]]


class Reading(NamedTuple):
    """A severity that a scale could read. `label` and `value` are as the reporter wrote them."""

    priority: Priority
    scale: str
    label: str
    value: str


class Scales:
    """Scales in their order, made ready for reading. Case and surrounding blanks do not count."""

    def __init__(self, scales: Sequence[Scale]) -> None:
        self._scales = tuple(
            (
                scale.name,
                scale.when,
                tuple(label.casefold() for label in scale.labels),
                {folded(value): priority for priority, values in scale.values.items() for value in values},
            )
            for scale in scales
        )

    def read(
        self, labels: Mapping[str, str], *, source: str, service: str | None, environment: str | None
    ) -> Reading | None:
        """By the first scale meant for such an incident that knows a value of one of its labels."""
        if not labels:
            return None
        written = {label.casefold(): (label, value) for label, value in labels.items()}
        for name, when, names, values in self._scales:
            for wanted in names:
                if wanted not in written:
                    continue
                label, value = written[wanted]
                priority = values.get(folded(value))
                if priority is not None and (
                    when.reason(source=source, service=service, environment=environment, labels=labels)
                    is not None
                ):
                    return Reading(priority, name, label, value)
        return None


def folded(value: str) -> str:
    """A label's value as it is compared."""
    return value.strip().casefold()
