"""Generations of read models: tables that can be filled anew behind the names that everybody reads."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_generations"
down_revision = "0005_subscriptions"
branch_labels = None
depends_on = None
# Older code reads and writes the views, and knows of one generation.
oldest_code = "0004_access"

# The table becomes generation 1 of itself, a view takes its name, and with it its comments. Whoever reads or
# writes under that name, processes of the release before included, notices nothing.
_TO_GENERATIONS = """
DO $$
DECLARE
  v_name text;
  v_index text;
  v_columns text;
BEGIN
  FOREACH v_name IN ARRAY ARRAY['incident', 'timeline'] LOOP
    FOR v_index IN
      SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = to_regclass('incidents.' || v_name) ORDER BY 1
    LOOP
      EXECUTE format('ALTER INDEX incidents.%I RENAME TO %I', v_index,
        v_name || '_1' || substr(v_index, length(v_name) + 1));
    END LOOP;
    EXECUTE format('ALTER TABLE incidents.%I RENAME TO %I', v_name, v_name || '_1');
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO v_columns
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass('incidents.' || v_name || '_1') AND a.attnum > 0 AND NOT a.attisdropped;
    EXECUTE format('CREATE VIEW incidents.%I AS SELECT %s FROM incidents.%I', v_name, v_columns,
      v_name || '_1');
    EXECUTE format('COMMENT ON VIEW incidents.%I IS %L', v_name,
      obj_description(to_regclass('incidents.' || v_name || '_1'), 'pg_class'));
    FOR v_index, v_columns IN
      SELECT a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute a
      WHERE a.attrelid = to_regclass('incidents.' || v_name || '_1') AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum
    LOOP
      EXECUTE format('COMMENT ON COLUMN incidents.%I.%I IS %L', v_name, v_index, v_columns);
    END LOOP;
    EXECUTE format('COMMENT ON TABLE incidents.%I IS %L', v_name || '_1',
      'Generation 1 of incidents.' || v_name || ', which is what to read.');
    EXECUTE format('REVOKE ALL ON incidents.%I FROM pulseops_analyst', v_name || '_1');
    INSERT INTO eventstore.generation (name, generation, relation, state, begun_at, changed_at)
    VALUES (v_name, 1, 'incidents.' || v_name, 'live', clock_timestamp(), clock_timestamp());
  END LOOP;
END
$$
"""

# Only the live tables stay, under the names and with the comments that they had. Come again, each is
# generation 1 of itself.
_FROM_GENERATIONS = """
DO $$
DECLARE
  v_name text;
  v_comment text;
  v_table text;
  v_state text;
  v_index text;
BEGIN
  FOREACH v_name IN ARRAY ARRAY['incident', 'timeline'] LOOP
    v_comment := obj_description(to_regclass('incidents.' || v_name), 'pg_class');
    EXECUTE format('DROP VIEW incidents.%I', v_name);
    FOR v_table, v_state IN
      SELECT g.name || '_' || g.generation, g.state FROM eventstore.generation g
      WHERE g.name = v_name ORDER BY g.generation
    LOOP
      IF v_state <> 'live' THEN
        EXECUTE format('DROP TABLE incidents.%I', v_table);
        CONTINUE;
      END IF;
      FOR v_index IN
        SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass('incidents.' || v_table) ORDER BY 1
      LOOP
        EXECUTE format('ALTER INDEX incidents.%I RENAME TO %I', v_index,
          v_name || substr(v_index, length(v_table) + 1));
      END LOOP;
      EXECUTE format('ALTER TABLE incidents.%I RENAME TO %I', v_table, v_name);
      EXECUTE format('COMMENT ON TABLE incidents.%I IS %L', v_name, v_comment);
      EXECUTE format('GRANT SELECT ON incidents.%I TO pulseops_analyst', v_name);
    END LOOP;
  END LOOP;
  UPDATE eventstore.subscription SET generation = 1 WHERE generation <> 1;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "generation",
        sa.Column("name", sa.Text(), nullable=False, comment="The read model, named as its subscription is."),
        sa.Column("generation", sa.SmallInteger(), nullable=False, comment="Counts its tables, from 1."),
        sa.Column(
            "relation",
            sa.Text(),
            nullable=False,
            comment="The view that everybody reads; a table is named like it, with _ and its generation.",
        ),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="filling, ready (to be compared and switched to), live or retired.",
        ),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False, comment="When it was begun."),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), nullable=False, comment="When its state last changed."
        ),
        sa.CheckConstraint(
            "state IN ('filling', 'ready', 'live', 'retired')", name=op.f("generation_state_check")
        ),
        sa.PrimaryKeyConstraint("name", "generation", name=op.f("generation_pkey")),
        schema="eventstore",
        comment="The tables of each read model that are there: one of them is read.",
    )
    op.create_index(
        "generation_live_idx",
        "generation",
        ["name"],
        unique=True,
        schema="eventstore",
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_table(
        "filling",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="The read model."),
        sa.Column("generation", sa.SmallInteger(), nullable=False, comment="Its generation that is filled."),
        sa.Column("lane", sa.SmallInteger(), nullable=False, comment="Which stretch of the log, from 0."),
        sa.Column("first", sa.BigInteger(), nullable=False, comment="Where the stretch begins: after this."),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="The last position of the stretch."),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=False,
            comment="How far it has come. Filled, one lane is left, which follows the log.",
        ),
        sa.Column(
            "left_out",
            postgresql.ARRAY(sa.Uuid()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Streams that were parked on the way: they are gone through again before the switch.",
        ),
        sa.PrimaryKeyConstraint("log_id", "name", "generation", "lane", name=op.f("filling_pkey")),
        schema="eventstore",
        comment="How far the filling of a new generation has come, so that it can be resumed.",
        postgresql_with={"fillfactor": 50},
    )
    op.execute(_TO_GENERATIONS)


def downgrade() -> None:
    # It asks for generations at each new subscription. Triggers stay when functions go (drop_functions.sql).
    op.execute("DROP TRIGGER IF EXISTS subscription_has_generation ON eventstore.subscription")
    op.execute("DROP FUNCTION IF EXISTS eventstore.generation_of_subscription_v1()")
    op.execute(_FROM_GENERATIONS)
    op.drop_table("filling", schema="eventstore")
    op.drop_table("generation", schema="eventstore")
