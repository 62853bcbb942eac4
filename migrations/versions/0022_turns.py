"""Whose turn it is to make a register is a row of ours, and no lock that any login can take."""

import sqlalchemy as sa
from alembic import op

revision = "0022_turns"
down_revision = "0021_analytics"
branch_labels = None
depends_on = None
# Older code takes another lock. Both may make a register at once: one of the two fails, and looks again.
oldest_code = "0004_access"


def upgrade() -> None:
    op.create_table(
        "register_turn",
        sa.Column(
            "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log that it is of."
        ),
        sa.PrimaryKeyConstraint("log_id", name=op.f("register_turn_pkey")),
        schema="audit",
        comment="Whoever makes the register of a log holds the log's row. No other login may.",
    )


def downgrade() -> None:
    op.drop_table("register_turn", schema="audit")
