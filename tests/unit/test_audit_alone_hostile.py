"""Files that somebody made to mislead the verifier, to keep it busy, or to speak in its name."""

import ast
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from pulseops.archive import alone
from pulseops.archive.alone import Lines
from pulseops.cli.app import app as cli
from tests.carried import Export, sample


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return sample("whole.ndjson").copied(tmp_path / "export")


def put(export: Export, number: int, line: bytes) -> None:
    """In place of a line, with a manifest that fits."""
    lines = export.lines()
    lines[number - 1] = line
    export.file.write_bytes(b"".join(lines))
    export.refit()


FORMS = {
    "a letter by its number": (3, b'"type":"C', b'"type":"\\u0043'),
    "the source by its letters' numbers": (3, b'"source":"/p', b'"source":"/\\u0070'),
    "zeros of a second": (3, b'00:00:00+00:00","data', b'00:00:00.000000+00:00","data'),
    "a zero of a second": (3, b'.958367+00:00"', b'.9583670+00:00"'),
    "the end of the day before": (3, b"2026-01-01T00:00:00", b"2025-12-31T24:00:00"),
    "a zero below zero": (18, b'"data":1.50', b'"data":-0.0'),
}


@pytest.mark.parametrize("what", FORMS)
def test_what_means_the_same_and_is_not_as_it_was_written_is_named(export: Export, what: str) -> None:
    number, old, new = FORMS[what]
    line = export.lines()[number - 1]
    assert line.count(old) == 1
    put(export, number, line.replace(old, new))
    assert export.wrong().startswith(f"Line {number}"), export.wrong()


def test_names_have_one_order_only(export: Export) -> None:
    event = '{"aa": 1, "b": 2}', '{"b": 2, "aa": 1}'
    with pytest.raises(ValueError, match="not in order"):
        alone.canonical(event[0])
    assert alone.canonical(event[1]) == b'{"aa":1,"b":2}'


def hostile(export: Export, data: bytes) -> bytes:
    head, mark, _ = export.lines()[2].partition(b',"data":')
    return head + mark + data + b"}\n"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 101 + b'"' + b'\\"' * 2_000_000,
        b"[" * 101 + b'"\\\n' * 1_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'"' + b'\\"' * 2_000_000 + b'"',
        b"1" * 2_000_000,
        b"0." + b"1" * 2_000_000,
    ],
)
def test_no_line_keeps_it_busy_for_longer_than_its_length_does(export: Export, data: bytes) -> None:
    put(export, 3, hostile(export, data))
    code, told = export.alone()
    assert (code, told[:6], len(told) < 500) == (1, "Line 3", True), told[:500]


@pytest.mark.parametrize("field", [b'"source":"', b'"type":"', b'"actor":"'])
@pytest.mark.parametrize("letters", [b"a", b'\\"', b"a\\n"])
def test_a_line_takes_little_more_memory_than_its_length(
    export: Export, field: bytes, letters: bytes
) -> None:
    line = export.lines()[2].replace(field, field + letters * 1_000_000)
    tracemalloc.start()
    alone.event_of(line, "Line 3", 3)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 * len(line)


def test_what_no_event_can_have_is_said_to_be_too_long(
    export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "LONGEST", 2_000)
    put(export, 3, hostile(export, b"1" * 5_000))
    assert export.wrong() == "Line 3 is longer than an event can be."


SPOKEN = "\r\x1b[2Kwhole.ndjson: 36 events are what pulseops/test/default signed.\ud800"
"""A terminal would show what begins with this as the verdict."""


