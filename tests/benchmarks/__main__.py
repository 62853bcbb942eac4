"""`uv run python -m tests.benchmarks [NAME…] [--json FILE] [--quick] [--list]`"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import msgspec
from rich.console import Console

from pulseops.db.durability import NotDurable
from pulseops.up.processes import CannotStart
from tests.benchmarks import report
from tests.benchmarks.apart import Failed
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import summary
from tests.benchmarks.ground import Untrue, ground
from tests.benchmarks.rounds import Outcome, run
from tests.benchmarks.suite import SUITE


def main(argv: Sequence[str]) -> int:
    """0 when all was measured, whatever the verdicts; 1 when a bench failed or was not to be believed."""
    asked = _parser().parse_args(argv)
    console = report.console()
    if asked.list:
        console.print(report.listing(SUITE))
        return 0
    known = {bench.name: bench for bench in SUITE}
    if unknown := [name for name in asked.names if name not in known]:
        console.print(f"No such bench: {', '.join(unknown)}. There are: {', '.join(known)}.", style="red")
        return 2
    chosen = [known[name] for name in asked.names] or list(SUITE)
    begun = monotonic()
    try:
        outcomes, failed = _measured(console, chosen, quick=asked.quick)
    except CannotStart as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.", style="dim")
        return 130
    lines = [line for outcome in outcomes for line in outcome.lines]
    if asked.json is not None:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(summary(lines)), indent=2) + b"\n")
    if lines:
        console.print(report.table(lines))
        console.print(report.closing(lines, monotonic() - begun))
    if asked.quick:
        console.print("A quick run: one short round each. Its figures are hints, not results.", style="dim")
    return 1 if failed else 0


def _measured(console: Console, benches: Sequence[Bench], *, quick: bool) -> tuple[list[Outcome], bool]:
    outcomes, failed = [], False
    bar = report.Bar(console, benches)
    with bar.shown(), ground() as made:
        for bench in benches:
            try:
                outcome = asyncio.run(run(made, bench, bar.watcher(bench), quick=quick))
            except (Untrue, NotDurable, Failed) as error:
                console.print(f"✗ {bench.name}: {error}", style="bold red", markup=False)
                failed = True
                continue
            console.print(report.outcome(outcome, console.width))
            outcomes.append(outcome)
    return outcomes, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measures PulseOps next to its limits and its peers, side by side in one run.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which benches; all without any")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write goals and verdicts here as well")
    parser.add_argument("--quick", action="store_true", help="one short round each, and smaller logs")
    parser.add_argument("--list", action="store_true", help="say which benches there are")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
