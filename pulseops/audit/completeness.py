"""That nothing was left out of a stream: what proves it, and the check of a proof. Pure.

Whoever trusts the register's signature needs nothing else: neither the rest of the log nor who showed it.
"""

from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

from msgspec import Struct

from pulseops.audit.leaf import place
from pulseops.audit.merkle import EMPTY, included, leaf_hash
from pulseops.audit.note import NotSigned, Verifier, opened
from pulseops.audit.register import Entry, NotARegister, Register
from pulseops.kernel.errors import PulseOpsError


class NotProved(PulseOpsError):
    """This does not prove it."""

    code = "not-proved"


class Listed(Struct, frozen=True, kw_only=True):
    """An entry of the register, the `index`-th from 0, and the hashes from it up to the root."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]


class Sealed(Struct, frozen=True, kw_only=True):
    """What is sealed of an event (`audit/leaf.py`), and the hashes from it up to the root of the log."""

    event: bytes
    path: tuple[bytes, ...]


class Proof(Struct, frozen=True, kw_only=True):
    """Of a stream: `listed` is its entry, and `events` are all of them.

    Of a stream that has none: `listed` are the entries between which it would be, or the one at whose side.
    """

    stream: UUID
    register: str
    listed: tuple[Listed, ...]
    events: tuple[Sealed, ...] = ()


class Whole(Struct, frozen=True, kw_only=True):
    """What is proved: in the first `register.log.size` events these are all of the stream's, by position."""

    register: Register
    positions: tuple[int, ...]


def check(proof: Proof, stream: UUID, verifiers: Sequence[Verifier], *, log: str) -> Whole:
    """Of the log of this name. Raises NotProved, which says what is wrong."""
    try:
        register = Register.parsed(opened(proof.register.encode(), verifiers))
        entries = [_listed(one, register) for one in proof.listed]
    except (NotSigned, NotARegister) as error:
        raise NotProved(f"Its register is not to be trusted: {error}") from error
    if register.log.origin not in {f"{one.name}/{log}" for one in verifiers}:
        _fail(f"Its register is of {register.log.origin}.")
    if proof.stream != stream:
        _fail(f"It is about {proof.stream}.")
    if [one.stream for one in entries] == [stream]:
        return Whole(register=register, positions=_whole(entries[0], proof.events, register))
    _absent(stream, entries, proof.listed, register)
    if proof.events:
        _fail("It shows events of a stream that the register has not.")
    return Whole(register=register, positions=())


def _listed(one: Listed, register: Register) -> Entry:
    if not included(leaf_hash(one.entry), one.index, register.entries, one.path, register.root):
        _fail(f"Entry {one.index} is not in the register.")
    return Entry.parsed(one.entry)


def _whole(entry: Entry, events: Sequence[Sealed], register: Register) -> tuple[int, ...]:
    if not events or len(events) != entry.version:
        _fail(f"It shows {len(events)} events, and the stream has {entry.version}.")
    positions = list[int]()
    for number, one in enumerate(events, start=1):
        try:
            position, stream, version = place(one.event)
        except ValueError as error:
            raise NotProved(f"Event {number} is none.") from error
        if (stream, version) != (entry.stream, number):
            _fail(f"Event {number} is version {version} of {stream}.")
        if positions and position <= positions[-1]:
            _fail(f"Event {number} is at position {position}, behind which others of it came before.")
        if not included(leaf_hash(one.event), position - 1, register.log.size, one.path, register.log.root):
            _fail(f"Event {number} is not at position {position} of the log.")
        positions.append(position)
    if leaf_hash(events[-1].event) != entry.leaf:
        _fail("Its last event is not the one that the register has.")
    return tuple(positions)


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
    raise NotProved(f"{NotProved.__doc__} {why}")
