"""`pulseops report …` against a small HTTP server: what it asks for, and what it writes where."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from pulseops.cli.report.reports import report
from tests import reporting
from tests.unit.answered import Reply, Server, server

__all__ = ["server"]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes], server: Server) -> Run:
    def run(*tokens: str) -> tuple[int, str, str]:
        name = next((one for one in reporting.every() if one.report == tokens[0]), None)
        server.replies[:] = [Reply(200, msgspec.json.encode(name))]
        try:
            report(tokens)
        except SystemExit as stopped:
            code = stopped.code or 0
        else:
            code = 0
        assert isinstance(code, int)
        out, err = capsysbinary.readouterr()
        return code, out.decode(errors="replace"), err.decode()

    return run


def asked(server: Server) -> tuple[str, dict[str, list[str]]]:
    url = urlsplit(server.requests[-1].path)
    return url.path, parse_qs(url.query)


def test_it_asks_for_what_was_meant(run: Run, server: Server) -> None:
    code, out, _ = run(
        *("mtta", "--since", "2026-10-19", "--until", "2026-10-26", "--zone", "Europe/Berlin"),
        *("--team", "payments", "--team", "network", "--by", "priority", "-n", "5"),
    )
    assert code == 0
    assert "Time to acknowledge by team" in out
    path, query = asked(server)
    assert path == "/reports/mtta"
    assert query == {
        "since": ["2026-10-18T22:00:00Z"],
        "until": ["2026-10-25T23:00:00Z"],
        "zone": ["Europe/Berlin"],
        "team": ["payments", "network"],
        "by": ["priority"],
        "rows": ["5"],
    }


def test_a_span_is_counted_from_now(run: Run, server: Server) -> None:
    run("load", "--since", "30d")
    since = datetime.fromisoformat(asked(server)[1]["since"][0])
    assert abs(datetime.now(UTC) - timedelta(days=30) - since) < timedelta(minutes=1)
    run("weekly")
    assert asked(server) == ("/reports/weekly", {"zone": ["UTC"]})


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (
            ("mtta", "--since", "yesterday"),
            "--since is how long ago (36h, 7d), a date (2026-11-23), or a time with its zone",
        ),
        (("mtta", "--until", "2026-11-23T10:00:00"), "--until is how long ago"),
        (
            ("mtta", "--zone", "Europe/Berlim"),
            "--zone: There is no such time zone. Did you mean Europe/Berlin?",
        ),
        (("mtta", "--format", "html"), "Only the digest is told as html: pulseops report weekly."),
        (("mtta", "--output", "report.xls"), "Say in which --format report.xls is to be."),
        (("mtta", "--output", "nowhere/report.csv"), "nowhere/report.csv cannot be written: No such file"),
        (("mtta", "--output", "\x1b[2J.xls"), r"Say in which --format \x1b[2J.xls is to be."),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(run: Run, tokens: tuple[str, ...], said: str) -> None:
    code, out, err = run(*tokens)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "report_", "begins"),
    [
        ("r.json", "mtta", '{"period":'),
        ("r.csv", "load", "period,of,name,incidents,"),
        ("r.md", "weekly", "# Incidents of the week"),
        ("r.html", "weekly", "<!doctype html>"),
        ("r.svg", "noise", "<?xml"),
        ("r.PNG", "mttr", "\N{REPLACEMENT CHARACTER}PNG"),
        ("r.txt", "noise", "Noise by service"),
    ],
)
def test_a_file_is_written_as_its_name_says(
    run: Run, tmp_path: Path, name: str, report_: str, begins: str
) -> None:
    output = tmp_path / name
    code, out, err = run(report_, "--output", str(output))
    assert (code, out) == (0, "")
    assert err == f"Wrote {output}.\n"
    assert output.read_bytes().decode(errors="replace").startswith(begins)


def test_without_a_file_it_goes_to_standard_output(run: Run) -> None:
    assert run("weekly", "--format", "markdown")[1].startswith("# Incidents of the week\n")
    assert run("mtta", "--format", "csv")[1].startswith("period,of,name,")
    assert run("mtta", "--format", "csv", "--output", "-")[1].startswith("period,of,name,")
    assert run("mtta", "--format", "png")[1].startswith("\N{REPLACEMENT CHARACTER}PNG")
    _, out, _ = run("mtta", "--json")
    assert out.encode() == msgspec.json.encode(reporting.timed()) + b"\n"
    assert not re.search("\x1b", run("mtta")[1])
