"""Indexes that find incidents by team, category, service, responder, label, words and last change."""

from alembic import op

revision = "0015_search"
down_revision = "0014_append"
branch_labels = None
depends_on = None
# Older code neither names nor minds them.
oldest_code = "0004_access"

_INDEXES = {
    "updated": "(log_id, position)",
    "priority": "(log_id, priority, created_position)",
    "category": "(log_id, category, created_position)",
    "team": "(log_id, assigned_team, created_position)",
    "service": "(log_id, service, created_position)",
    "responder": "(log_id, responder, created_position) WHERE responder IS NOT NULL",
    "labels": "USING gin (labels jsonb_path_ops)",
    "text": "USING gin (to_tsvector('simple', (title || ' ') || description))",
}

# A generation that is being filled has no indexes: it gets those of the live one at the end.
_EACH_TABLE = """
DO $do$
DECLARE
  v_table text;
BEGIN
  FOR v_table IN
    SELECT 'incident_' || g.generation FROM eventstore.generation g
    WHERE g.name = 'incident' AND g.state <> 'filling' ORDER BY g.generation
  LOOP
    EXECUTE format($each$ {statement} $each$, v_table);
  END LOOP;
END
$do$
"""


def upgrade() -> None:
    for name, index in _INDEXES.items():
        statement = f"CREATE INDEX %1$s_{name}_idx ON incidents.%1$I {index}"
        op.execute(_EACH_TABLE.format(statement=statement))


def downgrade() -> None:
    for name in reversed(_INDEXES):
        op.execute(_EACH_TABLE.format(statement=f"DROP INDEX IF EXISTS incidents.%1$s_{name}_idx"))
