"""Who may: keys, people, their browsers, and what analysts see."""

from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY

from pulseops.db.metadata import metadata

_INSTANT = DateTime(timezone=True)


api_key = Table(
    "api_key",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that the key opens."
    ),
    Column("key_id", Text, primary_key=True, comment="The public part of the key: what is shown of it."),
    Column("name", Text, nullable=False, comment="Who uses it. Events say key:<name> as their actor."),
    Column(
        "role",
        Text,
        nullable=False,
        comment="What it may do: viewer, responder, manager, auditor, admin or ingest.",
    ),
    Column("secret_sha256", LargeBinary, nullable=False, comment="SHA-256 of the secret part."),
    Column("created_at", _INSTANT, nullable=False, comment="When it was made."),
    Column("revoked_at", _INSTANT, comment="When it ceased to open anything; null while it does."),
    Column("teams", ARRAY(Text), comment="The teams whose incidents it sees; null: all."),
    Column("source", Text, comment="The integration that it is for, such as grafana; null for others."),
    Column("rate", Integer, comment="Requests a second that it may make; null: as many as the default."),
    Column("expires_at", _INSTANT, comment="From when on it opens nothing; null: it does not expire."),
    Column("last_used_at", _INSTANT, comment="When it was last seen to be used, to about a minute."),
    Column("rotated_at", _INSTANT, comment="When it got its present secret; null: it is the first."),
    Column("previous_sha256", LargeBinary, comment="SHA-256 of the secret before the present one."),
    Column("previous_until", _INSTANT, comment="From when on the secret before opens nothing."),
    UniqueConstraint("log_id", "name"),
    # A caller shows its key and nothing else, so the id alone must lead to one key, and so to its log.
    UniqueConstraint("key_id"),
    schema="access",
    comment="API keys. The secret of a key is not kept, only its hash.",
)

person = Table(
    "person",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that they may open."
    ),
    Column("name", Text, primary_key=True, comment="Their name. Events say user:<name> as their actor."),
    Column("issuer", Text, comment="Who vouches for them; null until they have signed in."),
    Column("subject", Text, comment="Who they are to the issuer; null until they have signed in."),
    Column("claimed_role", Text, comment="The role that their claims came to; null: none."),
    Column("claimed_teams", ARRAY(Text), comment="The teams that their claims came to; null: all."),
    Column("role", Text, comment="The role that was granted; null: what the claims come to."),
    Column("teams", ARRAY(Text), comment="The teams that were granted with the role; null: all."),
    Column("created_at", _INSTANT, nullable=False, comment="When they were first seen or granted something."),
    Column("seen_at", _INSTANT, comment="When they last signed in, or came with other claims than before."),
    Column("granted_at", _INSTANT, comment="When the role was granted."),
    Column("revoked_at", _INSTANT, comment="Since when they may do nothing; null while they may."),
    UniqueConstraint("log_id", "issuer", "subject"),
    schema="access",
    comment="Users. What happened to each is in the log: this is where they now stand.",
)

session = Table(
    "session",
    metadata,
    Column(
        "log_id",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="The log that the session opens.",
    ),
    Column(
        "token_sha256",
        LargeBinary,
        primary_key=True,
        comment="SHA-256 of the random token in the browser's cookie.",
    ),
    Column("name", Text, nullable=False, comment="Whose it is, as in access.person.name."),
    Column("claimed_role", Text, comment="The role that the claims came to; null: none."),
    Column("claimed_teams", ARRAY(Text), comment="The teams that the claims came to; null: all."),
    Column("created_at", _INSTANT, nullable=False, comment="When they signed in."),
    Column("used_at", _INSTANT, nullable=False, comment="When it was last used, to about a minute."),
    Column("expires_at", _INSTANT, nullable=False, comment="When it ends, however much it is used."),
    Index("session_log_id_name_idx", "log_id", "name"),
    Index("session_log_id_expires_at_idx", "log_id", "expires_at"),
    schema="access",
    comment="Browsers in which somebody is signed in. Signed out, the row is gone.",
)

# Kept by whoever owns the database: no role of ours may write it.
analyst = Table(
    "analyst",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that is open."),
    Column("login", Text, primary_key=True, comment="The login in PostgreSQL, a member of pulseops_analyst."),
    schema="access",
    comment="Which logs the views of the schema analytics show to whom; a login without a row sees nothing.",
)
