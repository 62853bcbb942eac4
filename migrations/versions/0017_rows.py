"""Analysts read views, and of these the rows of the logs that their login was given; tables no more."""

import sqlalchemy as sa
from alembic import op

revision = "0017_rows"
down_revision = "0015_search"
branch_labels = None
depends_on = None
# Older code never works as an analyst.
oldest_code = "0004_access"

_GONE = """
DO $$
DECLARE
  v_view text;
BEGIN
  FOR v_view IN
    SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'analytics'::regnamespace AND c.relkind = 'v'
  LOOP
    EXECUTE format('DROP VIEW analytics.%I CASCADE', v_view);
  END LOOP;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "analyst",
        sa.Column(
            "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log that is open."
        ),
        sa.Column(
            "login",
            sa.Text(),
            nullable=False,
            comment="The login in PostgreSQL, a member of pulseops_analyst.",
        ),
        sa.PrimaryKeyConstraint("log_id", "login", name=op.f("analyst_pkey")),
        schema="access",
        comment="Which logs the views of the schema analytics show to whom; a login without a row sees "
        "nothing.",
    )


def downgrade() -> None:
    op.execute(_GONE)
    op.drop_table("analyst", schema="access")
    op.execute("GRANT USAGE ON SCHEMA eventstore, incidents, escalation, catalog TO pulseops_analyst")
    op.execute(
        "GRANT SELECT ON eventstore.log, eventstore.event, incidents.incident, incidents.timeline, "
        "escalation.deadline, catalog.team, catalog.service TO pulseops_analyst"
    )
