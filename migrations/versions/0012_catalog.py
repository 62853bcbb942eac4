"""Teams and services: the read models of the catalog, generation 1 of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012_catalog"
down_revision = "0011_access"
branch_labels = None
depends_on = None
# Older code knows nothing of the catalog. Its subscriptions wait at the first fact of it for newer workers.
oldest_code = "0004_access"

# Everybody reads the view: another generation is switched to behind it.
_VIEW = """
DO $$
DECLARE
  v_name text := '{name}';
  v_column text;
  v_comment text;
BEGIN
  EXECUTE format('CREATE VIEW catalog.%I AS SELECT * FROM catalog.%I', v_name, v_name || '_1');
  FOR v_column, v_comment IN
    SELECT a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute a
    WHERE a.attrelid = to_regclass('catalog.' || v_name || '_1') AND a.attnum > 0 ORDER BY a.attnum
  LOOP
    EXECUTE format('COMMENT ON COLUMN catalog.%I.%I IS %L', v_name, v_column, v_comment);
  END LOOP;
  EXECUTE format('REVOKE ALL ON catalog.%I FROM pulseops_analyst', v_name || '_1');
  INSERT INTO eventstore.generation (name, generation, relation, state, begun_at, changed_at)
  VALUES (v_name, 1, 'catalog.' || v_name, 'live', clock_timestamp(), clock_timestamp());
END
$$
"""

# All generations go, and with them how far they had come: the next upgrade begins at the first position.
_GONE = """
DO $$
DECLARE
  v_name text;
  v_table text;
BEGIN
  FOREACH v_name IN ARRAY ARRAY['team', 'service'] LOOP
    EXECUTE format('DROP VIEW catalog.%I', v_name);
    FOR v_table IN
      SELECT g.name || '_' || g.generation FROM eventstore.generation g WHERE g.name = v_name
    LOOP
      EXECUTE format('DROP TABLE catalog.%I', v_table);
    END LOOP;
    DELETE FROM eventstore.parked WHERE name = v_name;
    DELETE FROM eventstore.filling WHERE name = v_name;
    DELETE FROM eventstore.subscription WHERE name = v_name;
    DELETE FROM eventstore.generation WHERE name = v_name;
  END LOOP;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "team_1",
        sa.Column(
            "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log of its facts."
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="What incidents and rules call it."),
        sa.Column("id", sa.Uuid(), nullable=False, comment="The stream of its facts."),
        sa.Column("display_name", sa.Text(), nullable=False, comment="What people call it; may be empty."),
        sa.Column("description", sa.Text(), nullable=False, comment="What it is there for; may be empty."),
        sa.Column("lead", sa.Text(), nullable=True, comment="Whom to turn to."),
        sa.Column("email", sa.Text(), nullable=True, comment="Where to write to."),
        sa.Column("chat", sa.Text(), nullable=True, comment="The address of its chat."),
        sa.Column(
            "members",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Who is in it: an array of name and role.",
        ),
        sa.Column(
            "runbooks",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="What to do: an array of title and url.",
        ),
        sa.Column(
            "links",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Whatever else to open: an array of title and url.",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When its newest fact was recorded.",
        ),
        sa.Column("updated_by", sa.Text(), nullable=False, comment="Who caused its newest fact."),
        sa.Column(
            "retired_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was retired; null while it is there.",
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="How many facts it has."),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="Place of its newest fact in the log."
        ),
        sa.PrimaryKeyConstraint("log_id", "name", name=op.f("team_1_pkey")),
        schema="catalog",
        comment="Generation 1 of catalog.team, which is what to read.",
    )
    op.execute(_VIEW.replace("{name}", "team"))
    op.execute(
        sa.text(
            "COMMENT ON VIEW catalog.team IS 'Every team that was defined, as it now stands; "
            "those of the rules file alone are not here. Derived from the log, a moment behind it.'"
        )
    )
    op.create_table(
        "service_1",
        sa.Column(
            "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log of its facts."
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="What incidents and rules call it."),
        sa.Column("id", sa.Uuid(), nullable=False, comment="The stream of its facts."),
        sa.Column(
            "team",
            sa.Text(),
            nullable=False,
            comment="Whose it is, as in catalog.team.name or the rules file.",
        ),
        sa.Column("display_name", sa.Text(), nullable=False, comment="What people call it; may be empty."),
        sa.Column("description", sa.Text(), nullable=False, comment="What it does; may be empty."),
        sa.Column(
            "tier", sa.SmallInteger(), nullable=True, comment="From 1, what nobody can do without, to 4."
        ),
        sa.Column("repository", sa.Text(), nullable=True, comment="The address of its source."),
        sa.Column(
            "runbooks",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="What to do: an array of title and url.",
        ),
        sa.Column(
            "dashboards",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Where to look: an array of title and url.",
        ),
        sa.Column(
            "links",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Whatever else to open: an array of title and url.",
        ),
        sa.Column(
            "labels",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The owner's own names and values.",
        ),
        sa.Column(
            "environments",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Where it runs, such as production.",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When its newest fact was recorded.",
        ),
        sa.Column("updated_by", sa.Text(), nullable=False, comment="Who caused its newest fact."),
        sa.Column(
            "retired_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was retired; null while it is there.",
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="How many facts it has."),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="Place of its newest fact in the log."
        ),
        sa.PrimaryKeyConstraint("log_id", "name", name=op.f("service_1_pkey")),
        schema="catalog",
        comment="Generation 1 of catalog.service, which is what to read.",
    )
    op.create_index("service_1_log_id_team_idx", "service_1", ["log_id", "team"], schema="catalog")
    op.execute(_VIEW.replace("{name}", "service"))
    op.execute(
        sa.text(
            "COMMENT ON VIEW catalog.service IS 'Every service that was defined, as it now stands; "
            "those of the rules file alone are not here. Derived from the log, a moment behind it.'"
        )
    )


def downgrade() -> None:
    op.execute(_GONE)
