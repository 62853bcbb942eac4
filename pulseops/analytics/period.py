"""The time that a report is about: from when until when, in whose zone, in which steps. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
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
        days = self.days()
        if days is None:
            earlier = self.since - (self.until - self.since)
        else:
            earlier = _begins(days[0] - (days[1] - days[0]) - timedelta(days=1), ZoneInfo(self.zone))
        return Period(since=earlier, until=self.since, zone=self.zone, step=self.step)

    def days(self) -> tuple[date, date] | None:
        """The first and the last one, where it is of whole days."""
        zone = ZoneInfo(self.zone)
        first, end = (at.astimezone(zone).date() for at in (self.since, self.until))
        whole = _begins(first, zone) == self.since and _begins(end, zone) == self.until
        return (first, end - timedelta(days=1)) if whole else None

    def _begun(self) -> Iterator[datetime]:
        zone = ZoneInfo(self.zone)
        local = self.since.astimezone(zone)
        if self.step == "day":
            day = local.date()
            while (at := _begins(day, zone)) < self.until:
                yield at
                day += timedelta(days=1)
        else:
            # Back to the full hour as it was passing by: where clocks are changed by less, it shows none.
            at = self.since - timedelta(
                minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            while at < self.until:
                yield at
                at += timedelta(hours=1)


def _begins(day: date, zone: ZoneInfo) -> datetime:
    """Midnight, the first of two, or the moment to which clocks go forward where there is none."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


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
