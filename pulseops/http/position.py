"""Places in the log, as the API speaks of them: told by each answer, asked for by each read."""

from typing import Annotated

from msgspec import Meta, Struct

from pulseops.http.refusal import Header

HEADER = "X-PulseOps-Position"

Position = Annotated[
    int, Meta(ge=0, le=2**63 - 1, description="Wait until everything up to this position of the log shows.")
]


class Least(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new an answer must be at least."""

    min_position: Position | None = None


def place(position: int) -> Header:
    return b"x-pulseops-position", b"%d" % position
