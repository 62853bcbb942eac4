"""Subscriptions in shards, with streams that are parked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_subscriptions"
down_revision = "0004_access"
branch_labels = None
depends_on = None
# Older code knows one shard, and is kept from leading where there are more, or streams that are parked.
oldest_code = "0004_access"

_TABLE, _SCHEMA = "subscription", "eventstore"


def upgrade() -> None:
    op.create_table(
        "parked",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that this row belongs to.",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="The follower that leaves the stream out."),
        sa.Column("stream_id", sa.Uuid(), nullable=False, comment="The stream that waits."),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=False,
            comment="From here on its events wait; those before were dealt with.",
        ),
        sa.Column(
            "error",
            sa.Text(),
            nullable=True,
            comment="The latest failure; empty when an operator parked it.",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often it failed by now.",
        ),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False, comment="When it was parked."),
        sa.Column(
            "tried_at", sa.DateTime(timezone=True), nullable=True, comment="When it was last tried again."
        ),
        sa.Column(
            "wanted",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether it is to be tried again now.",
        ),
        sa.PrimaryKeyConstraint("log_id", "name", "stream_id", name=op.f("parked_pkey")),
        schema=_SCHEMA,
        comment="Streams that a follower could not deal with: their events wait, in order, and no others.",
    )
    for column in (
        sa.Column(
            "shard",
            sa.SmallInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Which part of the streams this row is about: those with bucket % shards = shard.",
        ),
        sa.Column(
            "shards",
            sa.SmallInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Into how many parts the streams are divided.",
        ),
        sa.Column(
            "generation",
            sa.SmallInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Which tables of a read model it writes.",
        ),
        sa.Column(
            "parked",
            postgresql.ARRAY(sa.Uuid()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="The streams that are left out; eventstore.parked says since when and why.",
        ),
        sa.Column(
            "sliced_epoch",
            sa.BigInteger(),
            nullable=True,
            comment="The latest epoch whose owner knew of shards and parked streams: before 0005, none did.",
        ),
        sa.Column(
            "halt_at",
            sa.BigInteger(),
            nullable=True,
            comment="It goes no further than this position until halt_until.",
        ),
        sa.Column(
            "halt_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When halt_at ceases to count, whatever became of who set it.",
        ),
    ):
        op.add_column(_TABLE, column, schema=_SCHEMA)
    # A handful of rows: the new key is made in a moment. Workers of the release before name (log_id, name),
    # which is still one row for as long as there is one shard.
    op.drop_constraint("subscription_pkey", _TABLE, schema=_SCHEMA)
    op.create_primary_key(op.f("subscription_pkey"), _TABLE, ["log_id", "name", "shard"], schema=_SCHEMA)
    op.create_check_constraint(
        op.f("subscription_shard_check"),
        _TABLE,
        "shard >= 0 AND shard < shards AND shards <= 256",
        schema=_SCHEMA,
    )
    op.create_check_constraint(
        op.f("subscription_sliced_check"),
        _TABLE,
        "owner IS NULL OR sliced_epoch IS NOT DISTINCT FROM epoch OR (shards = 1 AND parked = '{}')",
        schema=_SCHEMA,
    )


def downgrade() -> None:
    # What was left out of a read model, or done by some shards only, the older schema cannot say.
    op.execute("""
        DO $$
        BEGIN
          IF EXISTS (SELECT FROM eventstore.subscription WHERE shards > 1 OR parked <> '{}') THEN
            RAISE EXCEPTION 'Subscriptions have shards or parked streams.'
              USING HINT = 'Retry what is parked and go back to one shard: pulseops subscriptions list.';
          END IF;
        END
        $$
    """)
    op.drop_constraint("subscription_sliced_check", _TABLE, schema=_SCHEMA)
    op.drop_constraint("subscription_shard_check", _TABLE, schema=_SCHEMA)
    op.drop_constraint("subscription_pkey", _TABLE, schema=_SCHEMA)
    op.create_primary_key(op.f("subscription_pkey"), _TABLE, ["log_id", "name"], schema=_SCHEMA)
    for name in ("halt_until", "halt_at", "sliced_epoch", "parked", "generation", "shards", "shard"):
        op.drop_column(_TABLE, name, schema=_SCHEMA)
    op.drop_table("parked", schema=_SCHEMA)
