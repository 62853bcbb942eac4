"""What analysts count: how each incident was responded to, and its stints; generation 1 of each."""

import sqlalchemy as sa
from alembic import op

revision = "0021_analytics"
down_revision = "0020_register"
branch_labels = None
depends_on = None
# Older code does not fill these tables; newer workers do, from the first position on.
oldest_code = "0004_access"

# Everybody reads the view: another generation is switched to behind it.
_VIEW = """
DO $$
DECLARE
  v_name text := '{name}';
  v_column text;
  v_comment text;
BEGIN
  EXECUTE format('CREATE VIEW incidents.%I AS SELECT * FROM incidents.%I', v_name, v_name || '_1');
  EXECUTE format('COMMENT ON VIEW incidents.%I IS %L', v_name, '{told}');
  FOR v_column, v_comment IN
    SELECT a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute a
    WHERE a.attrelid = to_regclass('incidents.' || v_name || '_1') AND a.attnum > 0 ORDER BY a.attnum
  LOOP
    EXECUTE format('COMMENT ON COLUMN incidents.%I.%I IS %L', v_name, v_column, v_comment);
  END LOOP;
  EXECUTE format('REVOKE ALL ON incidents.%I FROM pulseops_analyst', v_name || '_1');
  INSERT INTO eventstore.generation (name, generation, relation, state, begun_at, changed_at)
  VALUES (v_name, 1, 'incidents.' || v_name, 'live', clock_timestamp(), clock_timestamp());
END
$$
"""
_TOLD = {
    "response": "How each incident was responded to: when, by whom, how often. "
    "Derived from the log, a moment behind it.",
    "stint": "What each incident was for a while, and from when to when. "
    "Derived from the log, a moment behind it.",
}

