"""What may be asked of a report, and what that means: of which log, which teams, which time."""

from datetime import datetime
from typing import Annotated

import asyncpg
from msgspec import Meta, Struct

from pulseops.access.keys import Principal
from pulseops.analytics.period import Period
from pulseops.analytics.reports import By, NoisyBy
from pulseops.catalog.defaults import Defaults
from pulseops.http.pointers import meant
from pulseops.http.position import Position
from pulseops.incidents.board import BOARD
from pulseops.incidents.commands import Instant, Word
from pulseops.incidents.filters import Several
from pulseops.incidents.response import RESPONSES
from pulseops.incidents.stint import STINTS
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.errors import InvalidInput

MODELS = (RESPONSES.name, STINTS.name)
"""What reports are made of."""
WITH_BOARD = (*MODELS, BOARD.name)
"""Also those that tell keys."""
WITH_TIMELINE = (*WITH_BOARD, TIMELINE.name)
"""Also those that tell titles and corrections."""
MOST = 100
"""Rows of a report."""

_TEAMS = "SELECT name FROM catalog.team WHERE log_id = $1"
_HAS = "SELECT EXISTS (SELECT FROM incidents.response WHERE log_id = $1 AND team = $2)"
_MISSING = "SELECT analytics.missing_since_v1($1, $2)"


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which time and whose incidents a report is about."""

    since: (
        Annotated[Instant, Meta(description="What came then or later. Else a week before its end.")] | None
    ) = None
    until: Annotated[Instant, Meta(description="What came before then. Else now.")] | None = None
    zone: Annotated[
        str,
        Meta(max_length=64, description="Whose days, business hours and nights, such as Europe/Berlin."),
    ] = "UTC"
    team: Annotated[Several[Word], Meta(description="Only incidents of one of these.")] = ()
    min_position: Position | None = None


class AskedInRows(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same, of a report that has rows."""

    rows: Annotated[int, Meta(ge=1, le=MOST, description="How many at most, those with the most first.")] = 20


class AskedTimed(AskedInRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a report of durations is told by."""

    by: Annotated[By, Meta(description="A row for each of these.")] = "team"


class AskedNoise(AskedInRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a report of noise is told by."""

    by: Annotated[NoisyBy, Meta(description="A row for each of these.")] = "service"


class Scope(Struct, frozen=True, kw_only=True):
    """Of which log, of which teams (None: of all), and when. `named` are the teams that were asked for.

    `models` are the read models that the report is made of.
    """

    log_id: int
    period: Period
    teams: tuple[str, ...] | None
    named: tuple[str, ...]
    models: tuple[str, ...] = MODELS

    @property
    def about(self) -> dict[str, object]:
        """What every report says of itself."""
        return {"period": self.period, "before": self.period.before(), "teams": self.named}


async def scoped(
    connection: asyncpg.Connection,
    asked: Asked,
    asking: Principal,
    defaults: Defaults,
    *,
    period: Period,
    models: tuple[str, ...],
) -> Scope:
    """Raises InvalidInput for a team that is not there for the caller."""
    named = tuple(dict.fromkeys(asked.team))
    if named:
        there = {row["name"] for row in await connection.fetch(_TEAMS, asking.log_id)} | {*defaults.teams}
        for team in named:
            if not asking.sees(team) or (
                team not in there and not await connection.fetchval(_HAS, asking.log_id, team)
            ):
                known = sorted(one for one in there if asking.sees(one))
                raise InvalidInput(f"There is no such team.{meant(team, known)}", pointer="/team")
    teams = named or (None if asking.teams is None else tuple(sorted(asking.teams)))
    return Scope(log_id=asking.log_id, period=period, teams=teams, named=named, models=models)


async def incomplete_since(connection: asyncpg.Connection, scope: Scope) -> datetime | None:
    """When the first fact was recorded that belongs to the period and does not show yet."""
    found: datetime | None = await connection.fetchval(_MISSING, scope.log_id, scope.models)
    return found if found is not None and found < scope.period.until else None
