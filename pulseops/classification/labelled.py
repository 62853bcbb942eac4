"""Texts that people have labelled, as JSON lines, and how the classifier does on them. Pure."""

import json
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from pulseops.classification.evaluation import Judged
from pulseops.classification.rules import Classifier
from pulseops.incidents.events import Created, Priority
from pulseops.kernel.errors import PulseOpsError


class Labelled(Struct, frozen=True, kw_only=True):
    """One line: a text and the answer. Other keys are passed over; a source's labels hold the answer too."""

    title: str
    description: str = ""
    source: str = "unknown"
    category: str | None = None
    priority: Priority | None = None
    split: str | None = None


class LabelledInvalid(PulseOpsError):
    """A line is not a labelled text."""

    code = "labelled-invalid"

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.line = line


def labelled(lines: Iterable[bytes]) -> list[Labelled]:
    """The texts, one a line, without blank lines. Raises LabelledInvalid at the first that is no text."""
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            # Not msgspec's own decoder: data sets written by Python say NaN in keys that are passed over.
            row = msgspec.convert(json.loads(line), Labelled)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise LabelledInvalid(f"not a labelled text: {error}", line=number) from error
        if row.category is None and row.priority is None:
            raise LabelledInvalid("neither category nor priority: nothing to compare with", line=number)
        rows.append(row)
    return rows


def judged(rows: Sequence[Labelled], classifier: Classifier) -> tuple[list[Judged], list[Judged]]:
    """What the classifier says to the texts alone: categories, and priorities."""
    categories, priorities = [], []
    for row in rows:
        result = classifier.classify(Created(title=row.title, description=row.description))
        if row.category is not None:
            categories.append(Judged(row.source, row.category, result.category))
        if row.priority is not None:
            priorities.append(Judged(row.source, row.priority, result.priority))
    return categories, priorities