# All generations go, and with them how far they had come: the next upgrade begins at the first position.
_GONE = """
DO $$
DECLARE
  v_name text;
  v_table text;
BEGIN
  FOREACH v_name IN ARRAY ARRAY['response', 'stint'] LOOP
    EXECUTE format('DROP VIEW incidents.%I CASCADE', v_name); -- with what analysts see of it
    FOR v_table IN
      SELECT g.name || '_' || g.generation FROM eventstore.generation g WHERE g.name = v_name
    LOOP
      EXECUTE format('DROP TABLE incidents.%I', v_table);
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
        "response_1",
        sa.Column(
            "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log of its facts."
        ),
        sa.Column(
            "incident_id", sa.Uuid(), nullable=False, comment="The incident, as in incidents.incident.id."
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="live, resolved or merged; what was merged stays so, also when it is closed "
            "as a duplicate.",
        ),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="Who reported: user, monitoring, webhook or another."
        ),
        sa.Column("service", sa.Text(), nullable=True, comment="What it is about, as the reporter names it."),
        sa.Column("environment", sa.Text(), nullable=True, comment="Where, such as production."),
        sa.Column("team", sa.Text(), nullable=True, comment="Whose it is, after all assignments."),
        sa.Column("priority", sa.Text(), nullable=True, comment="How bad it is, after all changes."),
        sa.Column("category", sa.Text(), nullable=True, comment="Of what kind it is, after all changes."),
        sa.Column("first_team", sa.Text(), nullable=True, comment="Whose it was first."),
        sa.Column("first_priority", sa.Text(), nullable=True, comment="How bad it was first classified as."),
        sa.Column(
            "first_category", sa.Text(), nullable=True, comment="What kind it was first classified as."
        ),
        sa.Column(
            "answered_team", sa.Text(), nullable=True, comment="Whose it was when it was first answered."
        ),
        sa.Column(
            "answered_priority",
            sa.Text(),
            nullable=True,
            comment="How bad it was when it was first answered.",
        ),
        sa.Column(
            "answered_category",
            sa.Text(),
            nullable=True,
            comment="Of what kind it was when it was first answered.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was reported, by the database's clock.",
        ),
        sa.Column(
            "classified_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was first classified.",
        ),
        sa.Column(
            "assigned_at", sa.DateTime(timezone=True), nullable=True, comment="When it was first assigned."
        ),
        sa.Column(
            "escalated_at", sa.DateTime(timezone=True), nullable=True, comment="When it was first escalated."
        ),
        sa.Column(
            "acknowledged_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was first acknowledged.",
        ),
        sa.Column("acknowledged_by", sa.Text(), nullable=True, comment="Who acknowledged it first."),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was first acknowledged, or resolved by somebody without that; not by the clock, "
            "a merge or a recovery.",
        ),
        sa.Column("answered_by", sa.Text(), nullable=True, comment="Who answered it."),
        sa.Column(
            "first_resolved_at", sa.DateTime(timezone=True), nullable=True, comment="When it was first over."
        ),
        sa.Column("first_resolved_by", sa.Text(), nullable=True, comment="Who resolved it first."),
        sa.Column(
            "resolved_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was over for good; null while it is live or merged.",
        ),
        sa.Column("resolved_by", sa.Text(), nullable=True, comment="Who resolved it."),
        sa.Column(
            "resolution",
            sa.Text(),
            nullable=True,
            comment="How it ended, such as fixed; null while it is live or merged.",
        ),
        sa.Column(
            "resolved_automatically",
            sa.Boolean(),
            nullable=True,
            comment="Whether it ended by the clock or recovered; null while it is live or merged.",
        ),
        sa.Column(
            "live_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when it is live, without a break; null when it is not.",
        ),
        sa.Column("acknowledgements", sa.Integer(), nullable=False, comment="How often it was acknowledged."),
        sa.Column(
            "unacknowledgements",
            sa.Integer(),
            nullable=False,
            comment="How often an acknowledgement was taken back or ran out.",
        ),
        sa.Column("escalations", sa.Integer(), nullable=False, comment="How often the next level was told."),
        sa.Column(
            "highest_level",
            sa.Integer(),
            nullable=False,
            comment="The highest level that was told; 0 is none.",
        ),
        sa.Column(
            "reassignments",
            sa.Integer(),
            nullable=False,
            comment="How often it was assigned after the first time.",
        ),
        sa.Column("snoozes", sa.Integer(), nullable=False, comment="How often it was snoozed."),
        sa.Column(
            "reopenings",
            sa.Integer(),
            nullable=False,
            comment="How often it was opened again after it was over.",
        ),
        sa.Column(
            "corrections",
            sa.Integer(),
            nullable=False,
            comment="How often its priority or category was said to have been wrong.",
        ),
        sa.Column("comments", sa.Integer(), nullable=False, comment="How many comments it has."),
        sa.Column("absorbed", sa.Integer(), nullable=False, comment="How many incidents are merged into it."),
        sa.Column(
            "live_seconds",
            sa.Float(precision=53),
            nullable=False,
            comment="How long it was live, in seconds, over all times that have ended.",
        ),
        sa.Column(
            "acknowledged_seconds",
            sa.Float(precision=53),
            nullable=False,
            comment="How long somebody was on it, in seconds, over all times that have ended.",
        ),
        sa.Column(
            "snoozed_seconds",
            sa.Float(precision=53),
            nullable=False,
            comment="How long nobody was to hear of it, in seconds, over all times that have ended.",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When its newest fact was recorded.",
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="How many facts it has."),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="Place of its newest fact in the log."
        ),
        sa.Column(
            "created_position", sa.BigInteger(), nullable=False, comment="Place of its first fact in the log."
        ),
        sa.PrimaryKeyConstraint("log_id", "incident_id", name=op.f("response_pkey")),
        schema="incidents",
        comment="Generation 1 of incidents.response, which is what to read.",
        info={"generations": True},
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "response_1_log_id_created_at_idx",
        "response_1",
        ["log_id", "created_at"],
        unique=False,
        schema="incidents",
    )
    op.create_table(
        "stint_1",
        sa.Column(
            "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log of its facts."
        ),
        sa.Column(
            "incident_id", sa.Uuid(), nullable=False, comment="The incident, as in incidents.incident.id."
        ),
        sa.Column(
            "version",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="The fact that it began with, as in incidents.timeline.version.",
        ),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="live, assigned, acknowledged, snoozed or escalated."
        ),
        sa.Column(
            "from_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it began, by the database's clock.",
        ),
        sa.Column(
            "until_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it ended; null while it lasts.",
        ),
        sa.Column(
            "ended",
            sa.Text(),
            nullable=True,
            comment="The type of the fact that ended it; null while it lasts.",
        ),
        sa.Column("begun_by", sa.Text(), nullable=False, comment="Who caused the fact that it began with."),
        sa.Column("ended_by", sa.Text(), nullable=True, comment="Who caused the fact that ended it."),
        sa.Column(
            "team",
            sa.Text(),
            nullable=True,
            comment="Whose the incident was when it began; of kind live when it ended.",
        ),
        sa.Column("priority", sa.Text(), nullable=True, comment="How bad it was at that moment."),
        sa.Column(
            "waiting_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Of kind acknowledged: since when it had waited; null when somebody was on it.",
        ),
        sa.Column(
            "responder",
            sa.Text(),
            nullable=True,
            comment="Of kind assigned: the person that it was given to, if to one.",
        ),
        sa.Column(
            "level", sa.Integer(), nullable=True, comment="Of kind escalated: which level was told, from 1."
        ),
        sa.Column("target", sa.Text(), nullable=True, comment="Of kind escalated: who was told."),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Of kind escalated: when the time was up.",
        ),
        sa.Column(
            "late_by",
            sa.Float(precision=53),
            nullable=True,
            comment="Of kind escalated: how long after that it was told, in seconds.",
        ),
        sa.Column(
            "resolution",
            sa.Text(),
            nullable=True,
            comment="Of kind live: how it ended, such as fixed; null when it was merged.",
        ),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=False,
            comment="Place of the fact that it began with in the log.",
        ),
        sa.PrimaryKeyConstraint("log_id", "incident_id", "version", name=op.f("stint_pkey")),
        schema="incidents",
        comment="Generation 1 of incidents.stint, which is what to read.",
        info={"generations": True},
        postgresql_with={"fillfactor": 90},
    )
    op.create_index(
        "stint_1_log_id_kind_from_at_idx",
        "stint_1",
        ["log_id", "kind", "from_at"],
        unique=False,
        schema="incidents",
    )
    op.create_index(
        "stint_1_over_idx",
        "stint_1",
        ["log_id", "until_at"],
        unique=False,
        schema="incidents",
        postgresql_where=sa.text("kind = 'live'"),
    )
    for name, told in _TOLD.items():
        op.execute(_VIEW.replace("{name}", name).replace("{told}", told))


def downgrade() -> None:
    op.execute(_GONE)
