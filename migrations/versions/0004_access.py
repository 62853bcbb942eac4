"""API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0004_access"
down_revision = "0003_escalation"
branch_labels = None
depends_on = None
oldest_code = "0004_access"


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that the key opens.",
        ),
        sa.Column(
            "key_id",
            sa.Text(),
            nullable=False,
            comment="The public part of the key: what is shown of it.",
        ),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="Who uses it. Events say key:<name> as their actor."
        ),
        sa.Column(
            "role",
            sa.Text(),
            nullable=False,
            comment="What it may do. There is one role so far: admin.",
        ),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False, comment="SHA-256 of the secret part."),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="When it was made."),
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it ceased to open anything; null while it does.",
        ),
        sa.PrimaryKeyConstraint("log_id", "key_id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("log_id", "name", name=op.f("api_key_log_id_name_key")),
        schema="access",
        comment="API keys. The secret of a key is not kept, only its hash.",
    )


def downgrade() -> None:
    op.drop_table("api_key", schema="access")
