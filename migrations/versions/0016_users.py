"""Users who sign in through an issuer, and the sessions of their browsers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016_users"
down_revision = "0015_search"
branch_labels = None
depends_on = None
# Older code knows neither users nor sessions: it refuses both.
oldest_code = "0004_access"

_INSTANT = sa.DateTime(timezone=True)
_TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that they may open.",
        ),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="Their name. Events say user:<name> as their actor."
        ),
        sa.Column("issuer", sa.Text(), comment="Who vouches for them; null until they have signed in."),
        sa.Column(
            "subject", sa.Text(), comment="Who they are to the issuer; null until they have signed in."
        ),
        sa.Column("claimed_role", sa.Text(), comment="The role that their claims came to; null: none."),
        sa.Column("claimed_teams", _TEXTS, comment="The teams that their claims came to; null: all."),
        sa.Column("role", sa.Text(), comment="The role that was granted; null: what the claims come to."),
        sa.Column("teams", _TEXTS, comment="The teams that were granted with the role; null: all."),
        sa.Column(
            "created_at", _INSTANT, nullable=False, comment="When they were first seen or granted something."
        ),
        sa.Column(
            "seen_at", _INSTANT, comment="When they last signed in, or came with other claims than before."
        ),
        sa.Column("granted_at", _INSTANT, comment="When the role was granted."),
        sa.Column("revoked_at", _INSTANT, comment="Since when they may do nothing; null while they may."),
        sa.PrimaryKeyConstraint("log_id", "name", name=op.f("person_pkey")),
        sa.UniqueConstraint("log_id", "issuer", "subject", name=op.f("person_log_id_issuer_subject_key")),
        schema="access",
        comment="Users. What happened to each is in the log: this is where they now stand.",
    )
    op.create_table(
        "session",
        sa.Column(
            "log_id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="The log that the session opens.",
        ),
        sa.Column(
            "token_sha256",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the random token in the browser's cookie.",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="Whose it is, as in access.person.name."),
        sa.Column("claimed_role", sa.Text(), comment="The role that the claims came to; null: none."),
        sa.Column("claimed_teams", _TEXTS, comment="The teams that the claims came to; null: all."),
        sa.Column("created_at", _INSTANT, nullable=False, comment="When they signed in."),
        sa.Column("used_at", _INSTANT, nullable=False, comment="When it was last used, to about a minute."),
        sa.Column("expires_at", _INSTANT, nullable=False, comment="When it ends, however much it is used."),
        sa.PrimaryKeyConstraint("log_id", "token_sha256", name=op.f("session_pkey")),
        schema="access",
        comment="Browsers in which somebody is signed in. Signed out, the row is gone.",
    )
    op.create_index("session_log_id_name_idx", "session", ["log_id", "name"], schema="access")
    op.create_index("session_log_id_expires_at_idx", "session", ["log_id", "expires_at"], schema="access")


def downgrade() -> None:
    op.drop_table("session", schema="access")
    op.drop_table("person", schema="access")
