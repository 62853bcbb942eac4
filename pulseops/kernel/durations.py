"""Spans of time as operators write them: `90s`, `5m`, `1h30m`, `2d`."""

import re
from datetime import timedelta

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SHAPE = re.compile(r"(?:\d{1,5}d)?(?:\d{1,5}h)?(?:\d{1,5}m)?(?:\d{1,5}s)?", re.ASCII)
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
