"""Spans of time as operators write them (`90s`, `1h30m`), and as people read them (`1 h 30 min`)."""

import re
from datetime import timedelta

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SHAPE = re.compile(r"(?:\d{1,5}d)?(?:\d{1,5}h)?(?:\d{1,5}m)?(?:\d{1,5}s)?", re.ASCII)
_FRACTIONS_COUNT, _MINUTE, _HOUR, _DAY = 9.95, 60, 3_600, 86_400  # seconds
_PART = re.compile(r"(\d+)([dhms])", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Largest unit first, whole numbers, at least a second. Raises ValueError, saying what is expected."""
    if not text or not _SHAPE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 5m or 1h30m")
    total = sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(text))
    if total == 0:
        raise ValueError(f"{text!r} is no time at all; the shortest duration is 1s")
    return timedelta(seconds=total)


def duration_text(span: timedelta) -> str:
    """`1h30m` for ninety minutes; the inverse of `parse_duration`. Parts of a second are dropped."""
    left, words = int(span.total_seconds()), []
    for unit, seconds in _SECONDS.items():
        count, left = divmod(left, seconds)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"


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
