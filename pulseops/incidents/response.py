"""How each incident was responded to, one row each: what durations and rates are made of, for SQL users.

Every row is made from the incident's own facts alone (`sql/responses_v1.sql`), so that it can be made again.
"""

from collections.abc import Iterator

import asyncpg
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Index, Integer, SmallInteger, Table, Text
from sqlalchemy import Uuid as Id

from pulseops.db.metadata import metadata
from pulseops.incidents.course import response
from pulseops.incidents.events import FACTS
from pulseops.projections.generations import GENERATIONS, ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_INSTANT, _SECONDS = DateTime(timezone=True), Float(53)


def _count(name: str, comment: str) -> Column[int]:
    return Column(name, Integer, nullable=False, comment=comment)


TABLE = Table(
    "response",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log of its facts."),
    Column("incident_id", Id, primary_key=True, comment="The incident, as in incidents.incident.id."),
    Column(
        "outcome",
        Text,
        nullable=False,
        comment="live, resolved or merged; what was merged stays so, also when it is closed as a duplicate.",
    ),
    Column("source", Text, nullable=False, comment="Who reported: user, monitoring, webhook or another."),
    Column("service", Text, comment="What it is about, as the reporter names it."),
    Column("environment", Text, comment="Where, such as production."),
    Column("team", Text, comment="Whose it is, after all assignments."),
    Column("priority", Text, comment="How bad it is, after all changes."),
    Column("category", Text, comment="Of what kind it is, after all changes."),
    Column("first_team", Text, comment="Whose it was first."),
    Column("first_priority", Text, comment="How bad it was first classified as."),
    Column("first_category", Text, comment="What kind it was first classified as."),
    Column("answered_team", Text, comment="Whose it was when it was first answered."),
    Column("answered_priority", Text, comment="How bad it was when it was first answered."),
    Column("answered_category", Text, comment="Of what kind it was when it was first answered."),
    Column("created_at", _INSTANT, nullable=False, comment="When it was reported, by the database's clock."),
    Column("classified_at", _INSTANT, comment="When it was first classified."),
    Column("assigned_at", _INSTANT, comment="When it was first assigned."),
    Column("escalated_at", _INSTANT, comment="When it was first escalated."),
    Column("acknowledged_at", _INSTANT, comment="When it was first acknowledged."),
    Column("acknowledged_by", Text, comment="Who acknowledged it first."),
    Column(
        "answered_at",
        _INSTANT,
        comment="When it was first acknowledged, or resolved by somebody without that; not by the clock, "
        "a merge or a recovery.",
    ),
    Column("answered_by", Text, comment="Who answered it."),
    Column("first_resolved_at", _INSTANT, comment="When it was first over."),
    Column("first_resolved_by", Text, comment="Who resolved it first."),
    Column("resolved_at", _INSTANT, comment="When it was over for good; null while it is live or merged."),
    Column("resolved_by", Text, comment="Who resolved it."),
    Column("resolution", Text, comment="How it ended, such as fixed; null while it is live or merged."),
    Column(
        "resolved_automatically",
        Boolean,
        comment="Whether it ended by the clock or recovered; null while it is live or merged.",
    ),
    Column("live_since", _INSTANT, comment="Since when it is live, without a break; null when it is not."),
    _count("acknowledgements", "How often it was acknowledged."),
    _count("unacknowledgements", "How often an acknowledgement was taken back or ran out."),
    _count("escalations", "How often the next level was told."),
    _count("highest_level", "The highest level that was told; 0 is none."),
    _count("reassignments", "How often it was assigned after the first time."),
    _count("snoozes", "How often it was snoozed."),
    _count("reopenings", "How often it was opened again after it was over."),
    _count("corrections", "How often its priority or category was said to have been wrong."),
    _count("comments", "How many comments it has."),
    _count("absorbed", "How many incidents are merged into it."),
    Column(
        "live_seconds",
        _SECONDS,
        nullable=False,
        comment="How long it was live, in seconds, over all times that have ended.",
    ),
    Column(
        "acknowledged_seconds",
        _SECONDS,
        nullable=False,
        comment="How long somebody was on it, in seconds, over all times that have ended.",
    ),
    Column(
        "snoozed_seconds",
        _SECONDS,
        nullable=False,
        comment="How long nobody was to hear of it, in seconds, over all times that have ended.",
    ),
    Column("updated_at", _INSTANT, nullable=False, comment="When its newest fact was recorded."),
    Column("version", Integer, nullable=False, comment="How many facts it has."),
    Column("position", BigInteger, nullable=False, comment="Place of its newest fact in the log."),
    Column("created_position", BigInteger, nullable=False, comment="Place of its first fact in the log."),
    Index(None, "log_id", "created_at"),
    schema="incidents",
    info=GENERATIONS,
    comment="How each incident was responded to: when, by whom, how often. "
    "Derived from the log, a moment behind it.",
    # Room for a row's own updates on its page.
    postgresql_with={"fillfactor": 80},
)

_PROJECT = "SELECT incidents.project_response_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT incidents.fill_response_v1($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


RESPONSES = Projector("response", _project)

MODEL = ReadModel(RESPONSES, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    yield response(life.facts)


REFOLD = Refold(name=RESPONSES.name, table=TABLE, stream="incident_id", facts=FACTS, rows=_refolded)
