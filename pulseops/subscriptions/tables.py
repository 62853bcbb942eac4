"""Who follows the log, how far each has come, and what it leaves out."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from pulseops.db.metadata import metadata

# In the schema of the log that they follow: an operator looks at both together.
_SCHEMA = "eventstore"
_LOG = "The log that this row belongs to."
_TIME = DateTime(timezone=True)

subscription = Table(
    "subscription",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment=_LOG),
    Column("name", Text, primary_key=True, comment="What follows the log, such as a read model."),
    Column(
        "shard",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        server_default=text("0"),
        comment="Which part of the streams this row is about: those with bucket % shards = shard.",
    ),
    Column(
        "shards",
        SmallInteger,
        nullable=False,
        server_default=text("1"),
        comment="Into how many parts the streams are divided.",
    ),
    Column(
        "generation",
        SmallInteger,
        nullable=False,
        server_default=text("1"),
        comment="Which tables of a read model it writes.",
    ),
    Column(
        "position",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Everything up to this position has been dealt with.",
    ),
    Column("owner", Text, comment="The worker that has the lease."),
    Column(
        "epoch",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Grows with each new owner, so that a former one notices.",
    ),
    Column("lease_until", _TIME, comment="When the lease ends unless it is renewed."),
    Column("updated_at", _TIME, nullable=False, comment="When this row was last written."),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Failures since the last progress.",
    ),
    Column("last_error", Text, comment="The latest failure; empty after progress."),
    Column(
        "parked",
        ARRAY(Uuid),
        nullable=False,
        server_default=text("'{}'"),
        comment="The streams that are left out; eventstore.parked says since when and why.",
    ),
    Column(
        "sliced_epoch",
        BigInteger,
        comment="The latest epoch whose owner knew of shards and parked streams: before 0005, none did.",
    ),
    Column("halt_at", BigInteger, comment="It goes no further than this position until halt_until."),
    Column("halt_until", _TIME, comment="When halt_at ceases to count, whatever became of who set it."),
    CheckConstraint("shard >= 0 AND shard < shards AND shards <= 256", name="shard"),
    # A worker of a release that cannot leave streams out must not lead where some are left out.
    CheckConstraint(
        "owner IS NULL OR sliced_epoch IS NOT DISTINCT FROM epoch OR (shards = 1 AND parked = '{}')",
        name="sliced",
    ),
    schema=_SCHEMA,
    comment="How far each follower of the log has come, and who moves it on.",
    postgresql_with={"fillfactor": 50},
)

parked = Table(
    "parked",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment=_LOG),
    Column("name", Text, primary_key=True, comment="The follower that leaves the stream out."),
    Column("stream_id", Uuid, primary_key=True, comment="The stream that waits."),
    Column(
        "position",
        BigInteger,
        nullable=False,
        comment="From here on its events wait; those before were dealt with.",
    ),
    Column("error", Text, comment="The latest failure; empty when an operator parked it."),
    Column(
        "attempts", Integer, nullable=False, server_default=text("0"), comment="How often it failed by now."
    ),
    Column("parked_at", _TIME, nullable=False, comment="When it was parked."),
    Column("tried_at", _TIME, comment="When it was last tried again."),
    Column(
        "wanted",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether it is to be tried again now.",
    ),
    schema=_SCHEMA,
    comment="Streams that a follower could not deal with: their events wait, in order, and no others.",
)

worker = Table(
    "worker",
    metadata,
    Column("worker_id", Text, primary_key=True, comment="Names the worker process."),
    Column("seen_at", _TIME, nullable=False, comment="When it was last alive."),
    Column("swept_at", _TIME, comment="When it last looked for due deadlines."),
    schema=_SCHEMA,
    comment="The heartbeat of each worker process.",
    postgresql_with={"fillfactor": 50},
)
