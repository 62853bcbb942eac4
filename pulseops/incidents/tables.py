"""The read models of incidents: every one as it stands, its timeline, how it was answered, and who had it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pulseops.db.metadata import metadata
from pulseops.projections.tables import GENERATIONS

_INSTANT = DateTime(timezone=True)
_EMPTY = text("'{}'")


incident = Table(
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

timeline = Table(
    "timeline",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that holds the fact."
    ),
    Column("incident_id", Uuid, primary_key=True, comment="The incident, as in incidents.incident.id."),
    Column(
        "version",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Place among the incident's facts: from 1, without gaps.",
    ),
    Column("position", BigInteger, nullable=False, comment="Place in the log."),
    Column("event", Text, nullable=False, comment="What happened, such as CREATED."),
    Column(
        "timestamp",
        DateTime(timezone=True),
        nullable=False,
        comment="When it was recorded, by the database's clock.",
    ),
    Column(
        "occurred_at",
        DateTime(timezone=True),
        nullable=False,
        comment="When it happened, as whoever reported it claims.",
    ),
    Column("actor", Text, nullable=False, comment="Who did it: a key, or a part of the system."),
    Column(
        "details",
        JSONB,
        nullable=False,
        comment="The fact's fields but a report's description; one that has its default value is omitted.",
    ),
    schema="incidents",
    info=GENERATIONS,
    comment="Every step of every incident. Derived from the log, a moment behind it.",
)


def _seconds(name: str, how_long: str) -> Column[float]:
    over = f"{how_long}, in seconds, over all times that have ended."
    return Column(name, Float(53), nullable=False, comment=over)


def _count(name: str, comment: str) -> Column[int]:
    return Column(name, Integer, nullable=False, comment=comment)


response = Table(
    "response",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log of its facts."),
    Column("incident_id", Uuid, primary_key=True, comment="The incident, as in incidents.incident.id."),
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
    _seconds("live_seconds", "How long it was live"),
    _seconds("acknowledged_seconds", "How long somebody was on it"),
    _seconds("snoozed_seconds", "How long nobody was to hear of it"),
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

stint = Table(
    "stint",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log of its facts."),
    Column("incident_id", Uuid, primary_key=True, comment="The incident, as in incidents.incident.id."),
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
