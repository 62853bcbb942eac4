"""Plain words for a terminal: ages, and other people's text made harmless. Pure."""

import re
from datetime import datetime

# Control characters (C0, DEL, C1), bidirectional overrides and lone surrogates: all that moves the cursor,
# rings, recolours, reorders, or cannot be written at all.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_BUT_NEWLINE = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))
_UNSAFE_IN_JSON = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", ""))
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400  # seconds


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
