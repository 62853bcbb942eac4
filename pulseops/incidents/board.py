"""Every incident as it now stands, one row each: what lists read, and analysts with SQL."""

from collections.abc import Iterator
from functools import reduce

import asyncpg
import msgspec
from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pulseops.db.metadata import metadata
from pulseops.incidents.events import FACTS
from pulseops.incidents.incident import Incident, evolve
from pulseops.projections.generations import GENERATIONS, ReadModel, Stretch
from pulseops.projections.refolding import Life, Refold, Row
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

_INSTANT = DateTime(timezone=True)
_EMPTY = text("'{}'")

TABLE = Table(
    "incident",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log of its facts."),
    Column("id", Uuid, primary_key=True, comment="Identifies the incident."),
    Column("status", Text, nullable=False, comment="open, acknowledged, resolved or merged."),
    Column("title", Text, nullable=False, comment="What is wrong, in a line."),
    Column("description", Text, nullable=False, comment="What is wrong, at length; may be empty."),
    Column("source", Text, nullable=False, comment="Who reports: user, monitoring, webhook or another."),
    Column("service", Text, comment="What it is about, as the reporter names it."),
    Column("environment", Text, comment="Where, such as production."),
    Column("labels", JSONB, nullable=False, comment="The reporter's own names and values."),
    Column("dedup_key", Text, comment="While it is unresolved, reports under this key join it."),
    Column("priority", Text, comment="low, medium, high or critical; the reporter's until it is classified."),
    Column("category", Text, comment="Of what kind it is, once it is classified."),
    Column("assigned_team", Text, comment="Whose it is, once it is assigned."),
    Column("escalation_level", Integer, nullable=False, comment="How far it was escalated; 0 is not at all."),
    Column("escalated_to", Text, comment="Who was told at that level."),
    Column("acknowledged_by", Text, comment="Who said to be on it."),
    Column("resolved_by", Text, comment="Who said that it is over."),
    Column("occurred_at", _INSTANT, nullable=False, comment="When it began, as the reporter claims."),
    Column("created_at", _INSTANT, nullable=False, comment="When it was reported, by the database's clock."),
    Column("classified_at", _INSTANT, comment="When it was classified."),
    Column("assigned_at", _INSTANT, comment="When it was assigned."),
    Column("acknowledged_at", _INSTANT, comment="When it was acknowledged."),
    Column("escalated_at", _INSTANT, comment="When it was last escalated."),
    Column("resolved_at", _INSTANT, comment="When it was resolved."),
    Column("updated_at", _INSTANT, nullable=False, comment="When its newest fact was recorded."),
    Column("version", Integer, nullable=False, comment="How many facts it has."),
    Column("position", BigInteger, nullable=False, comment="Place of its newest fact in the log."),
    Column("created_position", BigInteger, nullable=False, comment="Place of its first fact in the log."),
    Column("responder", Text, comment="Which person it was given to, if to one."),
    Column("snoozed_until", _INSTANT, comment="Nobody is to hear of it before then."),
    Column("resolution", Text, comment="How it ended, such as fixed or duplicate; null while it has not."),
    Column("cause", Text, comment="What the cause was, where somebody said so."),
    Column("merged_into", Uuid, comment="The incident that it lives on in, being the same fault."),
    Column(
        "merged",
        ARRAY(Uuid),
        nullable=False,
        server_default=_EMPTY,
        comment="Incidents that were merged into it.",
    ),
    Column(
        "impacted_services",
        ARRAY(Text),
        nullable=False,
        server_default=_EMPTY,
        comment="Which services feel it, as declared.",
    ),
    Column("customers_affected", Integer, comment="How many customers feel it; null while nobody knows."),
    Column(
        "links",
        JSONB,
        nullable=False,
        server_default=text("'[]'"),
        comment="What it has to do with: [{incident or url, title, relation}]; a default is omitted.",
    ),
    # Newest first, from any place on. The second is the first without what is over: it stays small while
    # history grows, and a page of open incidents never wades through resolved ones.
    Index(None, "log_id", "created_position", unique=True),
    Index(
        "incident_unresolved_idx",
        "log_id",
        "created_position",
        postgresql_where=text("status NOT IN ('resolved', 'merged')"),
    ),
    Index("incident_updated_idx", "log_id", "position"),
    # What is rare is found without going through what is common, and what is common in the order of creation.
    Index("incident_priority_idx", "log_id", "priority", "created_position"),
    Index("incident_category_idx", "log_id", "category", "created_position"),
    Index("incident_team_idx", "log_id", "assigned_team", "created_position"),
    Index("incident_service_idx", "log_id", "service", "created_position"),
    Index(
        "incident_responder_idx",
        "log_id",
        "responder",
        "created_position",
        postgresql_where=text("responder IS NOT NULL"),
    ),
    Index(
        "incident_labels_idx",
        "labels",
        postgresql_using="gin",
        postgresql_ops={"labels": "jsonb_path_ops"},
    ),
    Index(
        "incident_text_idx",
        text("to_tsvector('simple'::regconfig, (title || ' '::text) || description)"),
        postgresql_using="gin",
    ),
    schema="incidents",
    info=GENERATIONS,
    comment="Every incident as it now stands. Derived from the log, a moment behind it.",
    # Room for a row's own updates on its page.
    postgresql_with={"fillfactor": 80},
)


_PROJECT = "SELECT incidents.project_incident_v3($1, $2, $3, $4, $5, $6, $7, $8)"
_FILL = "SELECT incidents.fill_incident_v2($1, $2, $3, $4, $5, $6)"


async def _project(connection: asyncpg.Connection, piece: Slice) -> None:
    await connection.execute(_PROJECT, piece.generation, *piece.parameters)


async def _fill(connection: asyncpg.Connection, part: Stretch) -> None:
    await connection.execute(
        _FILL, part.generation, part.log_id, part.after, part.to, part.up_to, part.parked
    )


BOARD = Projector("incident", _project)

MODEL = ReadModel(BOARD, _fill)


def _refolded(life: Life) -> Iterator[Row]:
    beginning: Incident | None = None
    if (incident := reduce(evolve, life.facts, beginning)) is None:
        return
    row = msgspec.structs.asdict(incident)
    row |= {name: msgspec.Raw(msgspec.json.encode(row[name])) for name in ("labels", "links")}
    yield row | {"created_position": life.facts[0].position}


REFOLD = Refold(name=BOARD.name, table=TABLE, stream="id", facts=FACTS, rows=_refolded)
