"""`uv run python -m tests.faults [FAULT…] [--seed N] [--minutes M] [--json FILE] [--list] [--controls]`"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from tests.faults.campaign import Campaign
from tests.faults.catalogue import FAMILIES, FAULTS
from tests.faults.controls import CONTROLS, caught
from tests.faults.fault import Fault
from tests.faults.run import Outcome
from tests.faults.scoreboard import as_json, table


def main(argv: Sequence[str]) -> int:
    """0 when every promise was kept, 1 when one was not, 2 for a fault that does not exist."""
    asked = _parser().parse_args(argv)
    console = Console(highlight=False)
    if asked.list:
        console.print(_listing())
        return 0
    if asked.controls:
        return _control(console, asked.faults, asked.seed)
    chosen = [fault for fault in FAULTS if _meant(fault, asked.faults)]
    if not chosen:
        console.print("No fault is called so; --list says which there are.", style="red")
        return 2
    console.print(f"seed {asked.seed}, {len(chosen)} faults", style="bold")
    with console.status("starting") as status:
        campaign = Campaign(
            chosen,
            seed=asked.seed,
            minutes=asked.minutes,
            on_begin=lambda fault: status.update(fault.name),
            on_end=lambda outcome: _tell(console, outcome),
        )
        try:
            campaign.run()
        except KeyboardInterrupt:
            console.print("Stopped.", style="dim")
    outcomes = list(campaign.outcomes.values())
    console.print(table(outcomes))
    if asked.json is not None:
        asked.json.write_bytes(
            msgspec.json.format(msgspec.json.encode([as_json(one) for one in outcomes])) + b"\n"
        )
    return int(any(one.verdict in {"violated", "broke"} for one in outcomes))


def _tell(console: Console, outcome: Outcome) -> None:
    bad = outcome.verdict in {"violated", "broke"}
    spent = ", ".join(f"{seconds:.1f} s" for seconds in outcome.recoveries)
    note = outcome.broke or outcome.skipped or f"{outcome.acknowledged:,} acknowledged, well after {spent}"
    mark, style = ("✗", "bold red") if bad else ("·", None)
    console.print(f"{mark} {outcome.fault}: {note}", style=style, markup=False)
    for violation in outcome.violations[:10]:
        console.print(f"    {violation}", style="red", markup=False)


def _control(console: Console, words: Sequence[str], seed: int) -> int:
    """Every planted bug must be found: one that is not shows that the harness would not see it either."""
    green = 0
    for control in CONTROLS:
        if words and not any(word.lower() in control.name.lower() for word in words):
            continue
        with console.status(control.name):
            finding = caught(control, seed)
        mark, style = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}[finding.red]
        console.print(f"{mark} {control.name}: {finding.told}", style=style, markup=False)
        green += finding.red is False
    return int(green > 0)


def _meant(fault: Fault, words: Sequence[str]) -> bool:
    """By a part of its name, or by its family."""
    family = next(name for name, members in FAMILIES.items() if fault in members)
    return not words or any(word.lower() in fault.name.lower() or word == family for word in words)


def _listing() -> Table:
    listing = Table("family", "fault", "needs", "in every test run")
    for name, family in FAMILIES.items():
        for fault in family:
            listing.add_row(name, fault.name, fault.needs or "", "yes" if fault.quick else "")
        listing.add_section()
    for control in CONTROLS:
        listing.add_row("controls", control.name, "", "")
    return listing


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="Breaks what PulseOps stands on, under load, and then checks every promise.",
    )
    parser.add_argument(
        "faults", nargs="*", metavar="FAULT", help="a family or a part of a name; all without any"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="decides orders and choices; the same again repeats"
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="go on so long; otherwise one pass")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scoreboard here as well")
    parser.add_argument("--list", action="store_true", help="say which faults there are")
    parser.add_argument(
        "--controls", action="store_true", help="plant bugs instead, and fail if one is not found"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
