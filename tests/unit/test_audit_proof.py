"""What a proof shows, and everything that makes it show nothing: by the public key alone."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.cloudevent import CloudEvent
from pulseops.audit.leaf import sealed
from pulseops.audit.merkle import Run, consistency, inclusion, leaf_hash
from pulseops.audit.note import Signer, Verifier, signed
from pulseops.audit.proof import Consistency, Inclusion, NotAProof, NotProved, Proof, Tree
from pulseops.audit.tiles import grown, hashed
from pulseops.client.reading import reader

SIGNER, OTHER = Signer("pulseops/a", bytes(range(32))), Signer("pulseops/b", bytes(32))
TRUSTED = [SIGNER.verifier]
SIZE = 11


def row(position: int) -> dict[str, Any]:
    return {
        "log_id": 1,
        "position": position,
        "stream_id": UUID(int=position),
        "event_id": UUID(int=100 + position),
        "command_id": UUID(int=200 + position),
        "version": 1,
        "schema_version": 1,
        "occurred_at": datetime(2026, 5, 1, 12, 0, 0, position, tzinfo=UTC),
        "recorded_at": datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC),
        "type": "CREATED",
        "data": f'{{"title": "a \\"b\\"", "n": {position}.50}}',
        "meta": f'{{"actor": "key:ci", "correlationId": "{UUID(int=7)}"}}',
    }


ENTRIES = [sealed(row(position)) for position in range(1, SIZE + 1)]
TILES = grown(0, {}, map(leaf_hash, ENTRIES))


def root(size: int) -> bytes:
    [found] = hashed([Run(0, size)], TILES)
    return found


def note(size: int, *, signer: Signer = SIGNER, origin: str = "pulseops/a/default") -> str:
    return signed(str(Checkpoint(origin=origin, size=size, root=root(size))), [signer])


def included(position: int = 4, size: int = SIZE) -> Inclusion:
    return Inclusion(
        position=position,
        index=position - 1,
        leaf_hash=leaf_hash(ENTRIES[position - 1]),
        size=size,
        root=root(size),
        hashes=tuple(hashed(inclusion(position - 1, size), TILES)),
        checkpoint=note(size),
        entry=ENTRIES[position - 1],
        event=CloudEvent.of(row(position)),
    )


def in_text(found: Inclusion) -> Proof:
    return Proof(index=found.index, hashes=found.hashes, checkpoint=found.checkpoint or "", entry=found.entry)


def from_to(older: int, newer: int) -> Consistency:
    return Consistency(
        older=Tree(size=older, root=root(older)),
        newer=Tree(size=newer, root=root(newer)),
        hashes=tuple(hashed(consistency(older, newer), TILES)),
        checkpoint=note(newer),
    )


def kept(size: int, origin: str = "pulseops/a/default") -> Checkpoint:
    return Checkpoint(origin=origin, size=size, root=root(size))


def flipped(hashes: Sequence[bytes], at: int = 0) -> tuple[bytes, ...]:
    return (*hashes[:at], bytes([hashes[at][0] ^ 1]) + hashes[at][1:], *hashes[at + 1 :])


def test_each_event_is_proved_under_each_size_that_has_it() -> None:
    for size in range(1, SIZE + 1):
        for position in range(1, size + 1):
            found = included(position, size)
            assert found.check(TRUSTED) == kept(size)
            text = str(in_text(found))
            assert Proof.parsed(text).check(ENTRIES[position - 1], TRUSTED) == kept(size)
            again = msgspec.json.decode(msgspec.json.encode(found), type=Inclusion)
            assert again.check(TRUSTED) == kept(size)


def test_a_client_reads_what_a_newer_server_says_and_shows_what_is_proved() -> None:
    told = msgspec.json.decode(msgspec.json.encode(included()))
    told["event"]["approvedby"] = "eve"
    found = reader(Inclusion)(msgspec.json.encode(told | {"witnesses": []}))
    assert found.check(TRUSTED) == kept(SIZE)
    assert not hasattr(found.event, "approvedby")


FORGED: dict[str, tuple[Callable[[Inclusion], Inclusion], str]] = {
    "another event": (lambda one: replace(one, event=CloudEvent.of(row(5))), "event is not what was sealed"),
    "another entry": (lambda one: replace(one, entry=ENTRIES[5]), "event is not what was sealed"),
    "another event and entry": (
        lambda one: replace(one, event=CloudEvent.of(row(5)), entry=ENTRIES[4]),
        "hash of the leaf is not that of the event",
    ),
    "all of another event": (
        lambda one: replace(
            one, event=CloudEvent.of(row(5)), entry=ENTRIES[4], leaf_hash=leaf_hash(ENTRIES[4])
        ),
        "Leaf 3 is not the event at position 5",
    ),
    "another place": (lambda one: replace(one, position=5), "Leaf 3 is not the event at position 4"),
    "another leaf": (lambda one: replace(one, index=4), "Leaf 4 is not the event at position 4"),
    "another hash": (lambda one: replace(one, hashes=flipped(one.hashes)), "do not lead"),
    "a hash too few": (lambda one: replace(one, hashes=one.hashes[1:]), "do not lead"),
    "a hash too many": (lambda one: replace(one, hashes=(*one.hashes, one.root)), "do not lead"),
    "hashes without end": (lambda one: replace(one, hashes=one.hashes * 1_000), "do not lead"),
    "hashes of another length": (lambda one: replace(one, hashes=(b"", *one.hashes[1:])), "do not lead"),
    "another size": (lambda one: replace(one, size=SIZE + 1), "another tree"),
    "another root": (lambda one: replace(one, root=root(3)), "another tree"),
    "another checkpoint": (lambda one: replace(one, checkpoint=note(3)), "another tree"),
    "a larger checkpoint": (lambda one: replace(included(size=9), checkpoint=note(SIZE)), "another tree"),
    "no checkpoint": (lambda one: replace(one, checkpoint=None), "has no checkpoint"),
    "no note": (lambda one: replace(one, checkpoint="trust me"), "not to be trusted"),
    "another's signature": (
        lambda one: replace(one, checkpoint=note(SIZE, signer=OTHER)),
        "not to be trusted",
    ),
    "a checkpoint of a log of others": (
        lambda one: replace(one, checkpoint=note(SIZE, origin="pulseops/b/default")),
        "not to be trusted",
    ),
    "a note that is no checkpoint": (
        lambda one: replace(one, checkpoint=signed("pulseops/a/default\nhello\n", [SIGNER])),
        "no checkpoint",
    ),
    "an altered note": (
        lambda one: replace(one, checkpoint=note(SIZE).replace("\n11\n", "\n12\n")),
        "is not of this text",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_of_a_forged_proof_the_first_thing_that_is_wrong_is_named(what: str) -> None:
    forge, said = FORGED[what]
    with pytest.raises(NotProved, match=said):
        forge(included()).check(TRUSTED)


def test_no_key_proves_nothing_and_one_of_another_log_neither() -> None:
    strangers: tuple[list[Verifier], ...] = ([], [OTHER.verifier])
    for verifiers in strangers:
        with pytest.raises(NotProved, match="not to be trusted"):
            included().check(verifiers)
    rotated = Signer("pulseops/a", bytes(32))
    assert included().check([rotated.verifier, SIGNER.verifier]).size == SIZE
    with pytest.raises(NotProved, match="not to be trusted"):
        included().check([rotated.verifier])


def test_a_key_that_is_trusted_for_one_log_speaks_for_no_other() -> None:
    forged = replace(included(), checkpoint=note(SIZE, signer=OTHER))
    with pytest.raises(NotProved, match="not to be trusted"):
        forged.check([SIGNER.verifier, OTHER.verifier])


def test_a_checkpoint_that_was_kept_stands_in_for_one_that_was_not_signed() -> None:
    found = replace(included(4, 9), checkpoint=None)
    assert found.check(TRUSTED, kept=note(9)).size == 9
    for other, size in ((found, 10), (included(4, 9), 10)):
        with pytest.raises(NotProved, match="another tree"):
            other.check(TRUSTED, kept=note(size))


def test_history_is_proved_to_have_grown_between_any_two_sizes() -> None:
    for newer in range(1, SIZE + 1):
        for older in range(1, newer + 1):
            assert from_to(older, newer).check(kept(older), TRUSTED) == kept(newer)


def test_growth_that_is_forged_is_none() -> None:
    found = from_to(5, SIZE)
    for forged, had, said in (
        (found, kept(4), "begins at 5 events, and what was kept is of 4"),
        (found, replace(kept(5), root=root(6)), "first 5 events are not those"),
        (found, kept(5, "pulseops/a/other"), "what was kept is of pulseops/a/other"),
        (replace(found, hashes=flipped(found.hashes)), kept(5), "do not lead"),
        (replace(found, hashes=found.hashes[1:]), kept(5), "do not lead"),
        (replace(found, hashes=()), kept(5), "do not lead"),
        (replace(found, checkpoint=note(9)), kept(5), "another tree"),
        (replace(found, checkpoint=None), kept(5), "no checkpoint"),
        (replace(found, checkpoint=note(SIZE, signer=OTHER)), kept(5), "not to be trusted"),
        (replace(found, older=Tree(size=0, root=root(5))), kept(5), "begins at 0"),
    ):
        with pytest.raises(NotProved, match=said):
            forged.check(had, TRUSTED)


def test_a_proof_in_text_has_one_form() -> None:
    text = str(in_text(included()))
    whole = Proof.parsed(text)
    assert str(whole) == text
    assert Proof.parsed(str(replace(whole, entry=None))).entry is None
    hashed_line = text.split("\n")[3]
    for other in (
        "",
        text[:-1],
        text.replace("@v1", "@v2"),
        text.replace("index 3", "index 03"),
        text.replace("index 3", "index -3"),
        text.replace("index 3", "index 3 "),
        text.replace("extra ", "extra"),
        text.replace("extra ", "Extra "),
        text.replace("\nindex", "\n\nindex"),
        text.replace(hashed_line, hashed_line[:-2] + chr(ord(hashed_line[-2]) + 1) + "="),
        text.replace(hashed_line, hashed_line[:-1]),
        text.replace("\n", "\r\n"),
        text.replace("pulseops/a/default", "pulseops/a/\x1b[2J"),
        text.partition("\n\n")[0],
        text.partition("\n\n")[0] + "\n\n",
    ):
        with pytest.raises(NotAProof):
            Proof.parsed(other)


def test_a_proof_in_text_of_another_event_is_none() -> None:
    proof = in_text(included())
    with pytest.raises(NotProved, match="of another event"):
        proof.check(ENTRIES[4], TRUSTED)
    with pytest.raises(NotProved, match="do not lead"):
        replace(proof, entry=None).check(ENTRIES[4], TRUSTED)
    for index in (-1, SIZE, 2**62):
        with pytest.raises(NotProved, match="is not among the 11"):
            replace(proof, index=index).check(ENTRIES[3], TRUSTED)


def test_an_event_that_could_never_be_sealed_is_not_proved() -> None:
    for changed in (
        {"position": "04"},
        {"version": 2**40},
        {"actor": msgspec.UNSET},
        {"data": msgspec.Raw(b"{")},
    ):
        with pytest.raises(NotProved, match="no event"):
            replace(included(), event=replace(CloudEvent.of(row(4)), **changed)).check(TRUSTED)
