"""How far each log is published."""

import sqlalchemy as sa
from alembic import op

revision = "0019_published"
down_revision = "0018_audit"
branch_labels = None
depends_on = None
# Older code publishes nothing.
oldest_code = "0004_access"


def upgrade() -> None:
    op.create_table(
        "published",
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
            comment="How many events the published checkpoint is about.",
        ),
        sa.Column(
            "looked_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the place was tried last.",
        ),
        sa.Column(
            "failing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when nothing can be published.",
        ),
        sa.Column(
            "refused",
            sa.Boolean(),
            nullable=False,
            comment="What is signed does not add to what was published.",
        ),
        sa.PrimaryKeyConstraint("log_id", name=op.f("published_pkey")),
        schema="audit",
        comment="How far each log is published, for who watches. What counts is what is at the place.",
    )


def downgrade() -> None:
    op.drop_table("published", schema="audit")
