"""`pulseops report …`: numbers over HTTP, as a table, a sheet, a picture or a digest."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter

from pulseops.analytics.period import zone_named
from pulseops.analytics.reports import By, NoisyBy, Report, WeeklyReport
from pulseops.analytics.sheets import sheet
from pulseops.cli import render
from pulseops.cli.report.charts import NoCharts, drawn
from pulseops.cli.report.digest import markdown
from pulseops.cli.report.digest_page import page
from pulseops.cli.report.tables import told
from pulseops.cli.speak import PLAINLY, USAGE, Speak, print_json, speaking
from pulseops.cli.when import FORMS, past
from pulseops.cli.words import harmless
from pulseops.client import Answer, PulseOps
from pulseops.kernel.errors import InvalidInput

Format = Literal["table", "json", "csv", "png", "svg", "markdown", "html"]

_BY_SUFFIX: dict[str, Format] = {
    ".json": "json",
    ".csv": "csv",
    ".png": "png",
    ".svg": "svg",
    ".md": "markdown",
    ".html": "html",
    ".txt": "table",
}

_COLUMNS = 120
"""Of a table in a file."""

report = App(
    name="report",
    help="Say how fast incidents are answered, by whom, and what is noise, each next to the time before.",
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class About:
    """What it is about, and how it is told."""

    since: str | None = None
    """From then on: how long ago (36h, 7d), a date, or a time with its zone. Else a week before --until."""
    until: str | None = None
    """Before then, said in the same ways. Else now, or the end of the last whole week of the digest."""
    zone: str = "UTC"
    """Whose days, business hours and nights: Europe/Berlin."""
    team: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = ()
    """Only incidents of this team. May be given several times."""
    format: Format | None = None
    """Else by the name of --output, else table. Markdown and HTML are for weekly."""
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], allow_leading_hyphen=True)] = None
    """The file to write; - is standard output."""

    def said(self) -> dict[str, Any]:
        """Raises SystemExit."""
        try:
            zone = zone_named(self.zone)
        except InvalidInput as error:
            _refuse(f"--zone: {error}")
        since, until = _moment("--since", self.since, zone), _moment("--until", self.until, zone)
        return {"since": since, "until": until, "zone": self.zone, "team": self.team}


LATELY = About()
_Rows = Annotated[int | None, Parameter(name=["--rows", "-n"])]


@report.command
def mtta(*, by: By = "team", rows: _Rows = None, about: About = LATELY, speak: Speak = PLAINLY) -> None:
    """How long it took until somebody acknowledged, of what was reported in that time.

    Parameters
    ----------
    by
        A row for each of these.
    rows
        How many at most.
    """
    _tell(about, speak, lambda client, said: client.reports.mtta.answer(**said, by=by, rows=rows))


@report.command
def mttr(*, by: By = "team", rows: _Rows = None, about: About = LATELY, speak: Speak = PLAINLY) -> None:
    """How long it took until it was over, of what was reported in that time.

    Parameters
    ----------
    by
        A row for each of these.
    rows
        How many at most.
    """
    _tell(about, speak, lambda client, said: client.reports.mttr.answer(**said, by=by, rows=rows))


@report.command
def load(*, rows: _Rows = None, about: About = LATELY, speak: Speak = PLAINLY) -> None:
    """Who carried how much in that time, and how much of it outside of business hours.

    Parameters
    ----------
    rows
        How many teams, and how many people, at most.
    """
    _tell(about, speak, lambda client, said: client.reports.load.answer(**said, rows=rows))


@report.command
def noise(
    *, by: NoisyBy = "service", rows: _Rows = None, about: About = LATELY, speak: Speak = PLAINLY
) -> None:
    """What was reported in that time and needed nobody, and what could be silenced.

    Parameters
    ----------
    by
        A row for each of these.
    rows
        How many at most.
    """
    _tell(about, speak, lambda client, said: client.reports.noise.answer(**said, by=by, rows=rows))


@report.command
def weekly(*, about: About = LATELY, speak: Speak = PLAINLY) -> None:
    """The digest of the last whole week, or of another time: for a wiki, a chat or a mail."""
    _tell(about, speak, lambda client, said: client.reports.weekly.answer(**said))


def _tell(about: About, speak: Speak, ask: Callable[[PulseOps, dict[str, Any]], Answer[Any]]) -> None:
    form, said = _form(about, speak), about.said()
    with speaking(speak) as client:
        answer = ask(client, said)
        if form == "json" and about.output is None:
            print_json(answer.body)
        elif form == "table" and about.output is None:
            render.say(told(answer.value, render.width()))
        else:
            _write(about.output, _made(answer, form))


def _form(about: About, speak: Speak) -> Format:
    if speak.json:
        return "json"
    if about.format is not None:
        return about.format
    if about.output is None or str(about.output) == "-":
        return "table"
    found = _BY_SUFFIX.get(about.output.suffix.lower())
    return found or _refuse(f"Say in which --format {about.output} is to be.")


def _made(answer: Answer[Any], form: Format) -> bytes:
    found: Report = answer.value
    match form:
        case "json":
            return answer.body + b"\n"
        case "csv":
            return sheet(found).encode()
        case "png" | "svg":
            try:
                return drawn(found, form)
            except NoCharts as error:
                _refuse(str(error))
        case "markdown" | "html":
            if not isinstance(found, WeeklyReport):
                _refuse(f"Only the digest is told as {form}: pulseops report weekly.")
            return (markdown(found) if form == "markdown" else page(found)).encode()
        case "table":
            return render.plainly(told(found, _COLUMNS), _COLUMNS).encode()


def _write(output: Path | None, content: bytes) -> None:
    if output is None or str(output) == "-":
        if sys.stdout.isatty() and b"\x00" in content:
            _refuse("A picture is for a file: name one with --output.")
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        _refuse(f"{output} cannot be written: {error.strerror or error}")
    render.say(harmless(f"Wrote {output}."), stderr=True)


def _moment(name: str, text: str | None, zone: ZoneInfo) -> datetime | None:
    try:
        return None if text is None else past(text, zone)
    except ValueError:
        _refuse(f"{name} is {FORMS}.")


def _refuse(sentence: str) -> NoReturn:
    render.say(harmless(sentence), stderr=True)
    raise SystemExit(USAGE)
