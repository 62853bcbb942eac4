"""Which tables each read model has, and how far a new one has come."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from pulseops.db.metadata import metadata

GENERATIONS = {"generations": True}
"""Marks a table in the metadata whose name is a view's: its tables are named like it, _1, _2 and so on."""

_SCHEMA = "eventstore"
_TIME = DateTime(timezone=True)


generation = Table(
    "generation",
    metadata,
    Column("name", Text, primary_key=True, comment="The read model, named as its subscription is."),
    Column(
        "generation",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="Counts its tables, from 1.",
    ),
    Column(
        "relation",
        Text,
        nullable=False,
        comment="The view that everybody reads; a table is named like it, with _ and its generation.",
    ),
    Column(
        "state",
        Text,
        nullable=False,
        comment="filling, ready (to be compared and switched to), live or retired.",
    ),
    Column("begun_at", _TIME, nullable=False, comment="When it was begun."),
    Column("changed_at", _TIME, nullable=False, comment="When its state last changed."),
    CheckConstraint("state IN ('filling', 'ready', 'live', 'retired')", name="state"),
    Index("generation_live_idx", "name", unique=True, postgresql_where=text("state = 'live'")),
    schema=_SCHEMA,
    comment="The tables of each read model that are there: one of them is read.",
)

filling = Table(
    "filling",
    metadata,
    Column(
        "log_id",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="The log that this row belongs to.",
    ),
    Column("name", Text, primary_key=True, comment="The read model."),
    Column(
        "generation",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="Its generation that is filled.",
    ),
    Column(
        "lane",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="Which stretch of the log, from 0.",
    ),
    Column("first", BigInteger, nullable=False, comment="Where the stretch begins: after this."),
    Column("last", BigInteger, nullable=False, comment="The last position of the stretch."),
    Column(
        "position",
        BigInteger,
        nullable=False,
        comment="How far it has come. Filled, one lane is left, which follows the log.",
    ),
    Column(
        "left_out",
        ARRAY(Uuid),
        nullable=False,
        server_default=text("'{}'"),
        comment="Streams that were parked on the way: they are gone through again before the switch.",
    ),
    schema=_SCHEMA,
    comment="How far the filling of a new generation has come, so that it can be resumed.",
    postgresql_with={"fillfactor": 50},
)
