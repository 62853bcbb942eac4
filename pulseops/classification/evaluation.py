"""How often the rules agree with people: accuracy, macro-F1, urgent recall, what is taken for what. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

URGENT = frozenset({"high", "critical"})


class Judged(Struct, frozen=True):
    """One text that people have labelled, and the label that the rules gave it."""

    source: str
    expected: str
    given: str


class Figures(Struct, frozen=True, kw_only=True, rename="camel"):
    """Shares run from 0 to 1. `urgent_recall` is None where people called nothing high or critical.

    Macro-F1 is the plain mean of the F1 of the labels that people gave: a rare label counts as much as a
    frequent one.
    """

    rows: int
    accuracy: float
    macro_f1: float
    urgent_recall: float | None
    abstained: float


class Report(Struct, frozen=True, kw_only=True, rename="camel"):
    """`confusion` counts rows by expected label, then by given label."""

    overall: Figures
    sources: dict[str, Figures]
    confusion: dict[str, dict[str, int]]


def report(judged: Sequence[Judged], *, abstention: str) -> Report:
    """The figures of at least one text, overall and by source. `abstention` is the label of no answer."""
    sources = sorted({one.source for one in judged})
    counts = _counts(judged)
    return Report(
        overall=_figures(counts, abstention),
        sources={
            source: _figures(_counts(one for one in judged if one.source == source), abstention)
            for source in sources
        },
        confusion={
            expected: {given: counts[expected, given] for given in _labels(counts) if counts[expected, given]}
            for expected in _expected(counts)
        },
    )


def _counts(judged: Iterable[Judged]) -> Counter[tuple[str, str]]:
    return Counter((one.expected, one.given) for one in judged)


def _expected(counts: Mapping[tuple[str, str], int]) -> list[str]:
    return sorted({expected for expected, _ in counts})


def _labels(counts: Mapping[tuple[str, str], int]) -> list[str]:
    return sorted({label for pair in counts for label in pair})


def _figures(counts: Counter[tuple[str, str]], abstention: str) -> Figures:
    rows = counts.total()
    urgent = sum(count for (expected, _), count in counts.items() if expected in URGENT)
    caught = sum(
        count for (expected, given), count in counts.items() if expected in URGENT and given in URGENT
    )
    expected = _expected(counts)
    return Figures(
        rows=rows,
        accuracy=_share(sum(counts[label, label] for label in expected), rows),
        macro_f1=_share(sum(_f1(counts, label) for label in expected), len(expected)),
        urgent_recall=_share(caught, urgent) if urgent else None,
        abstained=_share(sum(count for (_, given), count in counts.items() if given == abstention), rows),
    )


def _f1(counts: Counter[tuple[str, str]], label: str) -> float:
    """The harmonic mean of precision and recall: twice the hits over all expected and all given."""
    expected = sum(count for (one, _), count in counts.items() if one == label)
    given = sum(count for (_, one), count in counts.items() if one == label)
    return _share(2 * counts[label, label], expected + given)


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
