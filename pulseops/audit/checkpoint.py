"""What is published of a log: how long it is, and the root of its tree (C2SP tlog-checkpoint). Pure."""

import re

from msgspec import Struct

from pulseops.audit.merkle import HASH
from pulseops.audit.packed import packed, unpacked
from pulseops.kernel.errors import PulseOpsError

_TEXT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]+=*)\n(?:[^\n]+\n)*")


class NotACheckpoint(PulseOpsError):
    """This is no checkpoint of a log."""

    code = "not-a-checkpoint"


class Checkpoint(Struct, frozen=True, kw_only=True):
    """Of the log `origin`: the first `size` events, and the root over them. Event 1 is leaf 0."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{packed(self.root)}\n"

    @classmethod
    def parsed(cls, text: str) -> "Checkpoint":
        """Raises NotACheckpoint. Lines beyond the third say nothing here."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise NotACheckpoint
        origin, size, root = found.groups()
        whole = unpacked(root)
        if len(whole) != HASH:
            raise NotACheckpoint("Its root is no hash.")
        return cls(origin=origin, size=int(size), root=whole)
