"""A register is the bytes that it is documented to be, and no proof of a stream can be bent."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pulseops.audit.checkpoint import Checkpoint
from pulseops.audit.completeness import Completeness, Listed, Sealed
from pulseops.audit.leaf import place, sealed
from pulseops.audit.merkle import EMPTY, Run, inclusion, leaf_hash, root, run_hash
from pulseops.audit.note import Signer, signed
from pulseops.audit.proof import NotProved
from pulseops.audit.register import Entry, NotARegister, Register, is_register
from pulseops.audit.tiles import Growing
from tests.unit.leaves import ROW

SIGNER = Signer("pulseops/test", bytes(range(32)))


def mth(run: Run, leaves: Sequence[bytes]) -> bytes:
    return run_hash(run, lambda one: root_of(leaves[one.index << one.level : (one.index + 1) << one.level]))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Of a perfect tree, or of any: from its parts."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return root([root_of(leaves[:half]), root_of(leaves[half:])])


class History:
    """Streams 10, 20, 30 … of so many events each, one event of each in turn."""

    def __init__(self, *lengths: int) -> None:
        self.streams = [UUID(int=10 * number) for number in range(1, len(lengths) + 1)]
        self.events = [
            (stream, version)
            for version in range(1, max(lengths, default=0) + 1)
            for stream, length in zip(self.streams, lengths, strict=True)
            if version <= length
        ]
        self.sealed = [
            sealed({**ROW, "position": position, "stream_id": stream, "version": version})
            for position, (stream, version) in enumerate(self.events, start=1)
        ]
        self.leaves = [leaf_hash(one) for one in self.sealed]
        self.entries = [self.entry(stream) for stream in self.streams]
        self.log = Checkpoint(
            origin=f"{SIGNER.name}/default",
            size=len(self.leaves),
            root=root_of(self.leaves) if self.leaves else EMPTY,
        )

    def entry(self, stream: UUID) -> bytes:
        at = max(at for at, (whose, _) in enumerate(self.events) if whose == stream)
        return bytes(Entry(stream, self.events[at][1], self.leaves[at]))

    def register(self, entries: Sequence[bytes] | None = None) -> Register:
        entries = self.entries if entries is None else entries
        found = root_of([leaf_hash(one) for one in entries]) if entries else EMPTY
        return Register(log=self.log, entries=len(entries), root=found)

    def listed(self, index: int) -> Listed:
        leaves = [leaf_hash(one) for one in self.entries]
        path = tuple(mth(run, leaves) for run in inclusion(index, len(leaves)))
        return Listed(entry=self.entries[index], index=index, hashes=path)

    def proof(self, stream: UUID, *places: int) -> Completeness:
        """By the places of its entries; with all of its events."""
        events = tuple(
            Sealed(
                position=at + 1,
                entry=self.sealed[at],
                hashes=tuple(mth(run, self.leaves) for run in inclusion(at, len(self.leaves))),
            )
            for at, (whose, _) in enumerate(self.events)
            if whose == stream
        )
        listed = tuple(self.listed(place) for place in places)
        return Completeness(
            stream=stream,
            as_of=self.log.size,
            since=0,
            register=note(self.register()),
            listed=listed,
            events=events,
        )


def note(register: Register, signer: Signer = SIGNER) -> str:
    return signed(str(register), [signer])


HISTORY = History(3, 1, 5, 2, 2, 4, 1)
STREAM = HISTORY.streams[2]
PROOF = HISTORY.proof(STREAM, 2)


def checked(proof: Completeness, **more: Any) -> tuple[int, ...]:
    proof.check(WHOSE, **more)
    return tuple(one.position for one in proof.events)


def test_an_entry_and_a_register_are_to_the_byte_what_is_documented() -> None:
    entry = Entry(UUID(int=7), 3, bytes(range(32)))
    assert bytes(entry) == bytes(15) + b"\x07" + b"\0\0\0\3" + bytes(range(32))
    assert Entry.parsed(bytes(entry)) == entry
    log = Checkpoint(origin="pulseops/a/default", size=42, root=bytes(32))
    told = Register(log=log, entries=1, root=leaf_hash(bytes(entry)))
    zeros = b64encode(bytes(32)).decode()
    hashed = b64encode(leaf_hash(bytes(entry))).decode()
    text = f"pulseops/a/default/register/42\n1\n{hashed}\npulseops/a/default 42 {zeros}\n"
    assert str(told) == text
    assert Register.parsed(text) == told
    assert Checkpoint.parsed(text).size == 1, "whoever reads checkpoints reads this as well"
    assert is_register(text)
    assert not is_register(str(log))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/register/42", "/register/43"),
        ("/register/42", ""),
        ("pulseops/a/default 42", "pulseops/b/default 42"),
        ("default 42 ", "default 42  "),
        ("default 42 ", "default 042 "),
        ("=\n", "=\nmore\n"),
        ("AAA=", "AAB="),
        ("\n1\n", "\n-1\n"),
        ("pulseops", ""),
    ],
)
def test_a_register_whose_lines_do_not_fit_is_none(old: str, new: str) -> None:
    log = Checkpoint(origin="pulseops/a/default", size=42, root=bytes(32))
    text = str(Register(log=log, entries=1, root=bytes(32)))
    with pytest.raises(NotARegister):
        Register.parsed(
            text.replace(old, new, 1) if old != "AAA=" else text[::-1].replace("=A", "=B", 1)[::-1]
        )


def test_all_events_of_a_stream_are_told_by_their_positions() -> None:
    for index, stream in enumerate(HISTORY.streams):
        expected = tuple(at for at, (whose, _) in enumerate(HISTORY.events, start=1) if whose == stream)
        assert checked(HISTORY.proof(stream, index)) == expected


def test_a_stream_that_is_not_there_is_told_by_its_neighbours() -> None:
    assert checked(HISTORY.proof(UUID(int=5), 0)) == ()
    assert checked(HISTORY.proof(UUID(int=75), 6)) == ()
    assert checked(HISTORY.proof(UUID(int=35), 2, 3)) == ()
    assert checked(History().proof(STREAM)) == ()


@pytest.mark.parametrize(
    ("proof", "why"),
    [
        (HISTORY.proof(UUID(int=35), 1, 3), "may be one"),
        (HISTORY.proof(UUID(int=35), 2), "may be one"),
        (HISTORY.proof(UUID(int=35), 3), "may be one"),
        (HISTORY.proof(UUID(int=35), 3, 2), "may be one"),
        (HISTORY.proof(UUID(int=35)), "may be one"),
        (HISTORY.proof(UUID(int=35), 2, 3, 4), "may be one"),
        (replace(HISTORY.proof(UUID(int=35), 2, 3), events=PROOF.events), "shows events"),
    ],
)
def test_who_hides_a_stream_shows_no_neighbours(proof: Completeness, why: str) -> None:
    with pytest.raises(NotProved, match=why):
        checked(proof)


@pytest.mark.parametrize("places", [(1, 2), (2, 3), (1, 3), (2,)])
def test_a_stream_that_is_there_is_not_proved_away(places: Sequence[int]) -> None:
    with pytest.raises(NotProved):
        checked(replace(HISTORY.proof(STREAM, *places), events=()))


def _event(at: int, **change: Any) -> Callable[[Completeness], Completeness]:
    def changed(proof: Completeness) -> Completeness:
        events = list(proof.events)
        events[at] = replace(events[at], **change)
        return replace(proof, events=tuple(events))

    return changed


def _lowered(proof: Completeness) -> Completeness:
    one = Entry.parsed(proof.listed[0].entry)
    lower = replace(proof.listed[0], entry=bytes(Entry(one.stream, one.version - 1, one.leaf)))
    return replace(proof, listed=(lower,), events=proof.events[:-1])


def _signed_lower(proof: Completeness) -> Completeness:
    """As who has the key would: the last event of the stream is hidden, and an earlier one is its last."""
    entries = list(HISTORY.entries)
    entries[2] = bytes(Entry(STREAM, 4, leaf_hash(proof.events[-1].entry)))
    leaves = [leaf_hash(one) for one in entries]
    path = tuple(mth(run, leaves) for run in inclusion(2, len(leaves)))
    listed = Listed(entry=entries[2], index=2, hashes=path)
    return replace(
        proof, register=note(HISTORY.register(entries)), listed=(listed,), events=proof.events[:-1]
    )


OTHER = Signer("pulseops/test", bytes(32))
STRANGER = Signer("pulseops/elsewhere", bytes(32))
WHOSE = [SIGNER.verifier, STRANGER.verifier]  # whoever audits several installations trusts several keys
BENT: dict[str, tuple[Callable[[Completeness], Completeness], str]] = {
    "the last event is left out": (lambda one: replace(one, events=one.events[:-1]), "4 events"),
    "all are left out": (lambda one: replace(one, events=()), "0 events"),
    "the first is left out": (lambda one: replace(one, events=one.events[1:]), "4 events"),
    "one stands for another": (
        lambda one: replace(one, events=(*one.events[:2], one.events[1], *one.events[3:])),
        "Event 3 is version 2",
    ),
    "two are exchanged": (
        lambda one: replace(one, events=(one.events[1], one.events[0], *one.events[2:])),
        "Event 1 is version 2",
    ),
    "one is of another stream": (_event(0, entry=HISTORY.sealed[0]), "Event 1 is version 1 of"),
    "one was changed": (_event(1, entry=PROOF.events[1].entry[:-1] + b" "), "is not at position"),
    "one is of another place": (
        _event(4, position=99, entry=sealed({**ROW, "position": 99, "stream_id": STREAM, "version": 5})),
        "is not at position 99",
    ),
    "one is of the place of another": (
        _event(4, position=1, entry=sealed({**ROW, "position": 1, "stream_id": STREAM, "version": 5})),
        "at position 1, and the one before it at",
    ),
    "one is none": (_event(2, entry=b"pulseops/event/1\n"), "Event 3 is none"),
    "a path is another's": (_event(1, hashes=PROOF.events[2].hashes), "is not at position"),
    "its version is lowered": (_lowered, "not in the register"),
    "its version is lowered and signed": (_signed_lower, "not the one that the register has"),
    "its entry is another's": (lambda one: replace(one, listed=(HISTORY.listed(3),)), "may be one"),
    "its entry is at another place": (
        lambda one: replace(one, listed=(replace(one.listed[0], index=3),)),
        "not in the register",
    ),
    "an entry is too short": (
        lambda one: replace(one, listed=(replace(one.listed[0], entry=b"x"),)),
        "not in the register",
    ),
    "nobody signed": (
        lambda one: replace(one, register=note(HISTORY.register(), OTHER)),
        "not to be trusted",
    ),
    "somebody else signed, who is trusted for other logs": (
        lambda one: replace(one, register=note(HISTORY.register(), STRANGER)),
        "not to be trusted",
    ),
    "it is a checkpoint": (
        lambda one: replace(one, register=signed(str(HISTORY.log), [SIGNER])),
        "not to be trusted",
    ),
    "its position is another's": (_event(4, position=1), "Event 5 is version 5 of"),
    "it is told to be of another size": (lambda one: replace(one, as_of=19), "as of 18"),
    "the register is of another size": (
        lambda one: replace(one, as_of=19, register=note(History(3, 1, 5, 2, 2, 4, 2).register())),
        "not in the register",
    ),
    "it is about another": (lambda one: replace(one, stream=UUID(int=1)), "may be one"),
}


@pytest.mark.parametrize("how", BENT)
def test_a_proof_that_was_bent_proves_nothing_and_says_why(how: str) -> None:
    bend, why = BENT[how]
    assert checked(PROOF)
    with pytest.raises(NotProved, match=why):
        checked(bend(PROOF))


def test_a_register_of_another_log_proves_nothing_of_this_one() -> None:
    with pytest.raises(NotProved, match="of pulseops/test/default"):
        checked(PROOF, log="acme")


def test_what_is_sealed_of_an_event_tells_its_place() -> None:
    assert place(PROOF.events[1].entry) == (9, STREAM, 2)
    for short in (b"", b"pulseops/event/1\n", PROOF.events[0].entry[1:]):
        with pytest.raises(ValueError, match="no event"):
            place(short)


@given(st.lists(st.integers(0, 700), max_size=5))
def test_a_tree_that_is_gone_through_has_the_root_of_all_so_far(pieces: list[int]) -> None:
    tree, leaves = Growing(), list[bytes]()
    for piece in pieces:
        more = [leaf_hash(b"%d" % (len(leaves) + at)) for at in range(piece)]
        tree.add(more)
        leaves += more
        assert (tree.size, tree.root) == (len(leaves), root_of(leaves) if leaves else EMPTY)