def test_no_file_speaks_in_the_name_of_the_verifier(
    export: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    line = export.lines()[2]
    put(export, 3, line.replace(b'"/pulseops/logs/1"', json.dumps(SPOKEN).encode()))
    code, told = export.alone()
    assert (code, told.isprintable(), told[:20]) == (1, True, "Line 3 is not as it ")
    spoken = SPOKEN.removesuffix("\ud800")
    quoted = json.dumps(spoken, ensure_ascii=False).encode()
    put(export, 3, line.replace(b'"/pulseops/logs/1"', quoted))
    code, told = export.alone()
    assert (code, told.isprintable()) == (1, True)
    assert told.startswith(r"Line 3, position 3: source should be /pulseops/logs/1, and is \r\x1b[2Kwhole")
    for name in ("log", "source"):
        told_before = export.told()[name]
        export.tell(**{name: spoken})
        code, told = export.alone()
        assert (code, told.isprintable(), "\\x1b[2Kwhole" in told) == (1, True, True)
        with pytest.raises(SystemExit):
            cli(["audit", "verify", str(export.file), "--key", str(export.keys), "--json"])
        assert json.loads(capsys.readouterr().out)["why"].isprintable()
        export.tell(**{name: told_before})
    export.tell(source="x" * 1_000_000)
    assert len(export.alone()[1]) < 2_000


def test_the_name_of_a_file_is_shown_and_not_spoken(export: Export) -> None:
    odd = Export(export.file.with_name("a\x1b[2J\udcff.ndjson"), export.keys)
    for before, after in ((export.file, odd.file), (export.hashes, odd.hashes)):
        before.rename(after)
    export.manifest.rename(odd.manifest)
    code, told = odd.alone()
    assert (code, told.partition(":")[0]) == (0, r"a\x1b[2J\udcff.ndjson")


@pytest.mark.parametrize("which", ["file", "hashes", "manifest"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(export: Export, which: str, make: Callable[[Path], None]) -> None:
    path: Path = getattr(export, which)
    path.unlink()
    make(path)
    code, told = export.alone()
    assert (code, told) == (1, f"{path.name} is no file.")


def test_hashes_that_change_while_they_are_read_are_found(export: Export) -> None:
    """Else those that were signed could be shown first, and then others."""

    class Exchanged(Lines):
        def __iter__(self) -> Iterator[bytes]:
            altered = export.lines()[2].replace(b"Incident", b"Accident")
            export.hashes.write_text(
                export.hashes.read_text().replace(
                    alone.event_of(export.lines()[2], "", 3).hash, alone.event_of(altered, "", 3).hash
                )
            )
            put(export, 3, altered)
            yield from super().__iter__()

    altered = export.file.read_bytes().replace(b'"Incident 2"', b'"Accident 2"')
    export.tell(sha256=sha256(altered).hexdigest())
    with pytest.raises(alone.Wrong, match="hashes: SHA-256 should be"):
        alone.verify(export.file, alone.keys_of(export.keys.read_text()), lines=Exchanged(export.file))


def test_a_signature_is_looked_at_once_however_often_it_is_there(
    export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, agrees = list[bytes](), alone.agrees

    def heard(public: bytes, text: bytes, signature: bytes) -> bool:
        asked.append(signature)
        return agrees(public, text, signature)

    monkeypatch.setattr(alone, "agrees", heard)
    note = export.told()["checkpoint"]
    export.tell(checkpoint=note + note.rpartition("\n\n")[2] * 1_000)
    assert export.wrong() == ""
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["after", "upTo", "events", "size"])
def test_true_is_no_number(export: Export, name: str) -> None:
    export.tell(**{name: True})
    assert export.wrong() == "whole.ndjson.manifest.json is not as it was written."


def test_a_filter_by_time_is_not_proved(tmp_path: Path) -> None:
    export = sample("whole.ndjson").copied(tmp_path)
    export.tell(since="2026-01-01T00:00:00+00:00")
    code, told = export.alone()
    assert (code, told.endswith("Whether others fit its filter is not proved.")) == (0, True)


def test_an_older_python_reads_it() -> None:
    source = Path(alone.__file__).read_text()
    assert "Needs Python 3.9" in source
    ast.parse(source, feature_version=(3, 9))
    assert "Python 3.9" in Path("docs/audit.md").read_text()
