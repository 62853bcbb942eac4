"""The read models of incidents: the board and the timeline."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_incidents"
down_revision = "0001_eventstore"
branch_labels = None
depends_on = None
oldest_code = "0002_incidents"


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column(
            "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log of its facts."
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="Identifies the incident."),
        sa.Column("status", sa.Text(), nullable=False, comment="open, acknowledged or resolved."),
        sa.Column("title", sa.Text(), nullable=False, comment="What is wrong, in a line."),
        sa.Column(
            "description", sa.Text(), nullable=False, comment="What is wrong, at length; may be empty."
        ),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="Who reports: user, monitoring, webhook or another."
        ),
        sa.Column("service", sa.Text(), nullable=True, comment="What it is about, as the reporter names it."),
        sa.Column("environment", sa.Text(), nullable=True, comment="Where, such as production."),
        sa.Column(
            "labels",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The reporter's own names and values.",
        ),
        sa.Column(
            "dedup_key",
            sa.Text(),
            nullable=True,
            comment="While it is unresolved, reports under this key join it.",
        ),
        sa.Column(
            "priority",
            sa.Text(),
            nullable=True,
            comment="low, medium, high or critical; the reporter's until it is classified.",
        ),
        sa.Column("category", sa.Text(), nullable=True, comment="Of what kind it is, once it is classified."),
        sa.Column("assigned_team", sa.Text(), nullable=True, comment="Whose it is, once it is assigned."),
        sa.Column(
            "escalation_level",
            sa.Integer(),
            nullable=False,
            comment="How far it was escalated; 0 is not at all.",
        ),
        sa.Column("escalated_to", sa.Text(), nullable=True, comment="Who was told at that level."),
        sa.Column("acknowledged_by", sa.Text(), nullable=True, comment="Who said to be on it."),
        sa.Column("resolved_by", sa.Text(), nullable=True, comment="Who said that it is over."),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it began, as the reporter claims.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was reported, by the database's clock.",
        ),
        sa.Column(
            "classified_at", sa.DateTime(timezone=True), nullable=True, comment="When it was classified."
        ),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True, comment="When it was assigned."),
        sa.Column(
            "acknowledged_at", sa.DateTime(timezone=True), nullable=True, comment="When it was acknowledged."
        ),
        sa.Column(
            "escalated_at", sa.DateTime(timezone=True), nullable=True, comment="When it was last escalated."
        ),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True, comment="When it was resolved."),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When its newest fact was recorded.",
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="How many facts it has."),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="Place of its newest fact in the log."
        ),
        sa.Column(
            "created_position", sa.BigInteger(), nullable=False, comment="Place of its first fact in the log."
        ),
        sa.PrimaryKeyConstraint("log_id", "id", name=op.f("incident_pkey")),
        schema="incidents",
        comment="Every incident as it now stands. Derived from the log, a moment behind it.",
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        op.f("incident_log_id_created_position_idx"),
        "incident",
        ["log_id", "created_position"],
        unique=True,
        schema="incidents",
    )
    op.create_index(
        "incident_unresolved_idx",
        "incident",
        ["log_id", "created_position"],
        unique=False,
        schema="incidents",
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_table(
        "timeline",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that holds the fact.",
        ),
        sa.Column(
            "incident_id", sa.Uuid(), nullable=False, comment="The incident, as in incidents.incident.id."
        ),
        sa.Column(
            "version",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Place among the incident's facts: from 1, without gaps.",
        ),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="Place in the log."),
        sa.Column("event", sa.Text(), nullable=False, comment="What happened, such as CREATED."),
        sa.Column(
            "timestamp",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was recorded, by the database's clock.",
        ),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it happened, as whoever reported it claims.",
        ),
        sa.Column("actor", sa.Text(), nullable=False, comment="Who did it: a key, or a part of the system."),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The fact's fields but the description; one that has its default value is omitted.",
        ),
        sa.PrimaryKeyConstraint("log_id", "incident_id", "version", name=op.f("timeline_pkey")),
        schema="incidents",
        comment="Every step of every incident. Derived from the log, a moment behind it.",
    )


def downgrade() -> None:
    for table in ("timeline", "incident"):
        op.drop_table(table, schema="incidents")
    # Come again, they are filled from the beginning.
    op.execute("DELETE FROM eventstore.subscription WHERE name IN ('incident', 'timeline')")
