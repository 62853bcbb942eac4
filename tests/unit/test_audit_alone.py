"""The verifier that is carried away: what it takes for history, and what it says of anything else."""

import gzip
import re
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.archive import alone
from pulseops.audit.note import Signer, signed
from tests.carried import KEYS, Export, sample

KINDS = ["whole.ndjson", "some.ndjson"]
OTHER = Signer("pulseops/other", bytes(range(1, 33)))


@pytest.fixture(params=KINDS)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Export:
    return sample(request.param).copied(tmp_path / "export")


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return sample("whole.ndjson").copied(tmp_path / "export")


def edit(line: int, old: bytes, new: bytes) -> Callable[[Export], None]:
    def change(export: Export) -> None:
        lines = export.lines()
        assert old in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new, 1)
        export.file.write_bytes(b"".join(lines))

    return change


def rearranged(order: Callable[[list[bytes]], list[bytes]]) -> Callable[[Export], None]:
    return lambda export: void(export.file.write_bytes(b"".join(order(export.lines()))))


def void(_: object) -> None:
    """What a lambda gives back and nobody wants."""


def resigned(text: str, *signers: Signer) -> Callable[[Export], None]:
    return lambda export: export.tell(checkpoint=signed(text, signers or [KEYS.signer]))


def another_tree(export: Export) -> None:
    root = b64encode(bytes(32)).decode()
    resigned(f"pulseops/test/default\n36\n{root}\n")(export)
    export.tell(root=root)


def hidden(export: Export) -> None:
    """An event is left out, and everything made to fit."""
    export.file.write_bytes(b"".join(line for line in export.lines() if b'"position":"5"' not in line))
    export.hashes.write_text(export.hashes.read_text().replace("\n5 ", "\n5-5 "))
    export.tell(events=35)
    export.refit()


def together(export: Export) -> None:
    """Two hashes as one, over events that no subtree has together."""
    rows = export.hashes.read_text().splitlines()
    export.hashes.write_text("\n".join([rows[0], f"2-3 {'0' * 64}", *rows[3:], ""]))


def beyond(export: Export) -> None:
    """A hash of what is not signed."""
    export.hashes.write_text(f"{export.hashes.read_text()}37-37 {'0' * 64}\n")
    export.refit()


def test_an_export_that_was_made_once_is_verified_for_ever(either: Export) -> None:
    code, told = either.alone()
    assert (code, "what pulseops/test/default signed with its first 36" in told) == (0, True), told
    assert ("Whether others fit its filter is not proved." in told) == (either.file.name == "some.ndjson")


