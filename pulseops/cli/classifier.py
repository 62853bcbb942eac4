"""`pulseops classifier …`: how often the rules agree with people. Needs no server."""

import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.classification.evaluation import Figures, Report, report
from pulseops.classification.labelled import LabelledInvalid, judged, labelled
from pulseops.classification.rules import UNCATEGORIZED
from pulseops.cli.render import put, say
from pulseops.cli.speak import USAGE
from pulseops.cli.words import harmless
from pulseops.kernel.errors import PulseOpsError
from pulseops.rulebook.loader import load_rulebook

classifier = App(name="classifier", help="Look at how incidents are classified.")
app = classifier

_HALF = 0.5


class Evaluation(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What `--json` prints. `seconds` is how long all the texts took to classify, on one core."""

    rules_version: str
    rows: int
    seconds: float
    category: Report | None = None
    priority: Report | None = None


@classifier.command
def evaluate(
    *,
    data: Path,
    rules: Path | None = None,
    split: Literal["dev", "train", "all"] = "all",
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Compare the rules with labelled texts: accuracy, macro-F1, urgent recall, what is taken for what.

    Only titles and descriptions are judged, never labels: those hold the answer.

    Parameters
    ----------
    data
        JSON lines of {title, description?, source?, category?, priority?, split?}.
    rules
        A rules file; else the default rulebook.
    split
        Only the rows with this split.
    json
        Print the figures as JSON.
    """
    try:
        made = _evaluate(data, rules, split)
    except LabelledInvalid as error:
        _refuse(f"{data}:{error.line}: {error}", error)
    except PulseOpsError as error:
        _refuse(str(error), error)
    except OSError as error:
        _refuse(f"{data}: {error.strerror or error}", error)
    else:
        if json:
            put(msgspec.json.encode(made).decode() + "\n")
        else:
            _show(made)


def _evaluate(data: Path, rules: Path | None, split: str) -> Evaluation:
    book = load_rulebook(rules)
    with data.open("rb") as lines:
        rows = [row for row in labelled(lines) if split in ("all", row.split)]
    if not rows:
        raise PulseOpsError(f"{data}: no rows" + ("" if split == "all" else f" with the split {split}"))
    began = time.perf_counter()
    categories, priorities = judged(rows, book.classification)
    return Evaluation(
        rules_version=book.classification.version,
        rows=len(rows),
        seconds=round(time.perf_counter() - began, 4),
        category=report(categories, abstention=UNCATEGORIZED) if categories else None,
        priority=report(priorities, abstention=UNCATEGORIZED) if priorities else None,
    )


def _refuse(message: str, cause: Exception) -> None:
    say(harmless(message, lines=True), stderr=True)
    raise SystemExit(USAGE) from cause


def _show(made: Evaluation) -> None:
    each = made.seconds / made.rows * 1_000_000
    say(f"{made.rows:,} texts by the rules {made.rules_version}, {each:.0f} µs each")
    for name, one in (("Category", made.category), ("Priority, from the text alone", made.priority)):
        if one is not None:
            say("")
            say(Text(name, style="bold"))
            say(_figures(one))
            say("")
            say(Text("Rows are what people say, columns what the rules say.", style="dim"))
            say(_confusion(one))


def _figures(one: Report) -> Table:
    urgent = one.overall.urgent_recall is not None
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("SOURCE", overflow="fold")
    for heading in ("ROWS", "ACCURACY", "MACRO-F1", "URGENT RECALL" if urgent else "UNCATEGORIZED"):
        table.add_column(heading, justify="right", no_wrap=True)
    for source, figures in one.sources.items():
        table.add_row(Text(harmless(source)), *_cells(figures, urgent=urgent))
    table.add_row("all", *_cells(one.overall, urgent=urgent), style="bold")
    return table


def _cells(figures: Figures, *, urgent: bool) -> list[str]:
    last = figures.urgent_recall if urgent else figures.abstained
    shares = (figures.accuracy, figures.macro_f1, last)
    return [f"{figures.rows:,}", *("-" if share is None else f"{share:.3f}" for share in shares)]


def _confusion(one: Report) -> Table:
    """Hits are green; what is more than half of a row, and wrong, is red."""
    given = sorted({label for counts in one.confusion.values() for label in counts})
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for label in given:
        table.add_column(harmless(label)[:6], justify="right", no_wrap=True)
    for expected, counts in one.confusion.items():
        cells = []
        for label in given:
            count = counts.get(label, 0)
            wrong = "red" if count > _HALF * sum(counts.values()) else ""
            style = "dim" if not count else "green" if label == expected else wrong
            cells.append(Text(f"{count or '·'}", style=style))
        table.add_row(Text(harmless(expected)), *cells)
    return table
