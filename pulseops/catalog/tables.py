"""Teams and services as they now stand."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pulseops.db.metadata import metadata
from pulseops.projections.tables import GENERATIONS

_INSTANT = DateTime(timezone=True)


team = Table(
    "team",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log of its facts."),
    Column("name", Text, primary_key=True, comment="What incidents and rules call it."),
    Column("id", Uuid, nullable=False, comment="The stream of its facts."),
    Column("display_name", Text, nullable=False, comment="What people call it; may be empty."),
    Column("description", Text, nullable=False, comment="What it is there for; may be empty."),
    Column("lead", Text, comment="Whom to turn to."),
    Column("email", Text, comment="Where to write to."),
    Column("chat", Text, comment="The address of its chat."),
    Column("members", JSONB, nullable=False, comment="Who is in it: an array of name and role."),
    Column("runbooks", JSONB, nullable=False, comment="What to do: an array of title and url."),
    Column("links", JSONB, nullable=False, comment="Whatever else to open: an array of title and url."),
    Column("updated_at", _INSTANT, nullable=False, comment="When its newest fact was recorded."),
    Column("updated_by", Text, nullable=False, comment="Who caused its newest fact."),
    Column("retired_at", _INSTANT, comment="When it was retired; null while it is there."),
    Column("version", Integer, nullable=False, comment="How many facts it has."),
    Column("position", BigInteger, nullable=False, comment="Place of its newest fact in the log."),
    schema="catalog",
    info=GENERATIONS,
    comment="Every team that was defined, as it now stands; those of the rules file alone are not here. "
    "Derived from the log, a moment behind it.",
)

service = Table(
    "service",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log of its facts."),
    Column("name", Text, primary_key=True, comment="What incidents and rules call it."),
    Column("id", Uuid, nullable=False, comment="The stream of its facts."),
    Column("team", Text, nullable=False, comment="Whose it is, as in catalog.team.name or the rules file."),
    Column("display_name", Text, nullable=False, comment="What people call it; may be empty."),
    Column("description", Text, nullable=False, comment="What it does; may be empty."),
    Column("tier", SmallInteger, comment="From 1, what nobody can do without, to 4."),
    Column("repository", Text, comment="The address of its source."),
    Column("runbooks", JSONB, nullable=False, comment="What to do: an array of title and url."),
    Column("dashboards", JSONB, nullable=False, comment="Where to look: an array of title and url."),
    Column("links", JSONB, nullable=False, comment="Whatever else to open: an array of title and url."),
    Column("labels", JSONB, nullable=False, comment="The owner's own names and values."),
    Column("environments", ARRAY(Text), nullable=False, comment="Where it runs, such as production."),
    Column("updated_at", _INSTANT, nullable=False, comment="When its newest fact was recorded."),
    Column("updated_by", Text, nullable=False, comment="Who caused its newest fact."),
    Column("retired_at", _INSTANT, comment="When it was retired; null while it is there."),
    Column("version", Integer, nullable=False, comment="How many facts it has."),
    Column("position", BigInteger, nullable=False, comment="Place of its newest fact in the log."),
    Index(None, "log_id", "team"),
    schema="catalog",
    info=GENERATIONS,
    comment="Every service that was defined, as it now stands; those of the rules file alone are not here. "
    "Derived from the log, a moment behind it.",
)
