"""Keys have teams, an end, a rate, a time of last use, and a secret that can be changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_access"
down_revision = "0010_life"
branch_labels = None
depends_on = None
# Older code opens to every key whatever its role and its end: CHANGELOG says when to make such keys.
oldest_code = "0004_access"

_COLUMNS = {
    "teams": (postgresql.ARRAY(sa.Text()), "The teams whose incidents it sees; null: all."),
    "source": (sa.Text(), "The integration that it is for, such as grafana; null for others."),
    "rate": (sa.Integer(), "Requests a second that it may make; null: as many as the default."),
    "expires_at": (sa.DateTime(timezone=True), "From when on it opens nothing; null: it does not expire."),
    "last_used_at": (
        sa.DateTime(timezone=True),
        "When it was last seen to be used, to about a minute.",
    ),
    "rotated_at": (
        sa.DateTime(timezone=True),
        "When it got its present secret; null: it is the first.",
    ),
    "previous_sha256": (sa.LargeBinary(), "SHA-256 of the secret before the present one."),
    "previous_until": (sa.DateTime(timezone=True), "From when on the secret before opens nothing."),
}
_ROLE = "What it may do: viewer, responder, manager, auditor, admin or ingest."
_ONE_ROLE = "What it may do. There is one role so far: admin."


def upgrade() -> None:
    for name, (kind, comment) in _COLUMNS.items():
        op.add_column("api_key", sa.Column(name, kind, nullable=True, comment=comment), schema="access")
    op.alter_column("api_key", "role", comment=_ROLE, existing_comment=_ONE_ROLE, schema="access")


def downgrade() -> None:
    op.alter_column("api_key", "role", comment=_ONE_ROLE, existing_comment=_ROLE, schema="access")
    for name in reversed(_COLUMNS):
        op.drop_column("api_key", name, schema="access")
