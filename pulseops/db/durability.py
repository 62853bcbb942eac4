"""Whether this PostgreSQL keeps what it has acknowledged. PulseOps refuses one that may not."""

import asyncpg
import structlog

from pulseops.kernel.errors import PulseOpsError

_log = structlog.get_logger(__name__)

_DANGERS = {
    "fsync": "a crash of the machine may lose or corrupt everything",
    "full_page_writes": "a crash of the machine may corrupt pages that were being written",
    "synchronous_commit": "a crash may lose the last commits after they were acknowledged",
}

# A session may have set a better value than the one that its login starts from: look at both.
_SETTINGS = """
SELECT name, setting, reset_val FROM pg_settings
WHERE name = ANY ($1) AND (setting = 'off' OR reset_val = 'off') ORDER BY name
"""


class NotDurable(PulseOpsError):
    """This PostgreSQL may lose what it has acknowledged."""

    code = "not-durable"


async def check_durability(connection: asyncpg.Connection) -> list[str]:
    """What is unsafe, in sentences; empty when nothing acknowledged can be lost."""
    rows = await connection.fetch(_SETTINGS, list(_DANGERS))
    return [f"{row['name']} is off: {_DANGERS[row['name']]}" for row in rows]


async def require_durability(connection: asyncpg.Connection, *, allow_unsafe: bool = False) -> None:
    """Raises NotDurable with every finding, or, where the operator allows it, says so loudly."""
    findings = await check_durability(connection)
    if not findings:
        return
    if allow_unsafe:
        _log.critical("database.not_durable", findings=findings, allowed=True)
        return
    raise NotDurable(
        f"This PostgreSQL may lose what it has acknowledged: {'; '.join(findings)}. Turn it on "
        "(for the server, the database and the login), or allow an unsafe database explicitly."
    )
