"""What incidents were for a while, and from when to when: live, assigned, acknowledged, snoozed, escalated.

A stint begins with a fact and ends with a later one. Once it has ended it never changes.
"""

from collections.abc import Iterator

import asyncpg
from sqlalchemy import BigInteger, Column, DateTime, Float, Index, Integer, SmallInteger, Table, Text, text
from sqlalchemy import Uuid as Id

from pulseops.db.metadata import metadata
from pulseops.incidents.course import stints
from pulseops.incidents.events import FACTS
from pulseops.projections.generations import GENERATIONS, ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_INSTANT = DateTime(timezone=True)

TABLE = Table(
    "stint",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log of its facts."),
    Column("incident_id", Id, primary_key=True, comment="The incident, as in incidents.incident.id."),
    Column(
        "version",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="The fact that it began with, as in incidents.timeline.version.",
    ),
    Column("kind", Text, nullable=False, comment="live, assigned, acknowledged, snoozed or escalated."),
    Column("from_at", _INSTANT, nullable=False, comment="When it began, by the database's clock."),
    Column("until_at", _INSTANT, comment="When it ended; null while it lasts."),
    Column("ended", Text, comment="The type of the fact that ended it; null while it lasts."),
    Column("begun_by", Text, nullable=False, comment="Who caused the fact that it began with."),
    Column("ended_by", Text, comment="Who caused the fact that ended it."),
    Column(
        "team",
        Text,
        comment="Whose the incident was when it began; of kind live when it ended.",
    ),
    Column("priority", Text, comment="How bad it was at that moment."),
    Column(
        "waiting_since",
        _INSTANT,
        comment="Of kind acknowledged: since when it had waited; null when somebody was on it.",
    ),
    Column("responder", Text, comment="Of kind assigned: the person that it was given to, if to one."),
    Column("level", Integer, comment="Of kind escalated: which level was told, from 1."),
    Column("target", Text, comment="Of kind escalated: who was told."),
    Column("due_at", _INSTANT, comment="Of kind escalated: when the time was up."),
    Column("late_by", Float(53), comment="Of kind escalated: how long after that it was told, in seconds."),
    Column("resolution", Text, comment="Of kind live: how it ended, such as fixed; null when it was merged."),
    Column(
        "position", BigInteger, nullable=False, comment="Place of the fact that it began with in the log."
    ),
    Index(None, "log_id", "kind", "from_at"),
    # What was over in a time, and what is not: without going through all that ever was.
    Index("stint_over_idx", "log_id", "until_at", postgresql_where=text("kind = 'live'")),
    schema="incidents",
    info=GENERATIONS,
    comment="What each incident was for a while, and from when to when. "
    "Derived from the log, a moment behind it.",
    # Room for a row's end on its page.
    postgresql_with={"fillfactor": 90},
)

_PROJECT = "SELECT incidents.project_stint_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT incidents.fill_stint_v1($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


STINTS = Projector("stint", _project)

MODEL = ReadModel(STINTS, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    yield from stints(life.facts)


REFOLD = Refold(name=STINTS.name, table=TABLE, stream="incident_id", facts=FACTS, rows=_refolded)