ALTERED: dict[str, tuple[Callable[[Export], None], str]] = {
    "a letter of the data": (
        edit(3, b"Incident", b"Accident"),
        r"Line 3, position 3: hash of the event should be [0-9a-f]{64}, and is [0-9a-f]{64}\.",
    ),
    "when it happened": (
        edit(3, b'"time":"2026-01-01', b'"time":"2026-01-02'),
        "Line 3, position 3: hash of",
    ),
    "who did it": (edit(4, b'"actor":"key:probe"', b'"actor":"key:prone"'), "Line 4, position 4: hash of"),
    "meta in base64": (edit(8, b'"meta":"ey', b'"meta":"e3'), "Line 8"),
    "the log's number": (
        edit(5, b"/logs/1", b"/logs/2"),
        "Line 5, position 5: source should be /pulseops/logs/1",
    ),
    "a name": (edit(5, b'"subject"', b'"Subject"'), r"Line 5, character \d+: subject should be as an export"),
    "a second title": (edit(3, b'"data":{', b'"data":{"title": "", '), "Line 3 is not as it was written"),
    "white space": (edit(3, b'"data":{', b'"data":{ '), "Line 3 is not as it was written"),
    "another form of a number": (edit(18, b"1.50", b"15e-1"), "Line 18"),
    "a field beside the others": (
        edit(3, b',"data"', b',"more":1,"data"'),
        "Line 3, character .*: data should be",
    ),
    "a line left out": (
        rearranged(lambda lines: lines[:4] + lines[5:]),
        "Line 5, position 6: position should be 5",
    ),
    "a line twice": (
        rearranged(lambda lines: [*lines[:4], lines[3], *lines[4:]]),
        "Line 5, position 4: position",
    ),
    "two lines swapped": (
        rearranged(lambda lines: [lines[1], lines[0], *lines[2:]]),
        "Line 1, position 2: position should be 1, and is 2",
    ),
    "a line added": (
        rearranged(lambda lines: [*lines, lines[-1].replace(b'"position":"36"', b'"position":"37"')]),
        "Line 37, position 37: position should be the end of the file, and is 37",
    ),
    "the end": (
        rearranged(lambda lines: lines[:-1]),
        "After line 35: position should be 36, and is the end of",
    ),
    "half a line": (
        lambda export: void(export.file.write_bytes(export.file.read_bytes()[:-40])),
        "Line 36, character ",
    ),
    "everything": (lambda export: void(export.file.write_bytes(b"")), "After line 0: position should be 1"),
    "line ends": (
        lambda export: void(export.file.write_bytes(export.file.read_bytes().replace(b"\n", b"\r\n"))),
        "Line 1 ends with CR LF: it was copied as text.",
    ),
    "packed": (
        lambda export: void(export.file.write_bytes(gzip.compress(export.file.read_bytes()))),
        "This is gzip: unpack it first.",
    ),
    "in another encoding": (
        lambda export: void(export.file.write_bytes(export.file.read_bytes().decode().encode("utf-16"))),
        "Line 1 is not as it was written",
    ),
    "no manifest": (
        lambda export: export.manifest.unlink(),
        "There is no whole.ndjson.manifest.json beside it",
    ),
    "no hashes": (lambda export: export.hashes.unlink(), "There is no whole.ndjson.hashes beside it"),
    "a manifest of something else": (
        lambda export: void(export.manifest.write_text("{}")),
        "whole.ndjson.manifest.json is not as it was written.",
    ),
    "an edited manifest": (
        lambda export: void(export.manifest.write_text(export.manifest.read_text().replace("36", "35", 1))),
        "whole.ndjson.manifest.json is not as it was written.",
    ),
    "a hash": (
        lambda export: void(export.hashes.write_text(export.hashes.read_text().replace("a", "b", 1))),
        "whole.ndjson.hashes: root of the first 36 events, as it was signed, should be ",
    ),
    "a hash left out": (
        lambda export: void(export.hashes.write_text(re.sub("\n5 .*", "", export.hashes.read_text()))),
        "whole.ndjson.hashes is not as it was written, after position 4.",
    ),
    "an event that is hidden": (hidden, "whole.ndjson.hashes is not of this range of events, at position 5."),
    "two hashes as one": (together, "whole.ndjson.hashes is not as it was written, after position 1."),
    "a hash more": (beyond, "whole.ndjson.hashes has more than the 36 events that are signed."),
    "zeros that say nothing": (edit(18, b"1.50", b"1.500"), "whole.ndjson: length should be 26168 as in"),
    "a range that is claimed": (
        lambda export: export.tell(after=1, events=35),
        "whole.ndjson.hashes is not of this range of events, at position 1.",
    ),
    "a range beyond what is signed": (
        lambda export: export.tell(upTo=40, events=36),
        "Its manifest has a range that is not within the 36 events that are signed.",
    ),
    "a range from before the beginning": (
        lambda export: export.tell(after=-1),
        "Its manifest has a range that",
    ),
    "a time without a zone": (
        lambda export: export.tell(until="2999-01-01T00:00:00"),
        "whole.ndjson.manifest.json is not as it was written.",
    ),
    "a count that is claimed": (
        lambda export: export.tell(events=35),
        "Its manifest: number of events should be 36, and is 35.",
    ),
    "a time that is claimed": (
        lambda export: export.tell(until="2026-01-01T00:00:00+00:00"),
        "Line 1, position 1, is not what the manifest asks for.",
    ),
    "a size that is claimed": (
        lambda export: export.tell(size=37),
        "Its manifest has another size or root than its checkpoint.",
    ),
    "a log that is claimed": (
        lambda export: export.tell(log="acme"),
        "Its checkpoint is of pulseops/test/default, not of the log acme.",
    ),
    "no signature": (
        lambda export: export.tell(checkpoint=None, size=None, root=None),
        "Nothing of this export was signed",
    ),
    "the signature of another": (
        lambda export: export.tell(checkpoint=export.told()["checkpoint"].replace("\n36\n", "\n37\n")),
        "Its checkpoint is not what was signed: the signature of pulseops/test is of another text.",
    ),
    "another key": (
        resigned("pulseops/other/default\n36\nl5NkCL+GBYDUI17wp4JW88JJRMLXyXvnjeV5ZZEkIxg=\n", OTHER),
        "Its checkpoint is not signed by a key that is trusted.",
    ),
    "something else that was signed": (resigned("Dear diary,\n"), "Its checkpoint is none."),
    "another tree that was signed": (
        another_tree,
        "whole.ndjson.hashes: root of the first 36 events",
    ),
}


@pytest.mark.parametrize("what", ALTERED)
def test_what_was_altered_is_named(export: Export, what: str) -> None:
    change, said = ALTERED[what]
    change(export)
    assert re.match(said, export.wrong()), export.wrong()


