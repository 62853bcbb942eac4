"""The weekly digest as Markdown: for a wiki, a chat or a mail. Titles are text, whatever they hold. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence

from pulseops.analytics.reports import Told, WeeklyReport
from pulseops.cli.report.sentences import (
    FIGURES,
    about,
    lasted,
    notes,
    percent,
    points,
    reported,
    shown,
    title,
)
from pulseops.cli.words import harmless

# Colons and www. are what many renderers make links of without being asked.
_MARKUP = re.compile(r"([\\`*_\[\]<>&|~$#@]|:(?![\s\d]|$)|(?<=[wW]{3})\.)")


def markdown(report: WeeklyReport) -> str:
    """CommonMark with tables."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: WeeklyReport) -> Iterator[str]:
    yield f"# {title(report)}"
    yield from ("", _text(about(report)))
    for note in notes(report):
        yield from ("", f"*{_text(note)}*")
    if not (reported(report) or report.oldest):
        return
    yield from ("", *_table(("", "Now", "Before", "Change"), "lrrr", _figures(report)))
    for heading, incidents, column in (
        ("Slowest to be acknowledged", report.slowest, "After"),
        ("Oldest that were open", report.oldest, "Age"),
    ):
        if incidents:
            rows = ((_text(one.title), *_about(one), lasted(one.seconds)) for one in incidents)
            yield from ("", f"## {heading}", "")
            yield from _table(("Incident", "Priority", "Team", column), "lllr", rows)
    if report.noisiest:
        yield from ("", "## Noisiest", "")
        noisy = (
            (
                _text(row.value or "-"),
                f"{row.now.incidents:,}",
                percent(row.now.share),
                "silence?" if row.silence else "",
            )
            for row in report.noisiest
        )
        yield from _table(("Service", "Reported", "Noise", ""), "lrrl", noisy)
    if report.corrections:
        yield from ("", "## Corrections of what rules decided", "")
        corrected = (
            (one.field, _text(one.was or "-"), _text(one.now), f"{one.times:,}") for one in report.corrections
        )
        yield from _table(("What", "From", "To", "Times"), "lllr", corrected)


def _figures(report: WeeklyReport) -> Iterator[Sequence[str]]:
    for one in report.figures:
        yield FIGURES.get(one.name, _text(one.name)), shown(one, one.now), shown(one, one.before), points(one)


def _about(told: Told) -> tuple[str, str]:
    return _text(told.priority or "-"), _text(told.team or "-")


def _table(names: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(names)
    yield _row(["---:" if side == "r" else "---" for side in sides])
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Nothing in it is markup, an address to open or a line break."""
    return _MARKUP.sub(r"\\\1", harmless(text))
