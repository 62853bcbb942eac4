"""A longer life on an incident's row: who is on it, until when it sleeps, what it was merged with."""

from alembic import op

revision = "0010_life"
down_revision = "0009_pinned"
branch_labels = None
depends_on = None
# Older code names the columns that it writes, and the others have constant defaults.
oldest_code = "0004_access"

# Named, as a generation that is made later has them under the same names.
_COLUMNS = {
    "responder": ("text", "Which person it was given to, if to one."),
    "snoozed_until": ("timestamptz", "Nobody is to hear of it before then."),
    "resolution": ("text", "How it ended, such as fixed or duplicate; null while it has not."),
    "cause": ("text", "What the cause was, where somebody said so."),
    "merged_into": ("uuid", "The incident that it lives on in, being the same fault."),
    "merged": (
        "uuid[] CONSTRAINT incident_merged_not_null NOT NULL DEFAULT '{}'",
        "Incidents that were merged into it.",
    ),
    "impacted_services": (
        "text[] CONSTRAINT incident_impacted_services_not_null NOT NULL DEFAULT '{}'",
        "Which services feel it, as declared.",
    ),
    "customers_affected": ("integer", "How many customers feel it; null while nobody knows."),
    "links": (
        "jsonb CONSTRAINT incident_links_not_null NOT NULL DEFAULT '[]'",
        "What it has to do with: [{incident or url, title, relation}]; a default is omitted.",
    ),
}
_STATUS = "open, acknowledged, resolved or merged."
_STATUS_BEFORE = "open, acknowledged or resolved."
_DETAILS = "The fact's fields but a report's description; one that has its default value is omitted."
_DETAILS_BEFORE = "The fact's fields but the description; one that has its default value is omitted."

# Whoever reads has the view first, and then the table: so does this, and nobody waits for each other.
_LOCK = "LOCK TABLE incidents.incident IN ACCESS EXCLUSIVE MODE"

# Every generation has the same columns in the same places, also those that are filled or kept.
_EACH_TABLE = """
DO $do$
DECLARE
  v_table regclass;
BEGIN
  FOR v_table IN
    SELECT to_regclass(g.relation || '_' || g.generation) FROM eventstore.generation g
    WHERE g.name = '{model}' ORDER BY g.generation
  LOOP
    EXECUTE format($each$ {statement} $each$, v_table);
  END LOOP;
END
$do$
"""

# A column more at its end is all that replacing a view can bring. Rights and comments belong to it, and stay.
_VIEW = """
DO $do$
DECLARE
  v_table regclass := (
    SELECT to_regclass(g.relation || '_' || g.generation) FROM eventstore.generation g
    WHERE g.name = 'incident' AND g.state = 'live'
  );
  v_columns text;
  v_comment text;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO v_columns
  FROM pg_attribute a WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped;
  EXECUTE format('CREATE OR REPLACE VIEW incidents.incident AS SELECT %s FROM %s', v_columns, v_table);
  FOR v_columns, v_comment IN
    SELECT a.attname, col_description(a.attrelid, a.attnum)
    FROM pg_attribute a WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped
  LOOP
    EXECUTE format('COMMENT ON COLUMN incidents.incident.%I IS %L', v_columns, v_comment);
  END LOOP;
END
$do$
"""

# What was merged stays so, as a rule, and would fill the index of what is not over. The new one is small, but
# takes a walk through the table, which lists and projections wait for. A generation that is being filled gets
# it at the end. Statements of the release before have the other index on the same columns.
_INDEX = """
DO $do$
DECLARE
  v_table text;
BEGIN
  FOR v_table IN
    SELECT 'incident_' || g.generation FROM eventstore.generation g
    WHERE g.name = 'incident' AND g.state <> 'filling' ORDER BY g.generation
  LOOP
    EXECUTE format('DROP INDEX incidents.%I', v_table || '_unresolved_idx');
    EXECUTE format('CREATE INDEX %I ON incidents.%I (log_id, created_position) WHERE {where}',
      v_table || '_unresolved_idx', v_table);
  END LOOP;
END
$do$
"""
_UNRESOLVED = "status NOT IN (''resolved'', ''merged'')"
_UNRESOLVED_BEFORE = "status <> ''resolved''"

# What the columns held is in history, and comes back only from there: where there was anything, the board is
# empty and goes through history again. Generations that nobody reads go, and can be made anew.
_BEGIN_AGAIN = """
DO $do$
DECLARE
  v_generation smallint;
  v_live text;
BEGIN
  FOR v_generation IN
    SELECT g.generation FROM eventstore.generation g WHERE g.name = 'incident' AND g.state <> 'live'
  LOOP
    EXECUTE format('DROP TABLE incidents.%I', 'incident_' || v_generation);
  END LOOP;
  DELETE FROM eventstore.filling WHERE name = 'incident';
  DELETE FROM eventstore.generation WHERE name = 'incident' AND state <> 'live';
  IF EXISTS (
    SELECT FROM incidents.incident i
    WHERE i.status = 'merged' OR i.merged <> '{}' OR i.impacted_services <> '{}' OR i.links <> '[]'
      OR num_nonnulls(i.responder, i.snoozed_until, i.resolution, i.cause, i.customers_affected) > 0
  ) THEN
    SELECT 'incident_' || g.generation INTO v_live FROM eventstore.generation g WHERE g.name = 'incident';
    EXECUTE format('TRUNCATE incidents.%I', v_live);
    DELETE FROM eventstore.parked WHERE name = 'incident';
    DELETE FROM eventstore.subscription WHERE name = 'incident';
  END IF;
END
$do$
"""

_DROP_VIEW = """
DO $do$
DECLARE
  v_comment text := obj_description('incidents.incident'::regclass);
BEGIN
  DROP VIEW incidents.incident;
  CREATE VIEW incidents.incident AS SELECT NULL::smallint AS log_id; -- and the others once they are as before
  EXECUTE format('COMMENT ON VIEW incidents.incident IS %L', v_comment);
END
$do$
"""


def _on_each(statement: str, model: str = "incident") -> None:
    op.execute(_EACH_TABLE.format(statement=statement, model=model))


def _tell_details(comment: str) -> None:
    words = comment.replace("'", "''")
    _on_each(f"COMMENT ON COLUMN %s.details IS '{words}'", "timeline")
    op.execute(f"COMMENT ON COLUMN incidents.timeline.details IS '{words}'")


def upgrade() -> None:
    op.execute(_LOCK)
    for name, (kind, comment) in _COLUMNS.items():
        _on_each(f"ALTER TABLE %s ADD COLUMN {name} {kind}")
        _on_each(f"COMMENT ON COLUMN %s.{name} IS '{comment}'")
    _on_each(f"COMMENT ON COLUMN %s.status IS '{_STATUS}'")
    op.execute(_VIEW)
    op.execute(_INDEX.format(where=_UNRESOLVED))
    _tell_details(_DETAILS)


def downgrade() -> None:
    op.execute(_LOCK)
    op.execute(_BEGIN_AGAIN)
    # A view keeps its columns for as long as it is there. A new one has the same rights, by default.
    op.execute(_DROP_VIEW)
    op.execute(_INDEX.format(where=_UNRESOLVED_BEFORE))
    for name in reversed(_COLUMNS):
        _on_each(f"ALTER TABLE %s DROP COLUMN {name}")
    _on_each(f"COMMENT ON COLUMN %s.status IS '{_STATUS_BEFORE}'")
    op.execute(_VIEW)
    _tell_details(_DETAILS_BEFORE)
