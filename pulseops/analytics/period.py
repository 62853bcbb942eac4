"""The time that a report is about: from when until when, in whose zone, in which steps. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct

from pulseops.http.pointers import meant
from pulseops.kernel.errors import InvalidInput

Step = Literal["hour", "day"]

LONGEST = timedelta(days=400)
"""A year, and what it takes to hold it against the one before."""
LONGEST_DIGEST = timedelta(days=35)
_HOURLY = timedelta(hours=50)
"""The longest period that is told by the hour: two days, on whichever day the clocks change."""
_WEEK = timedelta(days=7)


class Period(Struct, frozen=True, kw_only=True):
    """From `since` on and before `until`, which are instants. Days and hours are those of `zone`."""

    since: datetime
    until: datetime
    zone: str
    step: Step

    def steps(self) -> tuple[datetime, ...]:
        """When each step of it begins. The first may begin before `since`, and the last end after `until`."""
        return tuple(self._begun())

    def before(self) -> "Period":
        """The one of the same length that ends where this begins: as many days, where it is of whole days."""
        zone = ZoneInfo(self.zone)
        since, until = self.since.astimezone(zone), self.until.astimezone(zone)
        if since.time() == until.time() == time.min:
            days = until.date() - since.date()
            earlier = datetime.combine(since.date() - days, time.min, zone).astimezone(UTC)
        else:
            earlier = self.since - (self.until - self.since)
        return Period(since=earlier, until=self.since, zone=self.zone, step=self.step)

    def _begun(self) -> Iterator[datetime]:
        zone = ZoneInfo(self.zone)
        local = self.since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        if self.step == "day":
            day = local.date()
            while (at := datetime.combine(day, time.min, zone).astimezone(UTC)) < self.until:
                yield at
                day += timedelta(days=1)
        else:
            at = local.astimezone(UTC)
            while at < self.until:
                yield at
                at += timedelta(hours=1)


def period(
    since: datetime | None, until: datetime | None, zone: str, *, now: datetime, longest: timedelta = LONGEST
) -> Period:
    """What was asked for, in UTC. It ends now at the latest, and is the week before that by itself.

    Raises InvalidInput, pointing to `/since`, `/until` or `/zone`.
    """
    zone_named(zone)
    end = now if until is None else min(until, now)
    begin = _back(end, _WEEK) if since is None else since
    if begin >= end:
        if until is None or until > now:
            raise InvalidInput("It is not over yet: a report needs a time that was.", pointer="/since")
        raise InvalidInput("It must be before `until`.", pointer="/since")
    if end - begin > longest:
        raise InvalidInput(f"This report is about {longest.days} days at most.", pointer="/since")
    return _of(begin, end, zone)


def last_week(zone: str, *, now: datetime) -> Period:
    """The last whole week, Monday to Sunday, of `zone`. Raises InvalidInput, pointing to `/zone`."""
    where = zone_named(zone)
    today = now.astimezone(where).date()
    monday = today - timedelta(days=today.weekday())
    first, last = (datetime.combine(day, time.min, where) for day in (monday - _WEEK, monday))
    return _of(first, last, zone)


def _of(since: datetime, until: datetime, zone: str) -> Period:
    # The one before must be within the years that there are.
    _back(since, until - since)
    step: Step = "hour" if until - since <= _HOURLY else "day"
    return Period(since=since.astimezone(UTC), until=until.astimezone(UTC), zone=zone, step=step)


def _back(instant: datetime, span: timedelta) -> datetime:
    try:
        return (instant - span - timedelta(days=2)) + timedelta(days=2)
    except OverflowError:
        raise InvalidInput("There was no such time.", pointer="/since") from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if name not in {"localtime", "posixrules"})


def zone_named(zone: str) -> ZoneInfo:
    """Raises InvalidInput, pointing to `/zone`."""
    if zone not in _zones():
        raise InvalidInput(f"There is no such time zone.{meant(zone, sorted(_zones()))}", pointer="/zone")
    return ZoneInfo(zone)
