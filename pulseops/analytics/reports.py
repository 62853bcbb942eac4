"""What reports say, as they are sent and shown. Pure: whoever makes them and whoever reads them shares it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from pulseops.analytics.period import Period

Timed = Literal["mtta", "mttr"]
By = Literal["team", "priority", "service", "category"]
NoisyBy = Literal["service", "category", "team", "dedupKey", "rule"]
Unit = Literal["incidents", "seconds", "share", "times"]


class About(Struct, frozen=True, kw_only=True, rename="camel"):
    """What every report is about.

    `before` is the period of the same length before it. `teams` are those that it is limited to, none: all.
    `incomplete_since` is when the first fact was recorded that it does not show yet, though it is of its
    period: null as soon as it shows them all.
    """

    period: Period
    before: Period
    teams: tuple[str, ...]
    incomplete_since: datetime | None


class Durations(Struct, frozen=True, kw_only=True):
    """How long it took, in seconds, of incidents that were reported in the period.

    `ended` of them were acknowledged, or resolved; the others have not been, and are in no mean and no
    percentile, which are null where `ended` is 0. Percentiles are interpolated: of one they are that one.
    `merged` of them live on in others; `reopened` were over before.
    """

    incidents: int
    merged: int
    ended: int
    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    reopened: int


class TimedStep(Struct, frozen=True, kw_only=True):
    """What was reported in one step of the period, and how long it took in the mean, in seconds."""

    at: datetime
    incidents: int
    ended: int
    mean: float | None


class TimedRow(Struct, frozen=True, kw_only=True, rename="camel"):
    """One team, priority, service or category; `value` is null for incidents that have none.

    `series` has a mean for each step of the report, null where nothing ended.
    """

    value: str | None
    now: Durations
    before: Durations | None
    series: tuple[float | None, ...]


class TimedReport(About, frozen=True, kw_only=True, rename="camel"):
    """Time to the first acknowledgement, or to the end. `others` are further values, and not shown."""

    report: Timed
    by: By
    total: Durations
    total_before: Durations
    rows: tuple[TimedRow, ...]
    others: int
    series: tuple[TimedStep, ...]


class Load(Struct, frozen=True, kw_only=True, rename="camel"):
    """How much fell to somebody: `incidents` to a team that were reported, to a person that they were given.

    `acts` are all four together; `outside_hours` and `at_night` are how many of them came then, in the
    report's zone; `share` is of all acts of its kind, from 0 to 1.
    """

    incidents: int
    acknowledged: int
    resolved: int
    escalated: int
    acts: int
    outside_hours: int
    at_night: int
    share: float


class LoadRow(Struct, frozen=True, kw_only=True):
    """Of a team what its incidents caused; of a person, a key or whoever hears of a level what fell to them.

    `series` has the acts of each step of the report.
    """

    kind: Literal["team", "person"]
    name: str | None
    now: Load
    before: Load | None
    series: tuple[int, ...]


class LoadStep(Struct, frozen=True, kw_only=True, rename="camel"):
    """What fell to all teams together in one step of the period."""

    at: datetime
    incidents: int
    acknowledged: int
    resolved: int
    escalated: int


class LoadReport(About, frozen=True, kw_only=True, rename="camel"):
    """Who carried what. Business hours and nights are told in words, as they are counted.

    `total` is of all teams; people are not added up, since several may act on one incident.
    """

    report: Literal["load"]
    business_hours: str
    night: str
    total: Load
    total_before: Load
    rows: tuple[LoadRow, ...]
    others: int
    series: tuple[LoadStep, ...]


class Noise(Struct, frozen=True, kw_only=True, rename="camel"):
    """How much of what was reported needed nobody.

    `unattended` are over without that anybody but the reporter and PulseOps itself did anything; `noisy` are
    those, the false alarms and the duplicates, each counted once; `share` is theirs, from 0 to 1.
    """

    incidents: int
    unattended: int
    false_alarms: int
    duplicates: int
    noisy: int
    reopened: int
    share: float


class NoiseRow(Struct, frozen=True, kw_only=True):
    """One service, key or whatever; `value` is null for incidents that have none. `silence`: a candidate."""

    value: str | None
    now: Noise
    before: Noise | None
    silence: bool
    series: tuple[int, ...]


class NoiseStep(Struct, frozen=True, kw_only=True):
    """What was reported in one step of the period, and how much of it was noise."""

    at: datetime
    incidents: int
    noisy: int


class NoiseReport(About, frozen=True, kw_only=True, rename="camel"):
    """What called, and needed nobody."""

    report: Literal["noise"]
    by: NoisyBy
    total: Noise
    total_before: Noise
    rows: tuple[NoiseRow, ...]
    others: int
    series: tuple[NoiseStep, ...]


class Figure(Struct, frozen=True, kw_only=True):
    """One headline number, and what it was the period before; null where there is nothing to measure."""

    name: str
    unit: Unit
    now: float | None
    before: float | None


class Told(Struct, frozen=True, kw_only=True, rename="camel"):
    """An incident of a digest; `seconds` is what it is told for: how slow, or how old, it is."""

    id: UUID
    title: str
    priority: str | None
    team: str | None
    created_at: datetime
    seconds: float


class Correction(Struct, frozen=True, kw_only=True):
    """What people said that the rules had got wrong, and how often."""

    field: Literal["priority", "category"]
    was: str | None
    now: str
    times: int


class WeeklyReport(About, frozen=True, kw_only=True, rename="camel"):
    """The digest: what there was, what took longest, what made noise, what was open at its end."""

    report: Literal["weekly"]
    figures: tuple[Figure, ...]
    series: tuple[TimedStep, ...]
    slowest: tuple[Told, ...]
    noisiest: tuple[NoiseRow, ...]
    oldest: tuple[Told, ...]
    corrections: tuple[Correction, ...]


Report = TimedReport | LoadReport | NoiseReport | WeeklyReport