def test_it_speaks_and_ends_as_a_program_does(export: Export) -> None:
    assert export.alone()[0] == 0
    edit(3, b"Incident", b"Accident")(export)
    code, told = export.alone()
    assert (code, told.count("\n")) == (1, 0)
    assert told.startswith("Line 3, position 3: hash of the event should be ")
    assert export.alone(export.file)[0] == 2
    assert export.alone(export.file, "--key", export.file)[0] == 2
    assert export.alone(export.file.with_name("none"), "--key", export.keys)[0] == 2
    assert export.alone("--help")[0] == 0


def test_a_file_of_another_export_is_none_of_this(tmp_path: Path) -> None:
    whole, some = (sample(name).copied(tmp_path / name) for name in KINDS)
    whole.file.write_bytes(some.file.read_bytes())
    assert whole.wrong() == "Line 1, position 3: position should be 1, and is 3."
    some.hashes.write_bytes(whole.hashes.read_bytes())
    assert some.wrong() == "some.ndjson.hashes is not of this range of events, at position 1."


def test_a_stretch_is_a_subtree_or_it_could_move_what_comes_after_it(tmp_path: Path) -> None:
    """Three events are none, though the root can be made so that they look like one."""
    some = sample("some.ndjson").copied(tmp_path)
    some.hashes.write_text(f"1-3 {bytes(32).hex()}\n" + some.hashes.read_text().partition("\n")[2])
    assert some.wrong() == "some.ndjson.hashes is not as it was written, after position 0."


@pytest.mark.parametrize("name", ["hashesSha256", "hashesBytes"])
def test_the_hashes_are_to_the_byte_what_the_manifest_says(export: Export, name: str) -> None:
    other = {"hashesSha256": "0" * 64, "hashesBytes": export.told()["hashesBytes"] + 1}
    export.tell(**{name: other[name]})
    assert "whole.ndjson.hashes" in export.wrong()


def test_after_a_rotation_both_keys_are_trusted(export: Export) -> None:
    export.keys.write_text(f"{OTHER.verifier}\n{export.keys.read_text()}")
    assert export.wrong() == ""
    export.keys.write_text(f"{OTHER.verifier}\n")
    assert export.wrong() == "Its checkpoint is not signed by a key that is trusted."


def test_the_key_of_another_installation_does_not_speak_for_this_one(export: Export) -> None:
    """Who trusts two has not told one that it may speak for the other."""
    export.keys.write_text(f"{OTHER.verifier}\n{export.keys.read_text()}")
    resigned(export.told()["checkpoint"].partition("\n\n")[0] + "\n", OTHER)(export)
    trusted = "a key that is trusted for pulseops/test/default"
    assert export.wrong() == f"Its checkpoint is not signed by {trusted}."


def test_it_is_held_against_a_checkpoint_that_was_kept(export: Export) -> None:
    rows = export.hashes.read_text().splitlines()
    hashes = [bytes.fromhex(row.partition(" ")[2]) for row in rows]
    told, root = export.told(), b64encode(alone.node(alone.node(*hashes[:2]), hashes[2])).decode()
    kept = signed(f"pulseops/test/default\n3\n{root}\n", [KEYS.signer])
    assert export.wrong(kept, told["checkpoint"]) == ""
    forged = signed(f"pulseops/test/default\n4\n{root}\n", [KEYS.signer])
    assert export.wrong(forged).startswith("whole.ndjson.hashes: root of the first 4 events")
    longer = signed(f"pulseops/test/default\n37\n{root}\n", [KEYS.signer])
    assert "cannot be held against 37 events" in export.wrong(longer)
    assert "is of pulseops/test/acme" in export.wrong(
        signed(f"pulseops/test/acme\n3\n{root}\n", [KEYS.signer])
    )
    folder = export.file.parent
    (folder / "kept").write_text(forged)
    code, said = export.alone(export.file, "--key", export.keys, "--against", folder / "kept")
    assert (code, said[:20]) == (1, "whole.ndjson.hashes:")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_changes_unnoticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Neither by accident, nor by somebody who makes the manifest fit."""
    export = sample(data.draw(st.sampled_from(KINDS))).copied(tmp_path)
    monkeypatch.setattr(alone, "agrees", AGREES)
    path = data.draw(st.sampled_from([export.file, export.file, export.hashes, export.manifest]))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert export.wrong() != ""
    if path != export.manifest:
        export.refit()
        assert export.wrong() != ""
        if path == export.file:
            line = bytes(content[:at]).count(b"\n") + 1
            assert re.match(f"(Line|After line) {line}\\b", export.wrong())


AGREES = cache(alone.agrees)
"""Most examples ask the same."""
