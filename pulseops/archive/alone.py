"""Verify an export of PulseOps alone: `python verify.py FILE --key PUB`. Needs Python 3.9, and nothing else.

Beside FILE lie FILE.manifest.json, which has the signed checkpoint, and FILE.hashes: a line for each event of
the export, its position and the hash that was sealed of it, and one for each stretch that was left out, its
first and last position and the hash of the tree over it. PUB has the public keys that are trusted.

First all hashes must give the root that was signed. Then each event must give its own: where one does not,
its line was altered. Last, all must be to the byte what the manifest says.

    notes, checkpoints    c2sp.org/signed-note, c2sp.org/tlog-checkpoint; Ed25519: RFC 8032, section 5.1
    the tree              RFC 9162, section 2.1: a leaf is sha256(0 | event), a node sha256(1 | left | right)
    an event's bytes      "pulseops/event/1\\n"; position, stream, event and command id, version, schema
                          version and two times in microseconds; then type, data and meta, each with its
                          length before it. Data and meta are RFC 8785 JSON
"""

from __future__ import annotations

import argparse
import binascii
import json
import re
import struct
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import reduce
from hashlib import sha256, sha512
from io import TextIOWrapper
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = "pulseops/export/1"
FIELDS: Mapping[str, Any] = {
    **dict.fromkeys(("format", "log", "source", "sha256", "hashesSha256"), (str,)),
    **dict.fromkeys(("after", "upTo", "events", "bytes", "hashesBytes"), (int,)),
    **dict.fromkeys(("types", "incidents"), (list,)),
    **dict.fromkeys(("since", "until", "root", "checkpoint"), (str, type(None))),
    "size": (int, type(None)),
}
"""Of a manifest. Of what is not signed size, root and checkpoint are null."""
LONGEST = 1 << 30  # bytes of a line: no event has more
LONGEST_TOLD = 500  # characters of a text that stands in a file


class Wrong(Exception):
    """Why the export is not to be trusted; where it can be told, what differs first."""

    def __init__(
        self, why: str, position: int = 0, field: str = "", expected: Any = "", found: Any = ""
    ) -> None:
        self.position, self.field = position, harmless(field)
        self.expected, self.found = harmless(str(expected)), harmless(str(found))
        differs = f": {self.field} should be {self.expected}, and is {self.found}." if field else ""
        super().__init__(f"{harmless(why)}{differs}")


def harmless(text: str) -> str:
    """What a terminal shows as it is: whoever made a file does not get to speak in our name."""
    text = text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}…"
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


class Key(NamedTuple):
    """Of a public key: whose it is, the id that signatures bear, and its 32 bytes."""

    name: str
    id: bytes
    public: bytes


class Checkpoint(NamedTuple):
    """What was signed: of the log `origin` the first `size` events, and the root over them."""

    origin: str
    size: int
    root: bytes


# Ed25519.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202, 4 * pow(5, -1, P) % P)


def plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    xx, yy = a[0] * b[0], a[1] * b[1]
    t = D * xx * yy
    return (a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P) % P, (yy + xx) * pow(1 - t, -1, P) % P


def times(number: int, point: tuple[int, int]) -> tuple[int, int]:
    found = (0, 1)
    for bit in f"{number:b}":
        found = plus(found, found)
        found = plus(found, point) if bit == "1" else found
    return found


def point_of(text: bytes) -> tuple[int, int] | None:
    """Of its 32 bytes, which have one form only."""
    whole = int.from_bytes(text, "little")
    sign, y = whole >> 255, whole & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x), y


