"""Deadlines: what is due when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_escalation"
down_revision = "0002_incidents"
branch_labels = None
depends_on = None
oldest_code = "0003_escalation"


def upgrade() -> None:
    op.create_table(
        "deadline",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log of the incident's facts.",
        ),
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="The incident that waits for an answer."),
        sa.Column("kind", sa.Text(), nullable=False, comment="What the deadline is for: escalation."),
        sa.Column(
            "step",
            sa.Integer(),
            nullable=False,
            comment="The level that hears of it when the time is up, from 1.",
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="When the time is up."),
        sa.Column(
            "plan",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The escalation plan, as it was when the team was assigned.",
        ),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How many sweeps in a row could not read the incident's history.",
        ),
        sa.Column(
            "retry_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="After a failure: when a sweep tries again.",
        ),
        sa.Column("last_error", sa.Text(), nullable=True, comment="After a failure: what went wrong."),
        sa.PrimaryKeyConstraint("log_id", "incident_id", "kind", name=op.f("deadline_pkey")),
        schema="escalation",
        comment="What is due when: one row for each open incident that somebody has yet to answer.",
    )
    op.create_index(
        op.f("deadline_log_id_due_at_incident_id_idx"),
        "deadline",
        ["log_id", "due_at", "incident_id"],
        schema="escalation",
    )


def downgrade() -> None:
    op.drop_table("deadline", schema="escalation")
    # Come again, it is filled from the beginning.
    op.execute("DELETE FROM eventstore.subscription WHERE name = 'deadline'")
