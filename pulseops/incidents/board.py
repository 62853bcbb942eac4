"""Every incident as it now stands, one row each: what GET /incidents reads, and analysts with SQL."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from zlib import crc32

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pulseops.db.metadata import metadata
from pulseops.incidents.events import Priority, Status
from pulseops.incidents.incident import Incident, Tie
from pulseops.kernel.errors import InvalidInput
from pulseops.projections.generations import GENERATIONS, ReadModel, Stretch
from pulseops.subscriptions.slices import Slice
from pulseops.subscriptions.subscription import Projector

MOST = 200
"""Incidents on one page."""

_INSTANT = DateTime(timezone=True)
_EMPTY = text("'{}'")
_PLACE, _SUM = struct.Struct(">hq"), struct.Struct(">I")

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
    schema="incidents",
    info=GENERATIONS,
    comment="Every incident as it now stands. Derived from the log, a moment behind it.",
    # Room for a row's own updates on its page: most of them touch no index.
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


class Filters(Struct, frozen=True, kw_only=True):
    """Only incidents with one of these values; an empty tuple lets all through."""

    status: tuple[Status, ...] = ()
    priority: tuple[Priority, ...] = ()
    category: tuple[str, ...] = ()
    team: tuple[str, ...] = ()


class Page(Struct, frozen=True, kw_only=True, rename="camel"):
    """Newest first. `nextCursor` leads to the older ones; it is null on the last page."""

    items: tuple[Incident, ...]
    next_cursor: str | None


# Twice the same but for the literal that lets the planner see that the smaller index will do.
_PAGE = """
    SELECT * FROM incidents.incident
    WHERE log_id = $1 AND created_position < $2
      AND (cardinality($3::text[]) = 0 OR status = ANY ($3))
      AND (cardinality($4::text[]) = 0 OR priority = ANY ($4))
      AND (cardinality($5::text[]) = 0 OR category = ANY ($5))
      AND (cardinality($6::text[]) = 0 OR assigned_team = ANY ($6))
      AND ($8::text[] IS NULL OR assigned_team = ANY ($8))
    ORDER BY created_position DESC
    LIMIT $7
"""
_UNRESOLVED_PAGE = """
    SELECT * FROM incidents.incident
    WHERE log_id = $1 AND created_position < $2 AND status NOT IN ('resolved', 'merged')
      AND status = ANY ($3)
      AND (cardinality($4::text[]) = 0 OR priority = ANY ($4))
      AND (cardinality($5::text[]) = 0 OR category = ANY ($5))
      AND (cardinality($6::text[]) = 0 OR assigned_team = ANY ($6))
      AND ($8::text[] IS NULL OR assigned_team = ANY ($8))
    ORDER BY created_position DESC
    LIMIT $7
"""
_OVER = {"resolved", "merged"}
_NOTHING = Filters()
_NEWEST = 2**63 - 1
_MADE = {"labels", "links", "merged", "impacted_services"}
_FIELDS = tuple(name for name in Incident.__struct_fields__ if name not in _MADE)
_labels = msgspec.json.Decoder(dict[str, str]).decode
_links = msgspec.json.Decoder(tuple[Tie, ...]).decode


async def list_incidents(
    connection: asyncpg.Connection | asyncpg.Pool,
    filters: Filters = _NOTHING,
    cursor: str | None = None,
    limit: int = 50,
    *,
    teams: frozenset[str] | None = None,
    log_id: int,
) -> Page:
    """At most `limit` incidents, those after `cursor`, of `teams` alone (None: of all).

    InvalidInput for a limit or cursor that cannot be.
    """
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"A page has 1 to {MOST} incidents.", pointer="/limit")
    for name, words in (("category", filters.category), ("team", filters.team)):
        if any("\0" in word for word in words):
            raise InvalidInput("There is a NUL in it.", pointer=f"/{name}")
    unresolved = bool(filters.status) and _OVER.isdisjoint(filters.status)
    rows = await connection.fetch(
        _UNRESOLVED_PAGE if unresolved else _PAGE,
        log_id,
        _NEWEST if cursor is None else _place(cursor, log_id),
        filters.status,
        filters.priority,
        filters.category,
        filters.team,
        limit + 1,
        None if teams is None else list(teams),
    )
    more = len(rows) > limit
    return Page(
        items=tuple(_incident(row) for row in rows[:limit]),
        next_cursor=_cursor(log_id, rows[limit - 1]["created_position"]) if more else None,
    )


def _incident(row: asyncpg.Record) -> Incident:
    return Incident(
        labels=_labels(row["labels"]),
        links=_links(row["links"]),
        merged=tuple(row["merged"]),
        impacted_services=tuple(row["impacted_services"]),
        **{name: row[name] for name in _FIELDS},
    )


def _cursor(log_id: int, position: int) -> str:
    place = _PLACE.pack(log_id, position)
    return urlsafe_b64encode(place + _SUM.pack(crc32(place))).decode().rstrip("=")


def _place(cursor: str, log_id: int) -> int:
    try:
        packed = urlsafe_b64decode(cursor + "==")
        log, position = _PLACE.unpack(packed[: _PLACE.size])
    except (ValueError, struct.error):
        log, position = log_id, 0
    if log != log_id or position < 1 or cursor != _cursor(log, position):
        raise InvalidInput("This is not a cursor of ours.", pointer="/cursor")
    return int(position)
