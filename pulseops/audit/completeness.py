"""That nothing was left out of a stream: what proves it, and the check of a proof. Pure.

Whoever trusts the register's signature needs nothing else: neither the rest of the log nor who showed it.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn
from uuid import UUID

from msgspec import Struct

from pulseops.audit.leaf import place
from pulseops.audit.merkle import EMPTY, included, leaf_hash
from pulseops.audit.note import NotSigned, Verifier, opened
from pulseops.audit.proof import NotProved
from pulseops.audit.register import Entry, NotARegister, Register, speakers


class Listed(Struct, frozen=True, kw_only=True):
    """An entry of the register, from 0 the `index`-th: `hashes` lead from it to the register's root."""

    entry: bytes
    index: int
    hashes: tuple[bytes, ...]


class Sealed(Struct, frozen=True, kw_only=True):
    """What was sealed of an event, byte for byte: `hashes` lead from it to the root of the log."""

    position: int
    entry: bytes
    hashes: tuple[bytes, ...]


class Completeness(Struct, frozen=True, kw_only=True, rename="camel"):
    """That `events` are all of a stream, such as an incident, among the first `asOf` of the log.

    `register` is a signed note: of each stream how many events it has. `listed` is the stream's entry; of one
    that has no event then, those between which it would be, or the one at whose side. How many events the log
    had since is `since`: of those this says nothing.
    """

    stream: UUID
    as_of: int
    since: int
    register: str
    listed: tuple[Listed, ...]
    events: tuple[Sealed, ...] = ()

    def check(self, verifiers: Iterable[Verifier], *, log: str | None = None) -> Register:
        """The register by which it is so, of any log or of the one of this name.

        Raises NotProved, which says what is wrong.
        """
        note, believed = self.register.encode(), list(verifiers)
        try:
            register = Register.parsed(opened(note, speakers(note, believed)))
        except (NotSigned, NotARegister) as error:
            raise NotProved(f"Its register is not to be trusted: {error}") from error
        if log is not None and register.log.origin not in {f"{one.name}/{log}" for one in believed}:
            _fail(f"Its register is of {register.log.origin}.")
        hold(self, register)
        return register

    def told(self, register: Register) -> str:
        """What is proved, in a sentence."""
        whose = f"the first {register.log.size:,} events of {register.log.origin}"
        if not self.events:
            return f"There is no event of {self.stream} among {whose}."
        places = ", ".join(str(one.position) for one in self.events)
        return f"{self.stream} has {len(self.events):,} events and no others among {whose}: {places}."


def hold(proof: Completeness, register: Register) -> None:
    """That it follows from the register, whoever signed that. Raises NotProved."""
    if proof.as_of != register.log.size:
        _fail(f"Its register is as of {register.log.size}.")
    entries = [_listed(one, register) for one in proof.listed]
    if [one.stream for one in entries] == [proof.stream]:
        _whole(entries[0], proof.events, register)
        return
    _absent(proof.stream, entries, proof.listed, register)
    if proof.events:
        _fail("It shows events of a stream that the register has not.")


def _listed(one: Listed, register: Register) -> Entry:
    if not included(leaf_hash(one.entry), one.index, register.entries, one.hashes, register.root):
        _fail(f"Entry {one.index} is not in the register.")
    try:
        return Entry.parsed(one.entry)
    except NotARegister as error:
        raise NotProved(f"Entry {one.index} is none: {error}") from error


def _whole(entry: Entry, events: Sequence[Sealed], register: Register) -> None:
    if not events or len(events) != entry.version:
        _fail(f"It shows {len(events)} events, and the stream has {entry.version}.")
    last = 0
    for number, one in enumerate(events, start=1):
        try:
            position, stream, version = place(one.entry)
        except ValueError as error:
            raise NotProved(f"Event {number} is none.") from error
        if (stream, version, position) != (entry.stream, number, one.position):
            _fail(f"Event {number} is version {version} of {stream}, at position {position}.")
        if position <= last:
            _fail(f"Event {number} is at position {position}, and the one before it at {last}.")
        if not included(leaf_hash(one.entry), position - 1, register.log.size, one.hashes, register.log.root):
            _fail(f"Event {number} is not at position {position} of the log.")
        last = position
    if leaf_hash(events[-1].entry) != entry.leaf:
        _fail("Its last event is not the one that the register has.")


def _absent(stream: UUID, entries: Sequence[Entry], listed: Sequence[Listed], register: Register) -> None:
    """That there is no entry of it: its neighbours follow one another, or it has one only, at an end."""
    sides = [(one.stream > stream) - (one.stream < stream) for one in entries]
    match sides, [one.index for one in listed]:
        case [], []:
            fits = not register.entries and register.root == EMPTY
        case [-1, 1], [left, right]:
            fits = right == left + 1
        case [-1], [last]:
            fits = last == register.entries - 1
        case [1], [first]:
            fits = first == 0
        case _:
            fits = False
    if not fits:
        _fail(f"Between the entries that it shows there may be one of {stream}.")


def _fail(why: str) -> NoReturn:
    raise NotProved(why)
