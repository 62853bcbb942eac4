"""When whom to tell next."""

from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from pulseops.db.metadata import metadata

deadline = Table(
    "deadline",
    metadata,
    Column(
        "log_id",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="The log of the incident's facts.",
    ),
    Column("incident_id", Uuid, primary_key=True, comment="The incident that waits."),
    Column(
        "kind",
        Text,
        primary_key=True,
        comment="What the deadline is for: escalation, acknowledgement, snooze or incident (auto-resolve).",
    ),
    Column(
        "step",
        Integer,
        nullable=False,
        comment="Of an escalation: the level that hears of it when the time is up, from 1. Otherwise 1.",
    ),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="When the time is up."),
    Column("plan", JSONB, comment="The plan, as it was when the wait began; null for a snooze."),
    Column(
        "failures",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="How many sweeps in a row could not read the incident's history.",
    ),
    Column("retry_at", DateTime(timezone=True), comment="After a failure: when a sweep tries again."),
    Column("last_error", Text, comment="After a failure: what went wrong."),
    Column(
        "version",
        Integer,
        comment="How many facts the incident had then; while it has no more, what follows holds.",
    ),
    Column("level", Integer, comment="How far it was escalated then; 0 is not at all."),
    Column("correlation_id", Uuid, comment="The correlation id of its first fact."),
    Column(
        "cause_id",
        Uuid,
        comment="What the next fact answers to: the beginning of the wait, or its newest ESCALATED.",
    ),
    Column(
        "wait_id",
        Uuid,
        comment="The fact that the wait began with; null where the release before wrote the row.",
    ),
    Index(None, "log_id", "due_at", "incident_id"),
    schema="escalation",
    comment="What is due when: who hears next, and which acknowledgement, snooze or incident runs out.",
)
