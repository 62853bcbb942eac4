"""A command is recorded also when it added no event, by append_v2: what the tables say of themselves."""

from alembic import op

revision = "0014_append"
down_revision = "0013_kinds"
branch_labels = None
depends_on = None
# Older code goes on with append_v1, and answers repetitions of what append_v2 stored.
oldest_code = "0004_access"

_EVENT = "Every fact ever recorded. Rows are only ever added, and only by eventstore.{}."
_COMMAND = (
    "Commands that were stored: a repeated one is answered with its first result.",
    "Commands that were carried out: a repeated one is answered with its first result.",
)
_COLUMNS = {
    "stream_id": ("The stream that its events went to.", "The stream that it was about."),
    "version": ("Version of its last event.", "The stream's version with it."),
    "position": (
        "Position of its last event.",
        "Position of the stream's last event with it; 0: there was none.",
    ),
    "recorded_at": ("When its events were recorded.", "When it was recorded."),
}


def _say(event: str, words: int) -> None:
    op.create_table_comment("event", _EVENT.format(event), schema="eventstore")
    op.create_table_comment("command", _COMMAND[words], schema="eventstore")
    for column, comments in _COLUMNS.items():
        op.alter_column("command", column, comment=comments[words], schema="eventstore")


def upgrade() -> None:
    _say("append_v2", 1)


def downgrade() -> None:
    _say("append_v1", 0)
