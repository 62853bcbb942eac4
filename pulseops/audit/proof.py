"""What an auditor is handed, and holds against a public key alone. Pure.

`Proof` says that an event is in the tree that was signed, as text a C2SP tlog-proof; `Inclusion` says it in
JSON, with the event. `Consistency` says that a tree only added to an older one.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.cloudevent import CloudEvent, NotAnEvent
from pulseops.audit.merkle import HASH, consistent, included, leaf_hash
from pulseops.audit.note import NotSigned, Verifier, opened
from pulseops.audit.packed import packed
from pulseops.audit.register import speakers
from pulseops.kernel.errors import PulseOpsError

_FIRST = "c2sp.org/tlog-proof@v1"
_TEXT = re.compile(
    rf"{re.escape(_FIRST)}\n(?:extra ([A-Za-z0-9+/]+=*)\n)?index (0|[1-9][0-9]{{0,18}})\n"
    # Control characters are in no note, and might do harm where it is printed.
    r"((?:[A-Za-z0-9+/]{43}=\n)*)\n((?:[^\x00-\x1f\x7f-\x9f]|\n)+\n)"
)
_MOST = 64
"""Hashes of a proof: no tree is higher."""


class NotAProof(PulseOpsError):
    """This is no proof."""

    code = "not-a-proof"


class NotProved(PulseOpsError):
    """The proof does not show what it should."""

    code = "not-proved"


class Tree(Struct, frozen=True, kw_only=True):
    """The first `size` events of a log, and the root over them."""

    size: int
    root: bytes


class Proof(Struct, frozen=True, kw_only=True):
    """That leaf `index` is in the tree of `checkpoint`, a signed note. `entry` is what was sealed of it."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    entry: bytes | None = None

    def __str__(self) -> str:
        """As text (C2SP tlog-proof); the entry is its extra data."""
        extra = [] if self.entry is None else [f"extra {packed(self.entry)}"]
        lines = [_FIRST, *extra, f"index {self.index}", *map(packed, self.hashes), "", self.checkpoint]
        return "\n".join(lines)

    @classmethod
    def parsed(cls, text: str) -> "Proof":
        """Raises NotAProof."""
        lines = _TEXT.fullmatch(text)
        if lines is None:
            raise NotAProof(f"{NotAProof.__doc__} It is not as {_FIRST} says.")
        extra, index, hashes, checkpoint = lines.groups()
        try:
            found = cls(
                index=int(index),
                hashes=tuple(map(b64decode, hashes.split())),
                checkpoint=checkpoint,
                entry=None if extra is None else b64decode(extra),
            )
        except binascii.Error:
            raise NotAProof(f"{NotAProof.__doc__} A line of it is not base64.") from None
        if str(found) != text:
            raise NotAProof(f"{NotAProof.__doc__} Base64 has one form.")
        return found

    def check(self, entry: bytes, verifiers: Iterable[Verifier]) -> Checkpoint:
        """The checkpoint that `entry` is proved to be under. Raises NotProved."""
        signed = _signed(self.checkpoint, verifiers)
        if self.entry not in {None, entry}:
            raise NotProved("The proof is of another event.")
        if not 0 <= self.index < signed.size:
            raise NotProved(f"Leaf {self.index} is not among the {signed.size} that were signed.")
        fit = _fit(self.hashes)
        if not (fit and included(leaf_hash(entry), self.index, signed.size, self.hashes, signed.root)):
            raise NotProved("The hashes do not lead from the event to the root that was signed.")
        return signed


class Inclusion(Struct, frozen=True, kw_only=True, rename="camel"):
    """That an event is among the first `size` of a log: `hashes` lead from its `leafHash` to the `root`.

    `index` is its place in the tree, from 0. `entry` is what was sealed of the event, byte for byte.
    `checkpoint` is the note that was signed of a tree of that size; null where none was.
    """

    position: int
    index: int
    leaf_hash: bytes
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str | None
    entry: bytes
    event: CloudEvent

    def check(self, verifiers: Sequence[Verifier], *, kept: str | None = None) -> Checkpoint:
        """As `Proof.check`, and that the rest fits. `kept`: a note to hold it against instead of its own."""
        note = self.checkpoint if kept is None else kept
        if note is None:
            raise NotProved("It has no checkpoint: hold it against one of its size that was kept.")
        proof = Proof(index=self.index, hashes=self.hashes, checkpoint=note)
        try:
            told = self.event.entry
        except NotAnEvent as error:
            raise NotProved(str(error)) from error
        if told != self.entry:
            raise NotProved("The event is not what was sealed.")
        if self.leaf_hash != leaf_hash(self.entry):
            raise NotProved("The hash of the leaf is not that of the event.")
        if not int(self.event.position) == self.position == self.index + 1:
            raise NotProved(f"Leaf {self.index} is not the event at position {self.event.position}.")
        signed = _signed(note, verifiers)
        if (self.size, self.root) != (signed.size, signed.root):
            raise NotProved("It is about another tree than the one that was signed.")
        return proof.check(self.entry, verifiers)


class Consistency(Struct, frozen=True, kw_only=True):
    """That the tree `to` only added to the tree `from`.

    `checkpoint` is the note that was signed of the tree `to`; null where none was.
    """

    older: Tree = msgspec.field(name="from")
    newer: Tree = msgspec.field(name="to")
    hashes: tuple[bytes, ...]
    checkpoint: str | None

    def check(self, kept: Checkpoint, verifiers: Iterable[Verifier]) -> Checkpoint:
        """What was signed and only added to `kept`. Raises NotProved."""
        if self.checkpoint is None:
            raise NotProved("It has no checkpoint: ask for it up to what was signed.")
        signed = _signed(self.checkpoint, verifiers)
        if signed.origin != kept.origin:
            raise NotProved(f"It is of {signed.origin}, and what was kept is of {kept.origin}.")
        if (self.newer.size, self.newer.root) != (signed.size, signed.root):
            raise NotProved("It is about another tree than the one that was signed.")
        if self.older.size != kept.size:
            raise NotProved(f"It begins at {self.older.size} events, and what was kept is of {kept.size}.")
        if self.older.root != kept.root:
            raise NotProved(f"The first {kept.size} events are not those that were kept.")
        fit = _fit(self.hashes)
        if not (fit and consistent(kept.size, kept.root, signed.size, signed.root, self.hashes)):
            raise NotProved("The hashes do not lead from what was kept to what was signed.")
        return signed


def _signed(note: str, verifiers: Iterable[Verifier]) -> Checkpoint:
    """Of a key that speaks for the log that the note is about. Raises NotProved."""
    whole = note.encode()
    try:
        return Checkpoint.parsed(opened(whole, speakers(whole, verifiers)))
    except (NotSigned, NotACheckpoint) as error:
        raise NotProved(f"The checkpoint is not to be trusted: {error}") from error


def _fit(hashes: Sequence[bytes]) -> bool:
    return len(hashes) <= _MOST and all(len(one) == HASH for one in hashes)
