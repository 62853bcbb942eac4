"""The register of a log at a size: each stream and how many events it has, so that none is left out. Pure.

An entry is 52 bytes: the stream's id (16), its version (4, big-endian) and the hash of its last event (32).
The register is the tree of RFC 9162 over the entries, in the order of the ids. It is told in a signed note of
the form of a checkpoint:

    pulseops/0123456789abcdef/default/register/4711      whose register, and of how many events
    1234                                                 streams
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=         root over their entries
    pulseops/0123456789abcdef/default 4711 cGFnZQ…=      the log: its first events, and the root over these

Its origin names the size, so that each register is a tree of its own: two roots for one are a fork.
"""

import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from uuid import UUID

from msgspec import Struct

from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.note import Verifier
from pulseops.audit.packed import packed
from pulseops.kernel.errors import PulseOpsError

_ENTRY = struct.Struct(">16sI32s")
ENTRY = _ENTRY.size
"""Bytes of an entry."""
_NAMED = re.compile(r"(.+)/register/(0|[1-9][0-9]{0,18})")


class NotARegister(PulseOpsError):
    """This is no register of a log."""

    code = "not-a-register"


class Entry(Struct, frozen=True):
    """The last event of a stream: its version is how many there are."""

    stream: UUID
    version: int
    leaf: bytes

    def __bytes__(self) -> bytes:
        return _ENTRY.pack(self.stream.bytes, self.version, self.leaf)

    @classmethod
    def parsed(cls, entry: bytes) -> "Entry":
        """Raises NotARegister."""
        if len(entry) != ENTRY:
            raise NotARegister(f"An entry has {ENTRY} bytes.")
        stream, version, leaf = _ENTRY.unpack(entry)
        return cls(UUID(bytes=stream), version, leaf)


class Register(Struct, frozen=True, kw_only=True):
    """So many entries and the root over them, of the `log` at its size."""

    log: Checkpoint
    entries: int
    root: bytes

    @property
    def origin(self) -> str:
        return f"{self.log.origin}/register/{self.log.size}"

    def __str__(self) -> str:
        """The text that is signed."""
        told = Checkpoint(origin=self.origin, size=self.entries, root=self.root)
        return f"{told}{self.log.origin} {self.log.size} {packed(self.log.root)}\n"

    @classmethod
    def parsed(cls, text: str) -> "Register":
        """Raises NotARegister."""
        try:
            told = Checkpoint.parsed(text)
            log = Checkpoint.parsed("\n".join(text.splitlines()[-1].rsplit(" ", 2)) + "\n")
        except NotACheckpoint as error:
            raise NotARegister from error
        found = cls(log=log, entries=told.size, root=told.root)
        if str(found) != text:
            raise NotARegister("Its lines do not fit each other.")
        return found


def is_register(text: str) -> bool:
    """Whether a signed text is told to be one, rather than a checkpoint."""
    return _NAMED.fullmatch(text.partition("\n")[0]) is not None


def speakers(note: bytes, verifiers: Iterable[Verifier]) -> Sequence[Verifier]:
    """Those that speak for the log that a checkpoint or a register is about: its name begins with theirs."""
    origin = note.partition(b"\n")[0].decode(errors="replace")
    named = _NAMED.fullmatch(origin)
    log = origin if named is None else named[1]
    return [one for one in verifiers if one.name == log.rpartition("/")[0]]


def divided(page: bytes) -> list[bytes]:
    """The entries that lie one after the other."""
    return [page[at : at + ENTRY] for at in range(0, len(page), ENTRY)]


def stream_of(entry: bytes) -> bytes:
    """By which entries are sorted."""
    return entry[:16]


def version_of(entry: bytes) -> int:
    return int.from_bytes(entry[16:20], "big")


def up_to(entries: Sequence[bytes], stream: bytes) -> int:
    """How many of the entries, which are sorted, are of this stream or of one before it."""
    return bisect_right(entries, stream, key=stream_of)
