"""A register of each log says how many events each stream has; of a log that is not signed, why."""

import sqlalchemy as sa
from alembic import op

revision = "0020_register"
down_revision = "0019_published"
branch_labels = None
depends_on = None
# Older code signs all the same, and makes no register.
oldest_code = "0004_access"


def _log() -> sa.Column[int]:
    return sa.Column(
        "log_id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="The log that it is of."
    )


def upgrade() -> None:
    op.add_column(
        "checkpoint",
        sa.Column(
            "refused", sa.Text(), nullable=True, comment="Why nothing more is signed; null while all is well."
        ),
        schema="audit",
    )
    op.create_table(
        "register",
        _log(),
        sa.Column(
            "size",
            sa.BigInteger(),
            nullable=False,
            comment="How many events it is about, from the first one on.",
        ),
        sa.Column("entries", sa.BigInteger(), nullable=False, comment="How many streams these are of."),
        sa.Column("note", sa.Text(), nullable=False, comment="The register, signed (C2SP signed-note)."),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, comment="When it was signed."),
        sa.PrimaryKeyConstraint("log_id", name=op.f("register_pkey")),
        schema="audit",
        comment="The newest register of each log: which streams there are, and how many events each has.",
    )
    op.create_table(
        "register_page",
        _log(),
        sa.Column(
            "index",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="Place of the page, from 0.",
        ),
        sa.Column("first", sa.Uuid(), nullable=False, comment="The first stream on it."),
        sa.Column(
            "entries",
            sa.LargeBinary(),
            nullable=False,
            comment="Up to 256 entries of 52 bytes, by stream: its id (16 bytes), its version (4) and the "
            "hash of its last event (32).",
        ),
        sa.CheckConstraint(
            "length(entries) BETWEEN 52 AND 13312 AND length(entries) % 52 = 0",
            name=op.f("register_page_entries_check"),
        ),
        sa.PrimaryKeyConstraint("log_id", "index", name=op.f("register_page_pkey")),
        schema="audit",
        comment="The entries of the newest register of each log.",
    )
    op.create_index(
        op.f("register_page_log_id_first_idx"), "register_page", ["log_id", "first"], schema="audit"
    )
    op.create_table(
        "register_tile",
        _log(),
        sa.Column(
            "level",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="1: hashes of full pages. Above: each is the hash of a full tile one level below.",
        ),
        sa.Column(
            "index",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="Place in its level, from 0.",
        ),
        sa.Column(
            "hashes",
            sa.LargeBinary(),
            nullable=False,
            comment="Up to 256 SHA-256 hashes of 32 bytes, one after the other.",
        ),
        sa.CheckConstraint("level > 0", name=op.f("register_tile_level_check")),
        sa.CheckConstraint(
            "length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0",
            name=op.f("register_tile_hashes_check"),
        ),
        sa.PrimaryKeyConstraint("log_id", "level", "index", name=op.f("register_tile_pkey")),
        schema="audit",
        comment="The tree over the pages of the newest register of each log, in tiles.",
    )


def downgrade() -> None:
    for table in ("register_tile", "register_page", "register"):
        op.drop_table(table, schema="audit")
    op.drop_column("checkpoint", "refused", schema="audit")
