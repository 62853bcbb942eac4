"""The run on the terminal: a bar, the sides of each bench as it ends, and the table of goals at the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from tests.benchmarks.bench import Bench, Measured, Reading
from tests.benchmarks.figures import middle, shown, spread
from tests.benchmarks.goals import Verdict
from tests.benchmarks.rounds import Outcome, Watcher

_STYLE: dict[Verdict, str] = {"aim": "bold green", "reach": "green", "short": "bold red"}
_MARK: dict[Verdict, str] = {"aim": "★ aim", "reach": "✓ reach", "short": "✗ short"}
_WORDS = {
    "rate": "ops/s",
    "events": "events/s",
    "app_us": "app µs",
    "postgres_us": "PG µs",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "most_mb": "MB",
    "late_over_early": "late÷early",
}
_LEGEND = "app µs, PG µs: CPU an operation, of the application and of PostgreSQL. Ranges are over the rounds."
_PLAIN = 120  # columns where there is no terminal
_ROOMY = 105  # columns that the sides take with their ranges


def console() -> Console:
    """Standard output, with or without a terminal."""
    there = Console(highlight=False)
    return there if there.is_terminal else Console(highlight=False, width=_PLAIN)


class Bar:
    """One bar for all, in estimated seconds of work; nothing at all where the output is no terminal."""

    def __init__(self, console: Console, benches: Sequence[Bench]) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(style="cyan"),
            BarColumn(bar_width=28, complete_style="cyan", finished_style="green"),
            TextColumn("[progress.percentage]{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("[dim]left"),
            TimeRemainingColumn(),
            TextColumn("[bold]{task.fields[bench]}[/] {task.fields[doing]}"),
            console=console,
            transient=True,
            # Drawing costs what is measured: seldom is enough.
            refresh_per_second=4,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(
            "", total=sum(bench.takes for bench in benches), bench="", doing="starting PostgreSQL"
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self._progress:
            yield

    def watcher(self, bench: Bench) -> Watcher:
        self._progress.update(self._task, bench=bench.name, doing="preparing")
        return Watcher(
            say=lambda doing: self._progress.update(self._task, doing=doing),
            advance=lambda share: self._progress.advance(self._task, share * bench.takes),
        )


def outcome(one: Outcome, columns_wide: int = _PLAIN) -> RenderableType:
    """A bench that has ended: its sides with medians and, where there is room, ranges; then a line a goal."""
    sides = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    sides.add_column("", no_wrap=True, min_width=max(map(len, one.rounds[0])))
    seen = [reading for each in one.rounds for reading in each.values()]
    columns = [name for name in (*_WORDS, *_others(seen)) if any(reading.has(name) for reading in seen)]
    if all(reading.events == 1 for reading in seen):
        columns.remove("events")
    for name in columns:
        sides.add_column(_WORDS.get(name, name.replace("_", " ")), justify="right", no_wrap=True)
    for side in one.rounds[0]:
        readings = [each[side] for each in one.rounds]
        seen_here = [[each.value(name) for each in readings if each.has(name)] for name in columns]
        sides.add_row(side, *(_cell(values, ranges=columns_wide >= _ROOMY) for values in seen_here))
    lines = Table.grid(padding=(0, 2, 0, 0))
    for each in one.lines:
        goal = each.line.goal
        over = f" ÷ {goal.over}" if goal.over else ""
        lines.add_row(
            _verdict(goal.verdict(middle(each.ratios))),
            Text(spread(each.ratios, goal.unit), style="bold"),
            Text.assemble(goal.what, (over, "dim")),
        )
    title = Text.assemble(("● ", "cyan"), (one.bench.name, "bold"), "  ", (one.bench.title, "dim"))
    notes = [Text(note, style="dim") for note in one.notes]
    return Group(title, Padding(Group(sides, Text(), lines, *notes), (0, 0, 1, 2)))


def table(lines: Sequence[Measured]) -> RenderableType:
    """Goal, measured, verdict."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    rows.add_column("goal")
    rows.add_column("measured", justify="right", no_wrap=True)
    for name in ("reach", "aim"):
        rows.add_column(name, justify="right", no_wrap=True, style="dim")
    rows.add_column("verdict", no_wrap=True)
    for each in lines:
        goal = each.line.goal
        over = f" ÷ {goal.over}" if goal.over else ""
        found = goal.verdict(middle(each.ratios))
        sign = "≤" if goal.smaller_is_better else "≥"
        rows.add_row(
            Text.assemble(goal.what, (over, "dim")),
            Text(f"{shown(middle(each.ratios))}{goal.unit}", style=_STYLE[found]),
            f"{sign} {goal.reach:g}",
            f"{sign} {goal.aim:g}",
            _verdict(found),
        )
    return rows


def closing(lines: Sequence[Measured], seconds: float) -> Text:
    """One sentence on all."""
    verdicts = [each.line.goal.verdict(middle(each.ratios)) for each in lines]
    aims, reached, short = (verdicts.count(one) for one in _MARK)
    counts = ((aims, "at the aim"), (reached, "reached"))
    words = [f"{count} {word}" for count, word in counts if count]
    return Text.assemble(
        ", ".join([*words, ""]) if short else ", ".join(words),
        (f"{short} short" if short else "", "bold red"),
        (f"  in {int(seconds) // 60} min {int(seconds) % 60} s\n{_LEGEND}", "dim"),
    )


def _cell(values: Sequence[float], *, ranges: bool) -> Text:
    if not values:
        return Text()
    varied = ranges and min(values) < max(values)
    return Text.assemble(
        shown(middle(values)), (f"\n{shown(min(values))}–{shown(max(values))}" if varied else "", "dim")
    )


def _others(readings: Sequence[Reading]) -> list[str]:
    """What was seen besides, in the order in which it was first seen."""
    return [
        name for name in dict.fromkeys(name for one in readings for name in one.more) if name not in _WORDS
    ]


def _verdict(found: Verdict) -> Text:
    return Text(_MARK[found], style=_STYLE[found])


def listing(benches: Sequence[Bench]) -> RenderableType:
    """Which benches there are, and what each holds itself against."""
    rows = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for name in ("bench", "goals", "about"):
        rows.add_column(name)
    for bench in benches:
        rows.add_row(
            Text(bench.name, style="bold"), ", ".join(line.goal.name for line in bench.lines), bench.title
        )
    return rows
