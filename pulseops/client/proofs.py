"""`client.proofs`: what was signed of history, and proofs that it is still so.

What is answered is checked by whoever asked, against public keys of their own: each proof has a `check`.
"""

from collections.abc import Callable, Mapping

from pulseops.audit.completeness import Completeness
from pulseops.audit.proof import Consistency, Inclusion, Proof
from pulseops.audit.tiles import WIDTH, Path, Place
from pulseops.client.call import Call, Id, T, Value, get, identity, parameters
from pulseops.client.method import Room, W, method

_INCLUSION = "/audit/proofs/inclusion"


class Proofs(Room[W]):
    """That an event is in history as it was signed, and that history only grew."""

    @method
    def checkpoint(self) -> Call[str]:
        """The newest one, as it was signed: keep it where nobody who has the database can change it."""
        return _plain("/audit/checkpoint", "text/plain", _text)

    @method
    def tile(self, level: int, index: int, *, width: int = WIDTH) -> Call[bytes]:
        """The hashes of a tile (C2SP tlog-tiles), or its first ones."""
        path = Path(Place(level, index), width)
        return _plain(f"/audit/tile/{path}", "application/octet-stream", bytes)

    @method
    def inclusion(
        self,
        *,
        position: int | None = None,
        event: Id | None = None,
        incident: Id | None = None,
        version: int | None = None,
        size: int | None = None,
    ) -> Call[Inclusion]:
        """That an event is in history: the one at a position, of an id, or of an incident and its version.

        Among the first `size` events, else among all that are signed.
        """
        wanted = _which(position, event, incident, version)
        return get(_INCLUSION, Inclusion, {**wanted, "size": size})

    @method
    def text(
        self,
        *,
        position: int | None = None,
        event: Id | None = None,
        incident: Id | None = None,
        version: int | None = None,
    ) -> Call[Proof]:
        """The same as a C2SP tlog-proof, under the newest checkpoint; `str` of it is the file."""
        wanted = _which(position, event, incident, version)
        return _plain(_INCLUSION, "text/plain", lambda body: Proof.parsed(body.decode()), wanted)

    @method
    def consistency(self, older: int, newer: int | None = None) -> Call[Consistency]:
        """That the first `newer` events, else all that are signed, begin with the first `older`."""
        return get("/audit/proofs/consistency", Consistency, {"from": older, "to": newer})

    @method
    def register(self) -> Call[str]:
        """The newest one, as it was signed: which incidents there are, and how many events each has."""
        return _plain("/audit/register", "text/plain", _text)

    @method
    def completeness(self, incident: Id) -> Call[Completeness]:
        """All events of an incident as of the newest register, and that there are no others."""
        return get("/audit/proofs/completeness", Completeness, {"incident": identity(incident)})


def _which(
    position: int | None, event: Id | None, incident: Id | None, version: int | None
) -> dict[str, Value]:
    return {
        "position": position,
        "eventId": None if event is None else identity(event),
        "incident": None if incident is None else identity(incident),
        "version": version,
    }


def _plain(
    path: str, media: str, read: Callable[[bytes], T], query: Mapping[str, Value] | None = None
) -> Call[T]:
    return Call(
        method="GET",
        path=path,
        read=read,
        query=parameters(query or {}),
        headers={"Accept": media},
        media=media,
    )


def _text(body: bytes) -> str:
    return body.decode()