def agrees(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether it is the key's signature of the text. A key of small order would sign any text."""
    key, s = point_of(public), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L or key is None or times(8, key) == (0, 1):
        return False
    k = int.from_bytes(sha512(signature[:32] + public + text).digest(), "little") % L
    x, y = plus(times(s, BASE), times(k, (P - key[0], key[1])))
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# Signed notes.
def unpacked(text: str) -> bytes:
    """Of base64 in its one form; of anything else nothing."""
    try:
        whole = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return whole if b64encode(whole).decode() == text else b""


def keys_of(text: str) -> list[Key]:
    """Of lines `name+0123abcd+base64`. Raises ValueError."""
    keys = []
    for line in text.split():
        name, _, rest = line.partition("+")
        known, _, packed = rest.partition("+")
        key = unpacked(packed)
        if len(key) != 33 or key[0] != 1 or sha256(b"%b\n%b" % (name.encode(), key)).hexdigest()[:8] != known:
            raise ValueError(f"{name!r:.80} is no public key of Ed25519 for signed notes")
        keys.append(Key(name, bytes.fromhex(known), key[1:]))
    return keys


def opened(note: str, keys: Sequence[Key], whose: str) -> Checkpoint:
    """The checkpoint that one of the keys has signed, and none of them wrongly. Raises Wrong.

    A key speaks for the logs whose names begin with its own, and for no other's.
    """
    text, _, lines = note.rpartition("\n\n")
    text, agreed = f"{text}\n", set()
    for line in dict.fromkeys(lines.split("\n")):  # once each: they may be as many as somebody likes
        dash, name, packed = [*line.split(" "), "", ""][:3]
        signature = unpacked(packed)
        for key in (one for one in keys if ("—", one.name, one.id) == (dash, name, signature[:4])):
            if not agrees(key.public, text.encode(), signature[4:]):
                raise Wrong(f"{whose} is not what was signed: the signature of {name} is of another text.")
            agreed.add(key.name)
    if not agreed:
        raise Wrong(f"{whose} is not signed by a key that is trusted.")
    found = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]+)\n(?:[^\n]+\n)*", text)
    if found is None or len(root := unpacked(found[3])) != 32:
        raise Wrong(f"{whose} is none.")
    if found[1].rpartition("/")[0] not in agreed:
        raise Wrong(f"{whose} is not signed by a key that is trusted for {found[1]}.")
    return Checkpoint(found[1], int(found[2]), root)


# JSON.
class Number(str):
    """As it stands in the file."""

    __slots__ = ()


class Beyond(Exception):
    """An integer of more than 4,300 digits."""


def whole_number(text: str) -> Number:
    if len(text.lstrip("-")) > 4_300:
        raise Beyond
    return number(text)


def fraction(text: str) -> Number:
    if "e" in text.lower():
        raise ValueError("a number with an exponent")
    return number(text)


def number(text: str) -> Number:
    if text[0] == "-" and not text.strip("-0."):
        raise ValueError("a zero that is not as it was written")
    return Number(text)


