"""Moments as people write them: read to the microsecond, or refused with what is wanted."""

from datetime import UTC, datetime, timedelta

import pytest

from pulseops.incidents import moments as of_an_incident
from pulseops.kernel.errors import InvalidInput
from pulseops.kernel.moments import At, moment

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:00:00.123456Z",
        "2026-03-01t12:00:00.123456z",
        "2026-03-01 12:00:00.123456+00:00",
        "2026-03-01T13:00:00.123456+01:00",
        "2026-03-01T13:00:00.123456 01:00",  # + in a query string
        "2026-03-01T05:30:00.123456-06:30",
    ],
)
def test_a_time_is_read_with_its_offset(text: str) -> None:
    assert moment(text) == of_an_incident.moment(text) == NOON


@pytest.mark.parametrize("more", ["1", "4999999", "5", "9", "999999999"])
def test_what_is_finer_than_history_is_left_off_so_that_no_later_event_is_told(more: str) -> None:
    assert moment(f"2026-03-01T12:00:00.123456{more}Z") == NOON
    assert moment(f"2026-03-01T13:00:00.123456{more}+01:00") == NOON
    assert moment(f"9999-12-31T23:59:59.999999{more}Z") == datetime.max.replace(tzinfo=UTC)


def test_half_a_microsecond_before_an_event_it_was_not_there_yet() -> None:
    assert moment("2026-03-01T12:00:00.1234555Z") == NOON - timedelta(microseconds=1)


def test_a_position_is_a_number_after_an_at() -> None:
    assert moment("@0") == At(0)
    assert moment("@9223372036854775807") == At(2**63 - 1)
    assert str(At(48213)) == "@48213"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "now",
            "3",
            "@",
            "@-1",
            "@+1",
            "@01",
            "@1.5",
            "@1e3",
            "@ 3",
            "@3 ",
            "@\u0663",
            "@9223372036854775808",
        ),
        *("2026-03-01", "2026-03-01T12:00:00", "2026-03-01T12:00Z", "2026-02-30T00:00:00Z", "1767225600"),
        *(
            "2016-12-31T23:59:60Z",
            "2026-03-01T24:00:00Z",
            "10000-01-01T00:00:00Z",
            "\uff12026-03-01T12:00:00Z",
        ),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-00:01"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        moment(text)
    assert refused.value.pointer == "/asOf"


def test_of_an_incident_a_plain_number_is_a_version() -> None:
    assert of_an_incident.moment("3") == 3
    for text in ("0", "-1", "03", "1e3", "1000000000", "\u0661"):
        with pytest.raises(InvalidInput, match="a version such as 3"):
            of_an_incident.moment(text)
