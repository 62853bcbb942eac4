"""The log's tables. `log_id` leads every key, so that a log can move to a database of its own."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from pulseops.db.metadata import metadata

_SCHEMA = "eventstore"
_LOG = "The log that this row belongs to."
_TIME = DateTime(timezone=True)


log = Table(
    "log",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment=_LOG),
    Column(
        "floor_position",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Positions up to this one were archived; 0 when none was.",
    ),
    Column(
        "floor_time",
        _TIME,
        nullable=False,
        server_default=text("'-infinity'"),
        comment="When the event at floor_position was recorded.",
    ),
    Column("name", Text, nullable=False, comment="What people call it; the first is default."),
    Column("created_at", _TIME, nullable=False, comment="When it was made, empty."),
    # The list of logs itself: the only table here whose rows no log owns.
    UniqueConstraint("name"),
    CheckConstraint("name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'", name="name"),
    schema=_SCHEMA,
    comment="One row a log: a sequence of facts with its own order, lock and positions.",
)

event = Table(
    "event",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment=_LOG),
    Column(
        "position",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="Place in the log: from 1, without gaps, in the order of commits.",
    ),
    Column(
        "stream_id", Uuid, nullable=False, comment="The thing that this happened to, such as an incident."
    ),
    Column("version", Integer, nullable=False, comment="Place in the stream: from 1, without gaps."),
    Column("type", Text, nullable=False, comment="What happened, such as CREATED."),
    Column("schema_version", SmallInteger, nullable=False, comment="Which shape of this type `data` has."),
    Column("event_id", Uuid, nullable=False, comment="Identifies this fact everywhere."),
    Column("command_id", Uuid, nullable=False, comment="The command that it answers."),
    Column("occurred_at", _TIME, nullable=False, comment="When it happened, as the caller claims."),
    Column(
        "recorded_at",
        _TIME,
        nullable=False,
        comment="When it was recorded, by the database's clock; never decreases within a log.",
    ),
    Column("data", JSONB, nullable=False, comment="The fact; a field that has its default value is omitted."),
    Column("meta", JSONB, nullable=False, comment="actor, correlationId and, when caused, causationId."),
    CheckConstraint("position > 0", name="position"),
    CheckConstraint("version > 0", name="version"),
    schema=_SCHEMA,
    comment="Every fact ever recorded. Rows are only ever added, and only by eventstore.append_v2.",
    postgresql_partition_by="RANGE (position)",
)

stream = Table(
    "stream",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment=_LOG),
    Column("stream_id", Uuid, primary_key=True, comment="The thing whose history this is."),
    Column("version", Integer, nullable=False, comment="How many events it has."),
    Column("first_position", BigInteger, nullable=False, comment="Position of its first event."),
    Column("last_position", BigInteger, nullable=False, comment="Position of its last event."),
    schema=_SCHEMA,
    comment="Where each stream stands.",
    # Every update of a row finds room on its own page.
    postgresql_with={"fillfactor": 80},
)

command = Table(
    "command",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment=_LOG),
    Column("command_id", Uuid, primary_key=True, comment="Identifies the command."),
    Column("fingerprint", Uuid, comment="Tells two different commands under one id apart."),
    Column("stream_id", Uuid, nullable=False, comment="The stream that it was about."),
    Column("version", Integer, nullable=False, comment="The stream's version with it."),
    Column(
        "position",
        BigInteger,
        nullable=False,
        comment="Position of the stream's last event with it; 0: there was none.",
    ),
    Column("recorded_at", _TIME, nullable=False, comment="When it was recorded."),
    schema=_SCHEMA,
    comment="Commands that were carried out: a repeated one is answered with its first result.",
)

claim = Table(
    "claim",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment=_LOG),
    Column("name", Text, primary_key=True, comment="The name that is held."),
    Column("stream_id", Uuid, nullable=False, comment="The stream that holds it."),
    schema=_SCHEMA,
    comment="Names, each held by one stream at a time, such as the dedupKey of an open incident.",
)
