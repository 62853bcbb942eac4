"""Reports of made-up numbers, the same each time, for whatever shows them."""

from datetime import UTC, datetime, timedelta
from math import sin
from typing import Any, Literal
from uuid import UUID

from pulseops.analytics.period import Period, period
from pulseops.analytics.reports import (
    Correction,
    Durations,
    Figure,
    Load,
    LoadReport,
    LoadRow,
    LoadStep,
    Noise,
    NoiseReport,
    NoiseRow,
    NoiseStep,
    Timed,
    TimedReport,
    TimedRow,
    TimedStep,
    Told,
    WeeklyReport,
)

ZONE = "Europe/Berlin"
# The week in which the clocks go back.
WEEK: Period = period(
    datetime(2026, 10, 18, 22, tzinfo=UTC),
    datetime(2026, 10, 25, 23, tzinfo=UTC),
    ZONE,
    now=datetime(2026, 11, 1, tzinfo=UTC),
)
_STEPS = WEEK.steps()
_ABOUT: dict[str, Any] = {"period": WEEK, "before": WEEK.before(), "teams": (), "incomplete_since": None}


def durations(incidents: int, ended: int, p50: float) -> Durations:
    return Durations(
        incidents=incidents,
        merged=incidents // 30,
        ended=ended,
        mean=1.4 * p50 if ended else None,
        p50=p50 if ended else None,
        p90=3.1 * p50 if ended else None,
        p99=7.0 * p50 if ended else None,
        reopened=incidents // 20,
    )


def _wave(height: float, phase: float) -> tuple[float, ...]:
    return tuple(height * (1.2 + sin(phase + 1.3 * n)) for n in range(len(_STEPS)))


def timed(
    report: Timed = "mtta", *, names: tuple[str | None, ...] = ("payments", "network", "database", None)
) -> TimedReport:
    scale = 1.0 if report == "mtta" else 11.0
    rows = tuple(
        TimedRow(
            value=name,
            now=durations(84 - 19 * n, 80 - 19 * n, scale * (215 + 130 * n)),
            before=durations(70 - 15 * n, 66 - 15 * n, scale * (240 + 90 * n)) if name else None,
            series=(None, *_wave(scale * (300 + 130 * n), n)[1:]),
        )
        for n, name in enumerate(names)
    )
    series = tuple(
        TimedStep(at=at, incidents=int(value / 14), ended=int(value / 15), mean=scale * value)
        for at, value in zip(_STEPS, _wave(420, 2), strict=True)
    )
    total, before = durations(222, 206, scale * 301), durations(198, 180, scale * 330)
    return TimedReport(
        **_ABOUT,
        report=report,
        by="team",
        total=total,
        total_before=before,
        rows=rows,
        others=0,
        series=series,
    )


def _load(size: int) -> Load:
    return Load(
        incidents=size,
        acknowledged=4 * size // 5,
        resolved=3 * size // 4,
        escalated=size // 6,
        acts=size + 4 * size // 5 + 3 * size // 4 + size // 6,
        outside_hours=3 * size // 5,
        at_night=size // 4,
        share=size / 222,
    )


def load(name: str = "ada") -> LoadReport:
    named: tuple[tuple[Literal["team", "person"], tuple[str, ...]], ...] = (
        ("team", ("payments", "network", "database")),
        ("person", (name, "grace", "key:bot", "linus")),
    )
    rows = tuple(
        LoadRow(
            kind=kind,
            name=whose,
            now=_load(96 - 22 * n),
            before=_load(80 - 12 * n),
            series=tuple(int(one) for one in _wave(9, n)),
        )
        for kind, names in named
        for n, whose in enumerate(names)
    )
    series = tuple(
        LoadStep(
            at=at,
            incidents=int(one),
            acknowledged=int(one * 0.8),
            resolved=int(one * 0.7),
            escalated=int(one / 7),
        )
        for at, one in zip(_STEPS, _wave(30, 1), strict=True)
    )
    return LoadReport(
        **_ABOUT,
        report="load",
        business_hours="Monday to Friday 09:00 to 17:00",
        night="22:00 to 06:00",
        total=_load(222),
        total_before=_load(198),
        rows=rows,
        others=0,
        series=series,
    )


def _noise(size: int, part: float) -> Noise:
    noisy = int(size * part)
    return Noise(
        incidents=size,
        unattended=int(noisy * 0.7),
        false_alarms=int(noisy * 0.4),
        duplicates=int(noisy * 0.1),
        noisy=noisy,
        reopened=size // 25,
        share=noisy / size,
    )


def noise(name: str = "probe-eu") -> NoiseReport:
    rows = tuple(
        NoiseRow(
            value=value,
            now=_noise(90 - 20 * n, part),
            before=_noise(60, 0.4),
            silence=part > 0.8,
            series=tuple(int(one) for one in _wave(7, n)),
        )
        for n, (value, part) in enumerate(((name, 0.92), ("checkout", 0.31), ("search", 0.5), (None, 0.1)))
    )
    series = tuple(
        NoiseStep(at=at, incidents=int(one), noisy=int(one * 0.45))
        for at, one in zip(_STEPS, _wave(30, 1), strict=True)
    )
    return NoiseReport(
        **_ABOUT,
        report="noise",
        by="service",
        total=_noise(222, 0.43),
        total_before=_noise(198, 0.39),
        rows=rows,
        others=3,
        series=series,
    )


def told(title: str, seconds: float, *, team: str | None = "payments") -> Told:
    return Told(
        id=UUID("019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f"),
        title=title,
        priority="high",
        team=team,
        created_at=WEEK.since + timedelta(hours=30),
        seconds=seconds,
    )


def weekly(
    *, title: str = "Checkout is down: card payments fail with 502", name: str = "probe-eu"
) -> WeeklyReport:
    figures = (
        Figure(name="reported", unit="incidents", now=222, before=198),
        Figure(name="resolved", unit="incidents", now=210, before=190),
        Figure(name="open", unit="incidents", now=12, before=9),
        Figure(name="mtta", unit="seconds", now=301, before=330),
        Figure(name="mttr", unit="seconds", now=3_311, before=3_020),
        Figure(name="escalated", unit="share", now=0.081, before=0.102),
        Figure(name="reopened", unit="share", now=0.031, before=0.022),
        Figure(name="noisy", unit="share", now=0.43, before=0.39),
        Figure(name="corrections", unit="times", now=7, before=7),
    )
    return WeeklyReport(
        **_ABOUT,
        report="weekly",
        figures=figures,
        series=timed().series,
        slowest=(told(title, 9_050), told("Replica lags by minutes", 7_310, team="database")),
        noisiest=noise(name).rows[:3],
        oldest=(
            told("Disk of db-3 is 91 % full", 840_000, team="database"),
            told("Login loops", 400_000, team=None),
        ),
        corrections=(
            Correction(field="category", was=name, now="payment", times=4),
            Correction(field="priority", was="critical", now="high", times=3),
        ),
    )


def every() -> tuple[TimedReport | LoadReport | NoiseReport | WeeklyReport, ...]:
    return timed(), timed("mttr"), load(), noise(), weekly()
