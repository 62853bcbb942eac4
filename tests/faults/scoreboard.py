"""What a campaign showed, as a table and as JSON."""

from collections.abc import Iterable
from statistics import median
from typing import Any

from rich import box
from rich.table import Table

from tests.faults.run import Outcome

_STYLES = {
    "held": "green",
    "violated": "bold red",
    "broke": "bold red",
    "skipped": "dim",
    "not reached": "dim",
}


def table(outcomes: Iterable[Outcome]) -> Table:
    board = Table(box=box.SIMPLE_HEAD, header_style="bold")
    board.add_column("fault")
    for name in ("rounds", "acknowledged", "unknown", "lost", "doubled", "recovery: median", "max"):
        board.add_column(name, justify="right")
    board.add_column("verdict")
    for outcome in outcomes:
        style = _STYLES[outcome.verdict]
        board.add_row(
            *cells(outcome), f"[{style}]{outcome.verdict}[/]", style="dim" if not outcome.rounds else ""
        )
    board.add_section()
    board.add_row(*cells(total(outcomes)), "")
    return board


def cells(outcome: Outcome) -> list[str]:
    if not outcome.rounds and outcome.skipped:
        return [f"{outcome.fault} ({outcome.skipped})", *[""] * 7]
    lost, doubled = counted(outcome, "lost"), counted(outcome, "doubled")
    recoveries = [f"{spent:.2f} s" for spent in (middle(outcome), max(outcome.recoveries, default=0.0))]
    counts = (outcome.rounds, outcome.acknowledged, outcome.unknown, lost, doubled)
    return [
        outcome.fault,
        *(f"{count:,}" for count in counts),
        *(recoveries if outcome.recoveries else ("", "")),
    ]


def total(outcomes: Iterable[Outcome]) -> Outcome:
    whole = Outcome(fault="all")
    for outcome in outcomes:
        whole.add(outcome)
    return whole


def counted(outcome: Outcome, kind: str) -> int:
    return sum(violation.kind == kind for violation in outcome.violations)


def middle(outcome: Outcome) -> float:
    return median(outcome.recoveries) if outcome.recoveries else 0.0


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Recoveries are in seconds."""
    return {
        "fault": outcome.fault,
        "rounds": outcome.rounds,
        "acknowledged": outcome.acknowledged,
        "unknown": outcome.unknown,
        "lost": counted(outcome, "lost"),
        "doubled": counted(outcome, "doubled"),
        "recovery_median": round(middle(outcome), 3),
        "recovery_max": round(max(outcome.recoveries, default=0.0), 3),
        "verdict": outcome.verdict,
        "violations": [str(violation) for violation in outcome.violations[:20]],
        "reason": outcome.broke or outcome.skipped,
    }
