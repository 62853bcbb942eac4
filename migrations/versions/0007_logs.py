"""Logs have names, and a key opens its own log."""

import sqlalchemy as sa
from alembic import op

revision = "0007_logs"
down_revision = "0006_generations"
branch_labels = None
depends_on = None
# Older code knows the first log and its keys, and goes on with them.
oldest_code = "0004_access"


def upgrade() -> None:
    # From the lock on the log until the commit nobody records. So it is the last one that is waited for: what
    # an upgrade by several revisions needs after this one (0009) is taken before, in the sweep's own order.
    op.execute("LOCK TABLE escalation.deadline IN ACCESS EXCLUSIVE MODE")
    op.create_unique_constraint(op.f("api_key_key_id_key"), "api_key", ["key_id"], schema="access")
    op.add_column(
        "log",
        sa.Column("name", sa.Text(), nullable=True, comment="What people call it; the first is default."),
        schema="eventstore",
    )
    op.add_column(
        "log",
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=True, comment="When it was made, empty."
        ),
        schema="eventstore",
    )
    # Logs that were made by hand before they had names are called by their number.
    op.execute(
        """
        UPDATE eventstore.log l SET
          name = CASE l.log_id WHEN 1 THEN 'default' ELSE 'log-' || l.log_id END,
          created_at = coalesce((
            SELECT e.recorded_at FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position LIMIT 1
          ), statement_timestamp())
        """
    )
    op.alter_column("log", "name", nullable=False, schema="eventstore")
    op.alter_column("log", "created_at", nullable=False, schema="eventstore")
    op.create_unique_constraint(op.f("log_name_key"), "log", ["name"], schema="eventstore")
    op.create_check_constraint(
        op.f("log_name_check"), "log", "name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'", schema="eventstore"
    )


def downgrade() -> None:
    op.drop_constraint("api_key_key_id_key", "api_key", schema="access")
    op.drop_column("log", "created_at", schema="eventstore")
    op.drop_column("log", "name", schema="eventstore")
