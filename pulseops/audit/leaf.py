"""An event as the bytes that are sealed: the same for ever, on every machine. Pure.

    pulseops/event/1\\n                            17 bytes that say what follows
    position                                       8 bytes, as every number big-endian
    stream_id, event_id, command_id                16 bytes each
    version                                        4 bytes
    schema_version                                 2 bytes
    occurred_at, recorded_at                       8 bytes each, signed: microseconds since 1970, UTC
    type, data, meta                               each 4 bytes that say how many follow, then these, UTF-8

`data` and `meta` are RFC 8785 JSON: sorted names, no white space, the shortest numbers. What PulseOps never
writes has bytes of its own all the same: an integer beyond 2^53 stands with all its digits, and a fraction
that no double tells apart from others, or what is nested more than 100 deep, as PostgreSQL writes it; so does
what holds an integer of more than 4,300 digits. The log is not in it: the checkpoint names it.
"""

import re
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

MAGIC = b"pulseops/event/1\n"
_HEAD = struct.Struct(">Q16s16s16sIHqq")
_LENGTH = struct.Struct(">I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN, _SMALL = 21, 6  # digits before the point, and zeros behind it, beyond which a number has an exponent
_DEEPEST = 100
"""Levels of arrays and objects. How deep a parser goes differs from one to the next."""
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_BEYOND = re.compile(r"[\U00010000-\U0010ffff]|\\u[dD]")


def sealed(row: Mapping[str, Any]) -> bytes:
    """Of a row of `eventstore.codec.COLUMNS`, its JSON as text."""
    head = _HEAD.pack(
        row["position"],
        row["stream_id"].bytes,
        row["event_id"].bytes,
        row["command_id"].bytes,
        row["version"],
        row["schema_version"],
        (row["occurred_at"] - _EPOCH) // _MICROSECOND,
        (row["recorded_at"] - _EPOCH) // _MICROSECOND,
    )
    texts = (row["type"].encode(), canonical(row["data"]), canonical(row["meta"]))
    return b"".join((MAGIC, head, *(part for text in texts for part in (_LENGTH.pack(len(text)), text))))


def canonical(text: str) -> bytes:
    """JSON text, as of `jsonb`, in the form of RFC 8785."""
    if text.count("[") + text.count("{") > _DEEPEST and _depth(text) > _DEEPEST:
        return text.encode()
    try:
        value = _decoder.decode(text)
    except msgspec.ValidationError:  # of JSON only this: an integer that Python's own limit keeps it from
        return text.encode()
    if not (text.isascii() and "\\u" not in text) and _BEYOND.search(text):
        # Names are sorted by UTF-16 code units; any other order agrees with that up to U+FFFF.
        return _in_order.encode(_ordered(value))
    return _sorting.encode(value)


def _depth(text: str) -> int:
    deepest = depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _ordered(value: Any) -> Any:
    match value:
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return {name: _ordered(value[name]) for name in names}
        case list():
            return [_ordered(one) for one in value]
        case _:
            return value


def _fraction(text: str) -> msgspec.Raw:
    double = float(text)
    short = repr(double)
    if short != text or short.endswith(".0") or "e" in short:
        short = _shortest(double)
        if Decimal(short) != Decimal(text):
            short = text
    return msgspec.Raw(short.encode())


def _shortest(double: float) -> str:
    """As ECMAScript writes it, which RFC 8785 asks for."""
    sign, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    if not isinstance(exponent, int) or digits == (0,):  # infinite, or nothing
        return "0"
    text, point = "".join(map(str, digits)), len(digits) + exponent
    if len(text) <= point <= _PLAIN:
        shown = text.ljust(point, "0")
    elif 0 < point <= _PLAIN:
        shown = f"{text[:point]}.{text[point:]}"
    elif -_SMALL < point <= 0:
        shown = f"0.{'0' * -point}{text}"
    else:
        shown = f"{text[0]}{'.' if text[1:] else ''}{text[1:]}e{point - 1:+d}"
    return f"-{shown}" if sign else shown


def unsealed(entry: bytes) -> dict[str, Any]:
    """The row that this was sealed of, but for its log. Raises ValueError."""
    if not entry.startswith(MAGIC):
        raise ValueError("It does not begin as one does.")
    try:
        position, *ids, version, schema_version, occurred_at, recorded_at = _HEAD.unpack_from(
            entry, len(MAGIC)
        )
        stream_id, event_id, command_id = (UUID(bytes=one) for one in ids)
        texts, at = list[str](), len(MAGIC) + _HEAD.size
        for _ in range(3):
            [length] = _LENGTH.unpack_from(entry, at)
            start, at = at + _LENGTH.size, at + _LENGTH.size + length
            texts.append(entry[start:at].decode())
        times = [_EPOCH + one * _MICROSECOND for one in (occurred_at, recorded_at)]
    except (struct.error, OverflowError) as error:
        raise ValueError(f"It is none: {error}.") from None
    if at != len(entry):
        raise ValueError("It ends before or after its texts do.")
    return {
        "position": position,
        "stream_id": stream_id,
        "event_id": event_id,
        "command_id": command_id,
        "version": version,
        "schema_version": schema_version,
        "occurred_at": times[0],
        "recorded_at": times[1],
        "type": texts[0],
        "data": texts[1],
        "meta": texts[2],
    }


_decoder = msgspec.json.Decoder(float_hook=_fraction)
_sorting, _in_order = msgspec.json.Encoder(order="sorted"), msgspec.json.Encoder()
