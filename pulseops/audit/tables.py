"""What is sealed, signed, published and registered of each log."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from pulseops.db.metadata import metadata

tile = Table(
    "tile",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log whose tree it is of."
    ),
    Column(
        "level",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="0: hashes of events. Above: each is the hash of a full tile one level below.",
    ),
    Column(
        "index",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="Place in its level, from 0; of level 0 it begins with position 256 * index + 1.",
    ),
    Column(
        "hashes",
        LargeBinary,
        nullable=False,
        comment="Up to 256 SHA-256 hashes of 32 bytes, one after the other; only ever added to.",
    ),
    CheckConstraint("length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0", name="hashes"),
    schema="audit",
    comment="The Merkle tree of each log (RFC 9162), in tiles as of C2SP tlog-tiles.",
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that it is about."
    ),
    Column("size", BigInteger, nullable=False, comment="How many events it is about, from the first one on."),
    Column("note", Text, nullable=False, comment="The checkpoint, signed (C2SP tlog-checkpoint)."),
    Column("signed_at", DateTime(timezone=True), nullable=False, comment="When it was signed."),
    Column("refused", Text, comment="Why nothing more is signed; null while all is well."),
    schema="audit",
    comment="The newest checkpoint of each log. Older ones are with those who keep them.",
)

published = Table(
    "published",
    metadata,
    Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that it is about."
    ),
    Column("size", BigInteger, nullable=False, comment="How many events the published checkpoint is about."),
    Column("looked_at", DateTime(timezone=True), nullable=False, comment="When the place was tried last."),
    Column("failing_since", DateTime(timezone=True), comment="Since when nothing can be published."),
    Column("refused", Boolean, nullable=False, comment="What is signed does not add to what was published."),
    schema="audit",
    comment="How far each log is published, for who watches. What counts is what is at the place.",
)


def _log() -> Column[int]:
    return Column(
        "log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that it is of."
    )


register_turn = Table(
    "register_turn",
    metadata,
    _log(),
    schema="audit",
    comment="Whoever makes the register of a log holds the log's row. No other login may.",
)

register = Table(
    "register",
    metadata,
    _log(),
    Column("size", BigInteger, nullable=False, comment="How many events it is about, from the first one on."),
    Column("entries", BigInteger, nullable=False, comment="How many streams these are of."),
    Column("note", Text, nullable=False, comment="The register, signed (C2SP signed-note)."),
    Column("made_at", DateTime(timezone=True), nullable=False, comment="When it was signed."),
    schema="audit",
    comment="The newest register of each log: which streams there are, and how many events each has.",
)

register_page = Table(
    "register_page",
    metadata,
    _log(),
    Column("index", BigInteger, primary_key=True, autoincrement=False, comment="Place of the page, from 0."),
    Column("first", Uuid, nullable=False, comment="The first stream on it."),
    Column(
        "entries",
        LargeBinary,
        nullable=False,
        comment="Up to 256 entries of 52 bytes, by stream: its id (16 bytes), its version (4) and the hash "
        "of its last event (32).",
    ),
    CheckConstraint("length(entries) BETWEEN 52 AND 13312 AND length(entries) % 52 = 0", name="entries"),
    Index(None, "log_id", "first"),
    schema="audit",
    comment="The entries of the newest register of each log.",
)

register_tile = Table(
    "register_tile",
    metadata,
    _log(),
    Column(
        "level",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="1: hashes of full pages. Above: each is the hash of a full tile one level below.",
    ),
    Column("index", BigInteger, primary_key=True, autoincrement=False, comment="Place in its level, from 0."),
    Column(
        "hashes",
        LargeBinary,
        nullable=False,
        comment="Up to 256 SHA-256 hashes of 32 bytes, one after the other.",
    ),
    CheckConstraint("level > 0", name="level"),
    CheckConstraint("length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0", name="hashes"),
    schema="audit",
    comment="The tree over the pages of the newest register of each log, in tiles.",
)
