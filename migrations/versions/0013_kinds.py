"""Deadlines of more kinds than escalation: each names the fact that its wait began with."""

import sqlalchemy as sa
from alembic import op

revision = "0013_kinds"
down_revision = "0012_catalog"
branch_labels = None
depends_on = None
# Older code claims and writes escalations only; it names no wait, and then history is read.
oldest_code = "0004_access"

_TABLE = (
    "What is due when: one row for each open incident that somebody has yet to answer.",
    "What is due when: who hears next, and which acknowledgement, snooze or incident runs out.",
)
_COMMENTS = {
    "incident_id": ("The incident that waits for an answer.", "The incident that waits."),
    "kind": (
        "What the deadline is for: escalation.",
        "What the deadline is for: escalation, acknowledgement, snooze or incident (auto-resolve).",
    ),
    "step": (
        "The level that hears of it when the time is up, from 1.",
        "Of an escalation: the level that hears of it when the time is up, from 1. Otherwise 1.",
    ),
    "plan": (
        "The escalation plan, as it was when the team was assigned.",
        "The plan, as it was when the wait began; null for a snooze.",
    ),
    "cause_id": (
        "The fact that began the wait: ASSIGNED or ESCALATED.",
        "What the next fact answers to: the beginning of the wait, or its newest ESCALATED.",
    ),
}


def upgrade() -> None:
    op.add_column(
        "deadline",
        sa.Column(
            "wait_id",
            sa.Uuid(),
            nullable=True,
            comment="The fact that the wait began with; null where the release before wrote the row.",
        ),
        schema="escalation",
    )
    op.alter_column("deadline", "plan", nullable=True, schema="escalation")
    for column, (before, after) in _COMMENTS.items():
        op.alter_column("deadline", column, schema="escalation", comment=after, existing_comment=before)
    op.create_table_comment("deadline", _TABLE[1], schema="escalation", existing_comment=_TABLE[0])


def downgrade() -> None:
    op.execute("DELETE FROM escalation.deadline WHERE kind <> 'escalation'")
    op.create_table_comment("deadline", _TABLE[0], schema="escalation", existing_comment=_TABLE[1])
    for column, (before, after) in _COMMENTS.items():
        op.alter_column("deadline", column, schema="escalation", comment=before, existing_comment=after)
    op.alter_column("deadline", "plan", nullable=False, schema="escalation")
    op.drop_column("deadline", "wait_id", schema="escalation")
