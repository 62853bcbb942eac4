"""The log: its tables, under the schemas and roles of every room."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_eventstore"
down_revision = None
branch_labels = None
depends_on = None
oldest_code = "0001_eventstore"


def upgrade() -> None:
    op.create_table(
        "claim",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="The name that is held."),
        sa.Column("stream_id", sa.Uuid(), nullable=False, comment="The stream that holds it."),
        sa.PrimaryKeyConstraint("log_id", "name", name=op.f("claim_pkey")),
        schema="eventstore",
        comment="Names, each held by one stream at a time, such as the dedupKey of an open incident.",
    )
    op.create_table(
        "command",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column("command_id", sa.Uuid(), nullable=False, comment="Identifies the command."),
        sa.Column(
            "fingerprint",
            sa.Uuid(),
            nullable=True,
            comment="Tells two different commands under one id apart.",
        ),
        sa.Column("stream_id", sa.Uuid(), nullable=False, comment="The stream that its events went to."),
        sa.Column("version", sa.Integer(), nullable=False, comment="Version of its last event."),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="Position of its last event."),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When its events were recorded.",
        ),
        sa.PrimaryKeyConstraint("log_id", "command_id", name=op.f("command_pkey")),
        schema="eventstore",
        comment="Commands that were stored: a repeated one is answered with its first result.",
    )
    op.create_table(
        "event",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column(
            "position",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="Place in the log: from 1, without gaps, in the order of commits.",
        ),
        sa.Column(
            "stream_id",
            sa.Uuid(),
            nullable=False,
            comment="The thing that this happened to, such as an incident.",
        ),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="Place in the stream: from 1, without gaps."
        ),
        sa.Column("type", sa.Text(), nullable=False, comment="What happened, such as CREATED."),
        sa.Column(
            "schema_version",
            sa.SmallInteger(),
            nullable=False,
            comment="Which shape of this type `data` has.",
        ),
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="Identifies this fact everywhere."),
        sa.Column("command_id", sa.Uuid(), nullable=False, comment="The command that it answers."),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it happened, as the caller claims.",
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was recorded, by the database's clock; never decreases within a log.",
        ),
        sa.Column(
            "data",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The fact; a field that has its default value is omitted.",
        ),
        sa.Column(
            "meta",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="actor, correlationId and, when caused, causationId.",
        ),
        sa.CheckConstraint("position > 0", name=op.f("event_position_check")),
        sa.CheckConstraint("version > 0", name=op.f("event_version_check")),
        sa.PrimaryKeyConstraint("log_id", "position", name=op.f("event_pkey")),
        schema="eventstore",
        comment="Every fact ever recorded. Rows are only ever added, and only by eventstore.append_v1.",
        postgresql_partition_by="RANGE (position)",
    )
    op.create_table(
        "log",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column(
            "floor_position",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Positions up to this one were archived; 0 when none was.",
        ),
        sa.Column(
            "floor_time",
            sa.DateTime(timezone=True),
            server_default=sa.text("'-infinity'"),
            nullable=False,
            comment="When the event at floor_position was recorded.",
        ),
        sa.PrimaryKeyConstraint("log_id", name=op.f("log_pkey")),
        schema="eventstore",
        comment="One row a log: a sequence of facts with its own order, lock and positions.",
    )
    op.create_table(
        "stream",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column("stream_id", sa.Uuid(), nullable=False, comment="The thing whose history this is."),
        sa.Column("version", sa.Integer(), nullable=False, comment="How many events it has."),
        sa.Column("first_position", sa.BigInteger(), nullable=False, comment="Position of its first event."),
        sa.Column("last_position", sa.BigInteger(), nullable=False, comment="Position of its last event."),
        sa.PrimaryKeyConstraint("log_id", "stream_id", name=op.f("stream_pkey")),
        schema="eventstore",
        comment="Where each stream stands.",
        postgresql_with={"fillfactor": 80},
    )
    op.create_table(
        "subscription",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="What follows the log, such as a read model."),
        sa.Column(
            "position",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Everything up to this position has been dealt with.",
        ),
        sa.Column("owner", sa.Text(), nullable=True, comment="The worker that has the lease."),
        sa.Column(
            "epoch",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Grows with each new owner, so that a former one notices.",
        ),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the lease ends unless it is renewed.",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this row was last written.",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Failures since the last progress.",
        ),
        sa.Column(
            "last_error", sa.Text(), nullable=True, comment="The latest failure; empty after progress."
        ),
        sa.PrimaryKeyConstraint("log_id", "name", name=op.f("subscription_pkey")),
        schema="eventstore",
        comment="How far each follower of the log has come, and who moves it on.",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "worker",
        sa.Column("worker_id", sa.Text(), nullable=False, comment="Names the worker process."),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, comment="When it was last alive."),
        sa.Column(
            "swept_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it last looked for due deadlines.",
        ),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("worker_pkey")),
        schema="eventstore",
        comment="The heartbeat of each worker process.",
        postgresql_with={"fillfactor": 50},
    )
    op.execute("INSERT INTO eventstore.log (log_id) VALUES (1)")


def downgrade() -> None:
    for table in ("worker", "subscription", "claim", "command", "stream", "event", "log"):
        op.drop_table(table, schema="eventstore")
