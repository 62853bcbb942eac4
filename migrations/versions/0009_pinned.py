"""A deadline says how its incident stood when it was set, so that a sweep need not read its history."""

import sqlalchemy as sa
from alembic import op

revision = "0009_pinned"
down_revision = "0007_logs"
branch_labels = None
depends_on = None
# Older code leaves the columns as they are: then they are not of the stream's version, and history is read.
oldest_code = "0004_access"


def upgrade() -> None:
    for column in (
        sa.Column(
            "version",
            sa.Integer(),
            nullable=True,
            comment="How many facts the incident had then; while it has no more, what follows holds.",
        ),
        sa.Column(
            "level", sa.Integer(), nullable=True, comment="How far it was escalated then; 0 is not at all."
        ),
        sa.Column(
            "correlation_id", sa.Uuid(), nullable=True, comment="The correlation id of its first fact."
        ),
        sa.Column(
            "cause_id",
            sa.Uuid(),
            nullable=True,
            comment="The fact that began the wait: ASSIGNED or ESCALATED.",
        ),
    ):
        op.add_column("deadline", column, schema="escalation")


def downgrade() -> None:
    for name in ("cause_id", "correlation_id", "level", "version"):
        op.drop_column("deadline", name, schema="escalation")