def in_order(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Names as PostgreSQL has them: shorter ones first, and each once."""
    told = dict(pairs)
    if len(pairs) > 1 and [name for name, _ in pairs] != sorted(
        told, key=lambda name: (len(text := name.encode()), text)
    ):
        raise ValueError("its names are not in order")
    return told


plain = json.JSONEncoder(ensure_ascii=False).encode
packed = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
parsed = json.JSONDecoder(object_pairs_hook=in_order).decode
told_apart = json.JSONDecoder(object_pairs_hook=in_order, parse_int=whole_number, parse_float=fraction).decode
TEXT = rf'"[^"\\]*(?:\\.[^"\\]*)*{"+" * (sys.version_info >= (3, 11))}"'
"""As long as it may be, it is gone through once, and since Python 3.11 without remembering the way."""
BRACKET = re.compile(rf"{TEXT}?|[\[\]{{}}]", re.DOTALL)  # also a text that does not end
SPECIAL = re.compile(r"[0-9]\.[0-9]|[0-9]{16}|[\U00010000-\U0010ffff]")


def canonical(text: str) -> bytes:
    """JSON as PostgreSQL writes it, in the form of RFC 8785. Raises ValueError where it is not as written."""
    depth = deepest = 0
    for found in BRACKET.finditer(text) if text.count("[") + text.count("{") > 100 else ():
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, depth)
    if deepest > 100:
        return text.encode()
    special = SPECIAL.search(text) is not None
    try:
        value = told_apart(text) if special else parsed(text)
    except Beyond:
        return text.encode()
    if (shown(value, exact=True) if special else plain(value)) != text:
        raise ValueError("not as it was written")
    return (shown(value, exact=False) if special else packed(value)).encode()


def shown(value: Any, *, exact: bool) -> str:
    """`exact`: as PostgreSQL writes it, else as RFC 8785 has it."""
    comma, colon = (", ", ": ") if exact else (",", ":")
    if isinstance(value, dict):
        names = value if exact else sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        return f"{{{comma.join(plain(name) + colon + shown(value[name], exact=exact) for name in names)}}}"
    if isinstance(value, list):
        return f"[{comma.join(shown(one, exact=exact) for one in value)}]"
    return plain(value) if not isinstance(value, Number) else str(value) if exact else shortest(value)


def shortest(text: str) -> str:
    """As ECMAScript writes a double; an integer, or what no double tells apart, as it stands."""
    sign, digits, exponent = Decimal(repr(float(text))).normalize().as_tuple()
    if "." not in text or not isinstance(exponent, int):
        return text
    figures, point = "".join(map(str, digits)), len(digits) + exponent
    if 0 < point <= 21:
        told = figures.ljust(point, "0") if len(figures) <= point else f"{figures[:point]}.{figures[point:]}"
    elif -6 < point <= 0:
        told = f"0.{'0' * -point}{figures}"
    else:
        told = f"{figures[0]}{'.' * (len(figures) > 1)}{figures[1:]}e{point - 1:+d}"
    told = "0" if digits == (0,) else f"{'-' * sign}{told}"
    return told if Decimal(told) == Decimal(text) else text


# Events, and the tree over them.
ROW = re.compile(rb"([1-9][0-9]{0,18})(?:-([1-9][0-9]{0,18}))? ([0-9a-f]{64})\n")
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=timezone.utc), timedelta(microseconds=1)
HEAD, LENGTH = struct.Struct(">Q16s16s16sIHqq"), struct.Struct(">I")
_UUID = r'"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"'
_TIME = r'"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{0,5}[1-9])?)\+00:00"'
PARTS = {
    "specversion": r'\{"specversion":"1\.0"',
    "id": rf',"id":{_UUID}',
    "source": rf',"source":({TEXT})',
    "type": rf',"type":({TEXT})',
    "subject": rf',"subject":{_UUID}',
    "time": rf',"time":{_TIME}',
    "datacontenttype": r',"datacontenttype":"application/json"',
    "position": r',"position":"([1-9][0-9]{0,18})"',
    "recordedtime": rf',"recordedtime":{_TIME}',
    "version": r',"version":([1-9][0-9]{0,9})',
    "schemaversion": r',"schemaversion":(0|[1-9][0-9]{0,4})',
    "commandid": rf',"commandid":{_UUID}',
    "actor": rf',(?:"actor":({TEXT}),"correlationid":({TEXT})(?:,"causationid":({TEXT}))?'
    r'|"meta":"([^"]*)")',
    "data": r',"data":(.*)\}',
    "end of the line": r"\n",
}
"""Of a line, in their order. All of `meta` stands in base64 where it is more than these three texts."""
LINE = re.compile("".join(PARTS.values()), re.DOTALL)


class Event(NamedTuple):
    """What a line says, with the hash that it has in the tree."""

    position: int
    hash: str
    source: str
    type: str
    subject: str
    recorded_at: datetime


def event_of(raw: bytes, where: str, position: int) -> Event:
    """Raises Wrong, which names `where`, and the `position` that is expected there."""
    try:
        line = raw.decode()
        found = LINE.fullmatch(line)
        if found is None:
            raise not_a_line(line, where, position)
        event_id, source, kind, stream, time, place, recorded, *more = found.groups()
        version, schema_version, command, actor, correlation, causation, whole_meta, data = more
        if whole_meta is None:
            cause = f', "causationId": {causation}' if causation else ""
            meta = f'{{"actor": {actor}{cause}, "correlationId": {correlation}}}'
        else:
            meta = unpacked(whole_meta).decode()
        source, kind = text_of(source), text_of(kind)
        occurred_at, recorded_at = moment(time), moment(recorded)
        head = HEAD.pack(
            int(place),
            *(bytes.fromhex(one.replace("-", "")) for one in (stream, event_id, command)),
            int(version),
            int(schema_version),
            (occurred_at - EPOCH) // MICROSECOND,
            (recorded_at - EPOCH) // MICROSECOND,
        )
        texts = (kind.encode(), canonical(data), canonical(meta))
    except (ValueError, struct.error, RecursionError) as error:
        raise Wrong(f"{where} is not as it was written: {error}.", position) from None
    body = b"".join(part for text in texts for part in (LENGTH.pack(len(text)), text))
    leaf = sha256(b"\0pulseops/event/1\n" + head + body).hexdigest()
    return Event(int(place), leaf, source, kind, stream, recorded_at)


def text_of(quoted: str) -> str:
    """Raises ValueError where it is not as written."""
    text = str(json.loads(quoted))
    if plain(text) != quoted:
        raise ValueError("not as it was written")
    return text


def moment(text: str) -> datetime:
    """Of a time in UTC, without its zone."""
    whole, _, fraction = text.partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction:0<6}+00:00")


def not_a_line(line: str, where: str, position: int) -> Wrong:
    at, field = 0, ""
    for field, part in PARTS.items():  # noqa: B007 -- the one that does not match
        found = re.compile(part, re.DOTALL).match(line, at)
        if found is None:
            break
        at = found.end()
    told = "as an export writes it", repr(line[at : at + 40])
    return Wrong(f"{where}, character {at + 1}", position, field, *told)


class Lines:
    """The lines of a file, which it takes the measure of meanwhile."""

    def __init__(self, path: Path, heard: Callable[[int], None] = lambda _: None) -> None:
        self.path, self.heard, self.bytes, self.digest = path, heard, 0, sha256()

    def __iter__(self) -> Iterator[bytes]:
        must_be_a_file(self.path)
        with self.path.open("rb") as file:
            for line in iter(lambda: file.readline(LONGEST), b""):
                self.bytes += len(line)
                self.digest.update(line)
                self.heard(self.bytes)
                yield line

    def must_be(self, size: int, digest: str) -> None:
        """Raises Wrong."""
        told = {"length": (size, self.bytes), "SHA-256": (digest, self.digest.hexdigest())}
        for field, (expected, found) in told.items():
            if found != expected:
                raise Wrong(self.path.name, 0, field, f"{expected} as in the manifest", found)


def must_be_a_file(path: Path) -> None:
    """Of what is none, such as a pipe, there may be no end. Raises Wrong."""
    if path.exists() and not path.is_file():
        raise Wrong(f"{path.name} is no file.")


def manifest_text(told: Mapping[str, Any]) -> str:
    """The one form of a manifest: `digest` is the SHA-256 of all else as RFC 8785 has it."""
    digest = sha256(packed(told).encode()).hexdigest()
    return json.dumps({**told, "digest": digest}, ensure_ascii=False, indent=2) + "\n"


def manifest_of(path: Path) -> dict[str, Any]:
    """Raises Wrong."""
    told: dict[str, Any] = {}
    must_be_a_file(path)
    try:
        text = path.read_bytes().decode()
        told = json.loads(text)
        told.pop("digest")
        fits = manifest_text(told) == text and told.keys() == FIELDS.keys() and told["format"] == FORMAT
        fits = fits and all(type(told[name]) in kinds for name, kinds in FIELDS.items())
        moments = [
            datetime.fromisoformat(told[name]) for name in ("since", "until") if told[name] is not None
        ]
        fits = fits and all(moment.tzinfo is not None for moment in moments)
    except FileNotFoundError:
        raise Wrong(f"There is no {path.name} beside it: an export is verified by its manifest.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise Wrong(f"{path.name} is not as it was written.")
    return told


def own_rows(rows: Lines, told: Mapping[str, Any], signed: Sequence[Checkpoint]) -> Iterator[tuple[int, str]]:
    """Position and hash of each event of the export; all rows together must give what was signed."""
    at, stack, left = 0, list[tuple[int, bytes]](), list(signed)
    for row in rows:
        found = ROW.fullmatch(row)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        width = last - first + 1
        if found is None or first != at + 1 or width < 1 or at % width or width & (width - 1):
            raise Wrong(f"{rows.path.name} is not as it was written, after position {at}.", at + 1)
        own, inside = found[2] is None, max(first, told["after"] + 1) <= min(last, told["upTo"])
        if own > inside or (inside > own and not (told["types"] or told["incidents"])):
            raise Wrong(f"{rows.path.name} is not of this range of events, at position {first}.", first)
        stack.append((width, bytes.fromhex(found[3].decode())))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (_, right), (width, earlier) = stack.pop(), stack.pop()
            stack.append((2 * width, node(earlier, right)))
        at = last
        for one in [one for one in left if one.size == at]:
            left.remove(one)
            root = reduce(lambda below, above: node(above[1], below), reversed(stack[:-1]), stack[-1][1])
            if root != one.root:
                field = f"root of the first {at:,} events, as it was signed,"
                raise Wrong(rows.path.name, at, field, b64encode(one.root).decode(), b64encode(root).decode())
        if own:
            yield first, found[3].decode()
    if at > told["size"]:
        raise Wrong(f"{rows.path.name} has more than the {told['size']:,} events that are signed.", at)
    for one in left:
        raise Wrong(f"{rows.path.name} cannot be held against {one.size:,} events: it has no such place.")


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def compared(lines: Lines, told: Mapping[str, Any], rows: Iterator[tuple[int, str]]) -> int:
    """How many events there are, each with its hash. Raises Wrong."""
    since, until = (datetime.fromisoformat(told[name]) if told[name] else None for name in ("since", "until"))
    number = 0
    for number, (line, row) in enumerate(zip_longest(lines, rows), 1):
        position, known = row or (0, "")
        if line is None:
            raise Wrong(f"After line {number - 1}", position, "position", position, "the end of the file")
        where = f"Line {number}"
        if number == 1 and line[:2] == b"\x1f\x8b":
            raise Wrong("This is gzip: unpack it first.")
        if number == 1 and line[:4] == b"PAR1":
            raise Wrong("This is Parquet, which `pulseops audit verify` reads.")
        if len(line) == LONGEST and line[-1:] != b"\n":
            raise Wrong(f"{where} is longer than an event can be.", position)
        if line[-2:] == b"\r\n":
            raise Wrong(f"{where} ends with CR LF: it was copied as text. Copy it as it is.", position)
        event = event_of(line, where, position)
        for field, expected, found in (
            ("position", position or "the end of the file", event.position),
            ("hash of the event", known, event.hash),
            ("source", told["source"], event.source),
        ):
            if found != expected:
                raise Wrong(f"{where}, position {event.position}", event.position, field, expected, found)
        fits = (
            (not told["types"] or event.type in told["types"]),
            (not told["incidents"] or event.subject in told["incidents"]),
            (since is None or event.recorded_at >= since),
            (until is None or event.recorded_at < until),
        )
        if not all(fits):
            raise Wrong(f"{where}, position {position}, is not what the manifest asks for.", position)
    return number


def verify(
    file: Path, keys: Sequence[Key], kept: Sequence[str] = (), lines: Lines | None = None
) -> dict[str, Any]:
    """The manifest of what is proved to be history. `kept`: notes from elsewhere; `lines`: those of the file.

    Raises Wrong, and OSError.
    """
    told = manifest_of(file.with_name(f"{file.name}.manifest.json"))
    if told["checkpoint"] is None:
        raise Wrong("Nothing of this export was signed: it has no checkpoint, and so nothing is proved.")
    first = opened(told["checkpoint"], keys, "Its checkpoint")
    if first.origin.rpartition("/")[2] != told["log"]:
        raise Wrong(f"Its checkpoint is of {first.origin}, not of the log {told['log']}.")
    signed = [first, *(opened(note, keys, "A checkpoint that was kept") for note in kept)]
    for one in signed:
        if one.origin != first.origin:
            raise Wrong(f"A checkpoint that was kept is of {one.origin}, not of {first.origin}.")
    if (told["size"], told["root"]) != (first.size, b64encode(first.root).decode()):
        raise Wrong("Its manifest has another size or root than its checkpoint.")
    if not 0 <= told["after"] <= told["upTo"] <= first.size:
        raise Wrong(f"Its manifest has a range that is not within the {first.size:,} events that are signed.")
    rows, lines = Lines(file.with_name(f"{file.name}.hashes")), lines or Lines(file)
    if not rows.path.exists():
        raise Wrong(f"There is no {rows.path.name} beside it: an export is verified by its hashes.")
    count = sum(1 for _ in own_rows(rows, told, signed))
    rows.must_be(told["hashesBytes"], told["hashesSha256"])
    again = Lines(rows.path)
    found = compared(lines, told, own_rows(again, told, ()))
    again.must_be(told["hashesBytes"], told["hashesSha256"])
    lines.must_be(told["bytes"], told["sha256"])
    if not found == count == told["events"]:
        raise Wrong("Its manifest", 0, "number of events", found, told["events"])
    return told


def verdict(name: str, told: Mapping[str, Any]) -> str:
    origin = str(told["checkpoint"]).partition("\n")[0]
    where = f"after position {told['after']:,} up to {told['upTo']:,}"
    filtered = any(told[name] for name in ("types", "incidents", "since", "until"))
    part = " Whether others fit its filter is not proved." if filtered else ""
    signed = f"what {origin} signed with its first {told['size']:,}"
    return f"{harmless(name)}: {told['events']:,} events {where} are {signed}.{part}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an export of PulseOps: 0 is history, 1 is not.")
    parser.add_argument("file", type=Path, help="the export; its manifest and its hashes lie beside it")
    parser.add_argument("--key", type=Path, required=True, help="the public keys that are trusted")
    parser.add_argument("--against", type=Path, action="append", default=[], help="a kept checkpoint")
    given = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files, where few letters are known

    def heard(done: int, shown: list[int] = [-1]) -> None:  # noqa: B006 -- what was shown last
        if sys.stderr.isatty() and shown[0] != (share := 100 * done // size):
            shown[0] = share
            print(f"\r{share} %", end="\r", file=sys.stderr, flush=True)

    try:
        keys, kept = keys_of(given.key.read_text("utf-8")), [one.read_text("utf-8") for one in given.against]
        size = max(1, given.file.stat().st_size)
    except OSError as error:
        parser.error(f"{error.filename} cannot be read: {error.strerror}")
    except ValueError as error:
        parser.error(f"{given.key}: {'it is no text' if isinstance(error, UnicodeError) else error}")
    try:
        print(verdict(given.file.name, verify(given.file, keys, kept, Lines(given.file, heard))))
    except (Wrong, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except MemoryError:
        print("There is not enough memory for what is in it.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
