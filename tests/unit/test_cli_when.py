"""Times on the command line are read alike wherever they stand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from pulseops.cli.incident.incidents import incident
from pulseops.cli.past import required
from pulseops.cli.reply import as_told
from pulseops.cli.when import past
from pulseops.kernel.moments import At
from tests.unit.answered import Reply, Server, server

__all__ = ["server"]

NOON = "2026-11-23T12:00:00Z"


@pytest.mark.parametrize("read", [past, required, as_told])
def test_how_long_ago_a_date_and_an_instant_are_read_alike(read: Callable[[str], datetime]) -> None:
    assert abs(datetime.now(UTC) - timedelta(hours=36) - read("36h")) < timedelta(minutes=1)
    assert read("2026-11-23") == datetime(2026, 11, 23, tzinfo=UTC)
    assert read(NOON) == read("2026-11-23T13:00:00+01:00") == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_date_begins_at_midnight_of_the_zone_that_is_told() -> None:
    assert past("2026-07-01", ZoneInfo("Europe/Berlin")) == datetime(2026, 6, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T12:00:00", "2026-13-01", "9999999d", "0s"])
def test_what_is_no_time_is_told_what_it_may_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"how long ago \(36h, 7d\), a date"):
        past(text)


def test_a_version_and_a_position_are_what_they_were() -> None:
    assert as_told("3") == 3
    assert as_told("20261123") == 20_261_123
    assert as_told("@48213") == required("@48213") == At(48_213)


def test_a_list_is_asked_for_since_a_time_however_it_is_said(server: Server) -> None:
    server.replies[:] = [Reply(200, {"items": [], "nextCursor": None})]
    with pytest.raises(SystemExit, match="0"):
        incident(("list", "--since", "7d", "--until", "2026-11-23"))
    query = parse_qs(urlsplit(server.requests[-1].path).query)
    since = datetime.fromisoformat(query["since"][0])
    assert abs(datetime.now(UTC) - timedelta(days=7) - since) < timedelta(minutes=1)
    assert datetime.fromisoformat(query["until"][0]) == datetime(2026, 11, 23, tzinfo=UTC)
