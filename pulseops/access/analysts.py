"""Which logs an analyst's login reads. Kept by whoever owns the database: no role of ours may write it."""

from sqlalchemy import Column, SmallInteger, Table, Text

from pulseops.db.metadata import metadata

analyst = Table(
    "analyst",
    metadata,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False, comment="The log that is open."),
    Column("login", Text, primary_key=True, comment="The login in PostgreSQL, a member of pulseops_analyst."),
    schema="access",
    comment="Which logs the views of the schema analytics show to whom; a login without a row sees nothing.",
)
