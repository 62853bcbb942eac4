"""What fell to which team and which person, and how much of it outside of business hours."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import asyncpg

from pulseops.analytics.asking import Scope, incomplete_since
from pulseops.analytics.period import Period
from pulseops.analytics.reports import Load, LoadReport, LoadRow, LoadStep

BUSINESS_HOURS, NIGHT = "Monday to Friday 09:00 to 17:00", "22:00 to 06:00"
"""As `carried_v1` counts them."""

_ASK = "SELECT * FROM analytics.carried_v1($1, $2, $3, $4, $5, $6)"
_ACTS = ("incidents", "acknowledged", "resolved", "escalated")
_COUNTS = (*_ACTS, "outside_hours", "at_night")

Kind = Literal["team", "person"]
Whose = tuple[Kind, str]
Counts = Counter[str]


class _Carried:
    """The counts of a period, added up by whose and by step."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.by, self.steps = defaultdict[Whose, Counts](Counter), defaultdict[int, Counts](Counter)
        self.acts, self.all = Counter[tuple[Whose, int]](), Counter[str]()
        for row in rows:
            whose, step = (row["kind"], row["name"]), row["step"]
            counts = {name: row[name] for name in _COUNTS}
            self.by[whose].update(counts)
            self.acts[whose, step] += sum(counts[name] for name in _ACTS)
            if row["kind"] == "team":
                self.steps[step].update(counts)
                self.all.update(counts)

    def of(self, whose: Whose) -> Load | None:
        return self._load(self.by[whose], self._whole(whose[0])) if whose in self.by else None

    def total(self) -> Load:
        return self._load(self.all, self._whole("team"))

    def sorted(self, kind: Kind) -> list[Whose]:
        """Those with the most acts first."""
        of_kind = [whose for whose in self.by if whose[0] == kind]
        return sorted(of_kind, key=lambda whose: (-_acts(self.by[whose]), whose))

    def _whole(self, kind: Kind) -> int:
        return sum(_acts(counts) for whose, counts in self.by.items() if whose[0] == kind)

    def _load(self, counts: Counts, whole: int) -> Load:
        acts = _acts(counts)
        return Load(
            **{name: counts[name] for name in _COUNTS}, acts=acts, share=acts / whole if whole else 0.0
        )


def _acts(counts: Counts) -> int:
    return sum(counts[name] for name in _ACTS)


async def load(connection: asyncpg.Connection, scope: Scope, *, rows: int) -> LoadReport:
    """At most so many teams, and as many people."""
    steps = scope.period.steps()
    now = await _found(connection, scope, scope.period, steps)
    before = await _found(connection, scope, scope.period.before(), None)
    teams, people = now.sorted("team"), now.sorted("person")
    shown = (*teams[:rows], *people[:rows])
    return LoadReport(
        **scope.about,  # type: ignore[arg-type]  # what every report says
        incomplete_since=await incomplete_since(connection, scope),
        report="load",
        business_hours=BUSINESS_HOURS,
        night=NIGHT,
        total=now.total(),
        total_before=before.total(),
        rows=tuple(
            LoadRow(
                kind=whose[0],
                name=whose[1] or None,
                now=found,
                before=before.of(whose),
                series=tuple(now.acts[whose, place] for place in range(1, len(steps) + 1)),
            )
            for whose in shown
            if (found := now.of(whose)) is not None
        ),
        others=len(teams) + len(people) - len(shown),
        series=tuple(_step(at, now.steps[place]) for place, at in enumerate(steps, start=1)),
    )


async def _found(
    connection: asyncpg.Connection, scope: Scope, period: Period, steps: Sequence[datetime] | None
) -> _Carried:
    return _Carried(
        await connection.fetch(
            _ASK, scope.log_id, period.since, period.until, scope.teams, steps, period.zone
        )
    )


def _step(at: datetime, counts: Counts) -> LoadStep:
    return LoadStep(at=at, **{name: counts[name] for name in _ACTS})
