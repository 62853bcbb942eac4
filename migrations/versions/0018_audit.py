"""History is sealed: the tree of each log, and what was signed of it."""

import sqlalchemy as sa
from alembic import op

revision = "0018_audit"
down_revision = "0017_rows"
branch_labels = None
depends_on = None
# Older code seals nothing; the tree waits for newer workers.
oldest_code = "0004_access"


def upgrade() -> None:
    op.create_table(
        "tile",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log whose tree it is of.",
        ),
        sa.Column(
            "level",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="0: hashes of events. Above: each is the hash of a full tile one level below.",
        ),
        sa.Column(
            "index",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="Place in its level, from 0; of level 0 it begins with position 256 * index + 1.",
        ),
        sa.Column(
            "hashes",
            sa.LargeBinary(),
            nullable=False,
            comment="Up to 256 SHA-256 hashes of 32 bytes, one after the other; only ever added to.",
        ),
        sa.CheckConstraint(
            "length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0", name=op.f("tile_hashes_check")
        ),
        sa.PrimaryKeyConstraint("log_id", "level", "index", name=op.f("tile_pkey")),
        schema="audit",
        comment="The Merkle tree of each log (RFC 9162), in tiles as of C2SP tlog-tiles.",
    )
    op.create_table(
        "checkpoint",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that it is about.",
        ),
        sa.Column(
            "size",
            sa.BigInteger(),
            nullable=False,
            comment="How many events it is about, from the first one on.",
        ),
        sa.Column(
            "note", sa.Text(), nullable=False, comment="The checkpoint, signed (C2SP tlog-checkpoint)."
        ),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False, comment="When it was signed."),
        sa.PrimaryKeyConstraint("log_id", name=op.f("checkpoint_pkey")),
        schema="audit",
        comment="The newest checkpoint of each log. Older ones are with those who keep them.",
    )


def downgrade() -> None:
    op.execute("DELETE FROM eventstore.parked WHERE name = 'seal'")
    op.execute("DELETE FROM eventstore.subscription WHERE name = 'seal'")
    op.drop_table("checkpoint", schema="audit")
    op.drop_table("tile", schema="audit")
