"""`pulseops audit prove` and `check`: a proof from the server, and what it is worth without any server."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from cyclopts import App, Parameter
from msgspec import Struct
from msgspec.structs import replace

from pulseops.audit.checkpoint import Checkpoint, NotACheckpoint
from pulseops.audit.cloudevent import CloudEvent, NotAnEvent
from pulseops.audit.completeness import Completeness
from pulseops.audit.note import NotSigned, Verifier, opened
from pulseops.audit.proof import Consistency, Inclusion, NotAProof, NotProved, Proof
from pulseops.audit.register import speakers
from pulseops.cli.database import Json, print_structs, stop
from pulseops.cli.render import put, say
from pulseops.cli.reply import WholeId
from pulseops.cli.speak import PLAINLY, REFUSED, USAGE, Speak, print_json, speaking
from pulseops.cli.trust import taken, trusted
from pulseops.cli.words import harmless
from pulseops.client import Terms

proofs = App()

_Proof: TypeAlias = Proof | Inclusion | Consistency | Completeness
_PATIENT = Terms(tries=5, longest_pause=2.0)
_MARK = b"c2sp.org/tlog-proof@"


class Checked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a proof shows, as `--json` tells of it."""

    origin: str
    size: int
    event: CloudEvent | None = None
    since: int | None = None
    whole: str | None = None


@proofs.command
def prove(
    position: int | None = None,
    /,
    *,
    event_id: WholeId | None = None,
    incident: WholeId | None = None,
    version: int | None = None,
    since: int | None = None,
    size: int | None = None,
    speak: Speak = PLAINLY,
) -> None:
    """Print a proof that an event is in history as it was signed, or that history only grew.

    It comes from the server, and `pulseops audit check` says what it is worth. That of an event is a C2SP
    tlog-proof, with --json or --size JSON that has the event besides; that history only grew is JSON. What
    was recorded a moment ago is asked for again, for some seconds, until it is signed.

    Parameters
    ----------
    position
        The event at this position of the log.
    event_id
        The event of this id; its position is found quicker.
    incident
        An event of this incident, with --version.
    version
        The version that the event gave to the incident.
    since
        That history only grew since it had so many events.
    size
        Among the first so many events; else among all that are signed.
    """
    named = sum(one is not None for one in (position, event_id, incident, since))
    if named != 1 or (incident is None) != (version is None):
        raise stop("Name one event: POSITION, --event-id, or --incident and --version; or --since.", USAGE)
    with speaking(speak) as asked:
        client = asked.under(_PATIENT)
        if since is not None:
            print_json(client.proofs.consistency.answer(since, size).body)
        elif speak.json or size is not None:
            found = client.proofs.inclusion.answer(
                position=position, event=event_id, incident=incident, version=version, size=size
            )
            print_json(found.body)
        else:
            text = client.proofs.text(position=position, event=event_id, incident=incident, version=version)
            put(str(text))


@proofs.command
def check(
    proof: Path,
    /,
    *,
    key: Path | None = None,
    event: Path | None = None,
    against: Annotated[Path | None, Parameter(negative=())] = None,
    json: Json = False,
) -> None:
    """Hold a proof against a public key, without any server. Exits with 1 when it shows nothing.

    Parameters
    ----------
    proof
        What `pulseops audit prove` or `complete --json` printed; `-` reads it from standard input.
    key
        The public keys that are trusted, a line each; else the home's audit.pub.
    event
        A line of an export: the event that must be the one that is proved.
    against
        A checkpoint that was kept: what history grew from, or what an event must be in, instead of the
        checkpoint in its proof.
    json
        Print what is proved as JSON.
    """
    believed, kept = trusted(key), None if against is None else taken(against)
    try:
        found = _read(sys.stdin.buffer.read() if str(proof) == "-" else taken(proof))
        line = None if event is None else CloudEvent.parsed(taken(event))
        shown = _shown(found, believed, line, kept)
    except (NotAProof, NotProved, NotAnEvent) as error:
        raise stop(str(error), REFUSED) from error
    if json:
        print_structs(shown)
    else:
        say(harmless(_told(shown)))


def _read(text: bytes) -> _Proof:
    """Raises NotAProof."""
    try:
        if text.startswith(_MARK):
            return Proof.parsed(text.decode())
        fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        if "from" in fields:
            return msgspec.json.decode(text, type=Consistency)
        if "listed" in fields:
            return msgspec.json.decode(text, type=Completeness)
        return msgspec.json.decode(text, type=Inclusion)
    except RecursionError:
        raise NotAProof("The event is nested too deeply for JSON: take the proof as text.") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise NotAProof(f"{NotAProof.__doc__} {error}") from None


def _shown(
    found: _Proof, believed: Sequence[Verifier], line: CloudEvent | None, kept: bytes | None
) -> Checked:
    """Raises NotProved, NotAnEvent."""
    if isinstance(found, Completeness):
        register = found.check(believed)
        return Checked(origin=register.log.origin, size=register.log.size, whole=found.told(register))
    if isinstance(found, Consistency):
        if kept is None:
            raise stop("Name the checkpoint that was kept with --against.", USAGE)
        older = _checkpoint(kept, believed)
        signed = found.check(older, believed)
        return Checked(origin=signed.origin, size=signed.size, since=older.size)
    if isinstance(found, Inclusion):
        event = found.event
        signed = found.check(believed, kept=None if kept is None else kept.decode(errors="replace"))
    else:
        event = _event(found, line)
        held = found if kept is None else replace(found, checkpoint=kept.decode(errors="replace"))
        signed = held.check(event.entry, believed)
        if event.position != str(found.index + 1):
            raise NotProved(f"Leaf {found.index} is not the event at position {event.position}.")
    if line is not None and line.entry != event.entry:
        raise NotProved("The event is not the one that is proved.")
    return Checked(origin=signed.origin, size=signed.size, event=event)


def _event(proof: Proof, line: CloudEvent | None) -> CloudEvent:
    """What is to be proved: what the proof itself has, for no two of them can be."""
    if proof.entry is not None:
        return CloudEvent.of_entry(proof.entry)
    if line is None:
        raise stop("This proof has not the event in it: name it with --event.", USAGE)
    return line


def _checkpoint(note: bytes, believed: Sequence[Verifier]) -> Checkpoint:
    try:
        return Checkpoint.parsed(opened(note, speakers(note, believed)))
    except (NotSigned, NotACheckpoint) as error:
        raise NotProved(f"The checkpoint that was kept is not to be trusted: {error}") from error


def _told(shown: Checked) -> str:
    if shown.whole is not None:
        return shown.whole
    if shown.event is None:
        whole = f"The {shown.size:,} events that {shown.origin} signed"
        return f"{whole} begin with the {shown.since:,} of the checkpoint that was kept."
    one = shown.event
    what = f"Event {one.position}, {one.type} of {one.subject}, recorded {one.recordedtime.isoformat()}"
    return f"{what}, is among the {shown.size:,} that {shown.origin} signed."
