"""How long work gets on: of a rebuild a bar for each read model on a terminal, else a line for each phase."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pulseops.cli.render import say
from pulseops.projections.rebuild import Step, Tell


class _Rate(ProgressColumn):
    """Events a second, of the phase under way."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} events/s", style="dim")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f} of {task.total:,.0f} events" if task.total else "")


@contextmanager
def advancing() -> Iterator[Callable[[str], Tell]]:
    """For each read model by its name, whom to tell. On stderr: stdout is for what came of it."""
    if not sys.stderr.isatty():
        yield _lines
        return
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _Count(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        yield lambda name: _bar(progress, name)


def _lines(name: str) -> Tell:
    phase = ""

    def tell(step: Step) -> None:
        nonlocal phase
        if step.phase != phase:
            counted = f" {step.total - step.done} events" * (step.total > 0)
            resumed = f", {step.resumed} were done before" * (step.resumed > 0)
            say(f"{name}: {step.phase}{counted}{resumed}", stderr=True)
        phase = step.phase

    return tell


def _bar(progress: Progress, name: str) -> Tell:
    bar = progress.add_task(name, total=None)
    phase = ""

    def tell(step: Step) -> None:
        nonlocal phase
        if step.phase != phase:
            # Its rate begins anew with each phase, and from what was there already.
            progress.reset(bar, description=f"{name}: {step.phase}", total=step.total or None)
            phase = step.phase
        progress.update(bar, completed=step.done, total=step.total or None)

    return tell


def counting() -> Progress:
    """A bar for events that are gone through once: on stderr, and only where somebody looks."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
