"""Spans of time in plain words."""

from datetime import UTC, datetime, timedelta

import pytest

from pulseops.cli.words import ago, harmless
from pulseops.kernel.durations import span

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.34, "340 ms"),
        (0.9999, "1.0 s"),
        (1.25, "1.2 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.7, "1 min"),
        (303, "5 min 3 s"),
        (3_599.6, "1 h"),
        (7_440, "2 h 4 min"),
        (86_400 * 3 + 3_600, "3 d 1 h"),
    ],
)
def test_a_span_is_its_two_leading_units(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-30, "just now"),
        (0.5, "just now"),
        (59.9, "59 s ago"),
        (120, "2 min ago"),
        (3 * 3_600 + 59, "3 h ago"),
        (5 * 86_400, "5 d ago"),
    ],
)
def test_an_age_is_its_leading_unit_and_never_in_the_future(seconds: float, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_harmless_text_keeps_what_people_write() -> None:
    assert harmless("Größe 数据库 🚒 👩‍🚒 naïve") == "Größe 数据库 🚒 👩‍🚒 naïve"
    assert harmless("a\tb\nc\x1b[1m") == r"a\tb\nc\x1b[1m"
    assert harmless("a\tb\r\nc\x1b", lines=True) == "a    b\nc\\x1b"
