"""What is asked of history and what it answers. The same shapes in Python, in JSON and in `append_v2`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from pulseops.kernel.envelope import Fact, Meta

Verdict = Literal["stored", "replayed", "conflict", "reused", "taken", "void"]


class NewEvent(Struct, frozen=True, kw_only=True):
    """A fact on its way into history."""

    type: str
    schema_version: int
    event_id: UUID
    occurred_at: datetime
    data: Fact
    meta: Meta


class AppendRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Events for one stream, all or none, if it is still at `expected_version` (0: it does not exist).

    A request whose `command_id` was stored before is answered with the first result, unless its
    `fingerprint` differs. `take` and `release` are names (see `kernel.decider.Claims`). Without events only
    the command is recorded, and no name is touched. Requests of one `bundle`, a number that only counts
    within its batch, are stored together or not at all; the gateway gives it.
    """

    stream_id: UUID
    expected_version: int
    command_id: UUID
    events: tuple[NewEvent, ...]
    fingerprint: UUID | None = None
    take: str | None = None
    release: str | None = None
    bundle: int | None = None


class AppendResult(Struct, frozen=True, kw_only=True):
    """What became of a request.

    stored, replayed: `version` and `position` are those of the request's last event (without events: of the
    stream's, 0 when it has none), `recorded_at` its time, `stream_id` the stream it went to; for a replay all
    of this is as it was the first time.
    conflict: `version` is the stream's current one. taken: `stream_id` holds the name.
    reused: the command id was used before with another fingerprint.
    void: nothing is wrong with it, but another request of its bundle was not stored; `version` is as for a
    conflict. A whole bundle that is repeated is `replayed`, each request of it.
    """

    verdict: Verdict
    stream_id: UUID
    version: int
    position: int
    recorded_at: datetime | None = None
