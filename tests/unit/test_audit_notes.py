"""Notes are signed and opened as C2SP has it, and nothing that was not signed is believed."""

from base64 import b64decode, b64encode

import pytest

from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.merkle import EMPTY
from pulseops.audit.note import NotAKey, NotSigned, Signer, Verifier, opened, signed

THEIR_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
THEIR_NOTE = """\
This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
OURS, ANOTHER = Signer("pulseops/default", bytes(range(32))), Signer("pulseops/default", bytes(32))
TEXT = str(Checkpoint(origin="pulseops/default", size=3, root=EMPTY))


def _same(line: str, last: str, other: str) -> bool:
    """Whether a lenient reader takes both for the same bytes."""
    packed = line.removesuffix("\n").rpartition(" ")[2]
    return b64decode(packed) == b64decode(f"{packed[:-2]}{other}=") and other != last


def test_the_standards_own_example_opens_and_no_other_text_under_its_signature() -> None:
    key = Verifier.parsed(THEIR_KEY)
    assert opened(THEIR_NOTE.encode(), [key]) == "This is an example message.\n"
    with pytest.raises(NotSigned, match="not of this text"):
        opened(THEIR_NOTE.replace("an example", "another").encode(), [key])


def test_what_is_signed_opens_for_who_trusts_one_of_its_keys() -> None:
    note = signed(TEXT, [OURS, ANOTHER]).encode()
    for trusted in ([OURS], [ANOTHER], [OURS, ANOTHER]):
        assert opened(note, [one.verifier for one in trusted]) == TEXT
    stranger = Signer.new("pulseops/default")
    with pytest.raises(NotSigned):
        opened(note, [stranger.verifier])
    with pytest.raises(NotSigned):
        opened(note, [])


def test_a_note_with_one_wrong_signature_of_a_key_that_is_trusted_is_refused() -> None:
    wrong = OURS.line(TEXT + "x")
    note = signed(TEXT, [ANOTHER]) + wrong
    assert opened(note.encode(), [ANOTHER.verifier]) == TEXT
    with pytest.raises(NotSigned):
        opened(note.encode(), [ANOTHER.verifier, OURS.verifier])


def test_a_text_with_empty_lines_ends_at_the_last_one() -> None:
    note = signed("one\n\ntwo\n", [OURS])
    assert opened(note.encode(), [OURS.verifier]) == "one\n\ntwo\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda note: note.replace("— ", "- "),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.removesuffix("\n"),
        lambda note: note.replace("default\n3", "default\n\t3"),
        lambda note: note.rpartition(" ")[0] + " AAAA\n",
        lambda note: note.rpartition(" ")[0] + " not base64\n",
        lambda note: note + "\n",
        lambda note: note + "— \n",
        lambda note: note + OURS.line(TEXT) * 200,
        lambda note: "x" * 100_000 + note,
        lambda _: "",
    ],
)
def test_what_is_no_note_is_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(NotSigned):
        opened(spoil(signed(TEXT, [OURS])).encode(), [OURS.verifier])


@pytest.mark.parametrize("character", ["\0", "\t", "\r", "\x1b", "\x1f"])
def test_a_text_with_control_characters_is_refused_also_where_it_is_signed(character: str) -> None:
    with pytest.raises(NotSigned, match="It is no note"):
        opened(signed(f"{TEXT}{character}\n", [OURS]).encode(), [OURS.verifier])


def test_a_text_that_is_too_long_is_refused_also_where_it_is_signed() -> None:
    longest = "x" * (64 * 1024 - len(signed("\n", [OURS]).encode())) + "\n"
    assert opened(signed(longest, [OURS]).encode(), [OURS.verifier]) == longest
    with pytest.raises(NotSigned, match="too long"):
        opened(signed("x" + longest, [OURS]).encode(), [OURS.verifier])


def test_a_signature_has_one_form_and_stands_once() -> None:
    """As for the verifier that goes with exports: what one reader takes and another does not is no proof."""
    line = OURS.line(TEXT)
    assert line.endswith("=\n")
    last = line[-3]
    other = next(one for one in "BCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh" if one != last and _same(line, last, one))
    bent = f"{line[:-3]}{other}=\n"
    for lines in (bent, line + line, OURS.line(TEXT) + ANOTHER.line(TEXT) + line):
        with pytest.raises(NotSigned):
            opened(f"{TEXT}\n{lines}".encode(), [OURS.verifier])


def test_a_root_has_one_form() -> None:
    text = str(Checkpoint(origin="pulseops/default", size=3, root=EMPTY))
    root = text.split("\n")[2]
    for last in (chr(ord(root[-2]) + 1), "\u00e9"):
        with pytest.raises(NotACheckpoint):
            Checkpoint.parsed(text.replace(root, f"{root[:-2]}{last}="))


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(NotSigned, match="UTF-8"):
        opened(b"\xff" + signed(TEXT, [OURS]).encode(), [OURS.verifier])


def test_keys_are_read_as_they_are_written_and_private_ones_tell_nothing() -> None:
    assert str(Verifier.parsed(THEIR_KEY)) == THEIR_KEY
    assert Verifier.parsed(str(OURS.verifier)) == OURS.verifier
    assert Signer.parsed(OURS.kept()) == OURS
    assert b64encode(OURS.secret).decode() not in repr(OURS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        THEIR_KEY.replace("530d903a", "530d903b"),
        THEIR_KEY.replace("example.com/foo", "example.com/bar"),
        THEIR_KEY[:-4],
        THEIR_KEY.replace("Aeky", "Aeky*"),
        OURS.kept().removeprefix("PRIVATE+KEY+"),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NotAKey):
        Verifier.parsed(text)
    with pytest.raises(NotAKey):
        Signer.parsed(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "x" * 201, "a\nb"])
def test_a_name_that_no_note_can_carry_gets_no_key(name: str) -> None:
    with pytest.raises(NotAKey):
        Signer.new(name)


def test_a_checkpoint_is_read_as_it_is_written() -> None:
    assert Checkpoint.parsed(TEXT) == Checkpoint(origin="pulseops/default", size=3, root=EMPTY)
    assert Checkpoint.parsed(TEXT + "more\n").size == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n3\n",
        "log\n03\n",
        "log\n-1\n",
        "log\nthree\n",
        "log\n3\nAAAA\n",
        "log\n3\n!\n",
        TEXT.removesuffix("\n"),
        TEXT + "\n",
        TEXT.replace("\n3\n", "\n\u0663\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NotACheckpoint):
        Checkpoint.parsed(text)
