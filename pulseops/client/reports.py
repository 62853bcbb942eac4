"""`client.reports`: what was answered how fast, by whom, and what was noise."""

from collections.abc import Sequence
from datetime import datetime

from pulseops.analytics.reports import By, LoadReport, NoiseReport, NoisyBy, TimedReport, WeeklyReport
from pulseops.client.call import Call, Value, get
from pulseops.client.method import Room, W, method


class Reports(Room[W]):
    """Numbers of incidents that were reported from `since` on and before `until`, next to the time before.

    Without `until` it is now; without `since`, a week before that, or for the digest the last whole week of
    `zone`. Days, business hours and nights are those of `zone`, such as Europe/Berlin.
    """

    @method
    def mtta(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        team: str | Sequence[str] | None = None,
        by: By | None = None,
        rows: int | None = None,
        min_position: int | None = None,
    ) -> Call[TimedReport]:
        """How long it took until somebody acknowledged."""
        more: dict[str, Value] = {"by": by, "rows": rows, "min_position": min_position}
        return get("/reports/mtta", TimedReport, _asked(since, until, zone, team) | more)

    @method
    def mttr(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        team: str | Sequence[str] | None = None,
        by: By | None = None,
        rows: int | None = None,
        min_position: int | None = None,
    ) -> Call[TimedReport]:
        """How long it took until it was over."""
        more: dict[str, Value] = {"by": by, "rows": rows, "min_position": min_position}
        return get("/reports/mttr", TimedReport, _asked(since, until, zone, team) | more)

    @method
    def load(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        team: str | Sequence[str] | None = None,
        rows: int | None = None,
        min_position: int | None = None,
    ) -> Call[LoadReport]:
        """Who carried how much, and how much of it outside of business hours."""
        more: dict[str, Value] = {"rows": rows, "min_position": min_position}
        return get("/reports/load", LoadReport, _asked(since, until, zone, team) | more)

    @method
    def noise(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        team: str | Sequence[str] | None = None,
        by: NoisyBy | None = None,
        rows: int | None = None,
        min_position: int | None = None,
    ) -> Call[NoiseReport]:
        """What called, and needed nobody."""
        more: dict[str, Value] = {"by": by, "rows": rows, "min_position": min_position}
        return get("/reports/noise", NoiseReport, _asked(since, until, zone, team) | more)

    @method
    def weekly(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        team: str | Sequence[str] | None = None,
        min_position: int | None = None,
    ) -> Call[WeeklyReport]:
        """The digest: headline numbers, and which incidents and services stand out."""
        more: dict[str, Value] = {"min_position": min_position}
        return get("/reports/weekly", WeeklyReport, _asked(since, until, zone, team) | more)


def _asked(
    since: datetime | None, until: datetime | None, zone: str | None, team: str | Sequence[str] | None
) -> dict[str, Value]:
    return {"since": since, "until": until, "zone": zone, "team": team}
