"""Plain words for a terminal: spans of time, and other people's text made harmless. Pure."""

import re
from datetime import datetime, timedelta

# Control characters (C0, DEL, C1), bidirectional overrides and lone surrogates: all that moves the cursor,
# rings, recolours, reorders, or cannot be written at all.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_BUT_NEWLINE = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))
_UNSAFE_IN_JSON = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", ""))
_FRACTIONS_COUNT, _MINUTE, _HOUR, _DAY = 9.95, 60, 3_600, 86_400  # seconds


def harmless(text: str, *, lines: bool = False) -> str:
    r"""`text` with control characters spelt out (`\x1b`). `lines` keeps the line breaks."""
    if lines:
        return _UNSAFE_BUT_NEWLINE.sub(_spelt, text.replace("\r\n", "\n").replace("\t", "    "))
    return _UNSAFE.sub(_spelt, text)


def harmless_json(text: str) -> str:
    r"""The same JSON document, with control characters in strings written as `\u009b`."""
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _spelt(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def span(duration: timedelta) -> str:
    """The two leading units of a length of time: `340 ms`, `12 s`, `5 min 3 s`, `2 h 4 min`, `3 d 1 h`."""
    seconds = round(abs(duration.total_seconds()), 3)
    if seconds < 1:
        return f"{round(seconds * 1_000)} ms"
    if seconds < _FRACTIONS_COUNT:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "min", 1, "s")
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def _two(seconds: int, unit: int, name: str, smaller: int, smaller_name: str) -> str:
    rest = seconds % unit // smaller
    return f"{seconds // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")


def age(then: datetime, now: datetime) -> str:
    """The leading unit of how long ago: `now`, `12 s`, `2 min`, `3 h`, `5 d`."""
    seconds = int((now - then).total_seconds())
    if seconds < 1:
        return "now"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def ago(then: datetime, now: datetime) -> str:
    """`just now`, `2 min ago`."""
    how_long = age(then, now)
    return "just now" if how_long == "now" else f"{how_long} ago"
