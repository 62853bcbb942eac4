"""`pulseops doctor`: what keeps PulseOps from running here, and what to do about it."""

from pathlib import Path

import msgspec
from msgspec import Struct
from rich.text import Text

from pulseops.settings import Settings
from pulseops.up import checks, vitals
from pulseops.up.findings import Finding, Place
from pulseops.up.home import Home
from pulseops.up.processes import CannotStart
from pulseops.up.voice import Voice, harmless_lines

SIGN = {"ok": ("✓", "green"), "warn": ("!", "bold yellow"), "fail": ("✗", "bold red")}


class Report(Struct, frozen=True):
    """What `--json` prints."""

    healthy: bool
    findings: list[Finding]


def examine(settings: Settings, home: Path | None, *, json: bool) -> int:
    """The exit code: 1 when something fails."""
    path = (home or settings.home).expanduser().absolute()
    findings: list[Finding] = []
    try:
        place = _place(settings, path)
    except (CannotStart, OSError) as error:
        findings.append(Finding("home", "fail", str(error)))
        place = Place(settings, path, None, busy=False)
    for check in (*checks.CHECKS, *vitals.CHECKS):
        findings += check(place)
    healthy = all(one.verdict != "fail" for one in findings)
    voice = Voice()
    if json:
        report = msgspec.json.encode(Report(healthy, findings))
        voice.console.print(msgspec.json.format(report).decode())
    else:
        for one in findings:
            sign = SIGN[one.verdict]
            advice = f"\n{'':23}→ {one.advice}" if one.advice and one.verdict != "ok" else ""
            voice.console.print(Text.assemble(sign, f" {one.check:<20} ", harmless_lines(one.found), advice))
    return 0 if healthy else 1


def _place(settings: Settings, path: Path) -> Place:
    """Looking makes nothing: a home is only opened when `up` has made one."""
    if not (path / "servers.json").exists():
        return Place(settings, path, None, busy=False)
    home = Home(path)
    return Place(settings, path, home, busy=home.is_held())
