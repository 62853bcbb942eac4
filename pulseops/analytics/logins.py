"""Analysts' logins: roles of PostgreSQL that read the views, and which logs each of them reads.

Roles belong to the cluster, and are made by whoever may migrate. What is done to one is on the audit trail of
each log that it is about, in the same transaction.
"""

from collections.abc import Sequence
from datetime import timedelta
from secrets import token_bytes, token_urlsafe

import asyncpg
from msgspec import Struct

from pulseops.access.recording import By, acted_by, record_act, together
from pulseops.analytics.verifier import scram_verifier
from pulseops.eventstore.directory import find_log
from pulseops.kernel.errors import NotFound, PulseOpsError

# Marks the roles that were made here: no other one is dropped.
_TOLD = "An analyst of PulseOps, who reads the views of the schema analytics."

_CREATE = (
    "CREATE ROLE %1$I LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT %2$s PASSWORD %3$L",
    "COMMENT ON ROLE %1$I IS %4$L",
    "ALTER ROLE %1$I SET statement_timeout = %5$L",
    "ALTER ROLE %1$I SET idle_in_transaction_session_timeout = '5min'",
    "ALTER ROLE %1$I SET default_transaction_read_only = on",
    "ALTER ROLE %1$I SET timezone = 'UTC'",
    "GRANT pulseops_analyst TO %1$I",
)
_WRITTEN = "SELECT format($1, VARIADIC $2::text[])"
_OPEN = "INSERT INTO access.analyst (log_id, login) VALUES ($1, $2)"
_SHUT = "DELETE FROM access.analyst WHERE login = $1 RETURNING log_id"
_ROLE = "SELECT r.oid, shobj_description(r.oid, 'pg_authid') AS told FROM pg_roles r WHERE r.rolname = $1"
_SESSIONS = "SELECT a.pid FROM pg_stat_activity a WHERE a.usesysid = $1"
# Found first: conditions are asked in any order, and this one ends whoever it is asked of.
_END = """
WITH s AS MATERIALIZED (SELECT a.pid FROM pg_stat_activity a WHERE a.usesysid = $1)
SELECT s.pid FROM s WHERE NOT pg_terminate_backend(s.pid, $2)
"""
_ENDING = 5_000  # milliseconds that a session is given to end
_LIST = """
SELECT a.login AS name, array_agg(l.name ORDER BY l.log_id) AS logs, r.rolconnlimit AS connections, (
  SELECT split_part(c.setting, '=', 2) FROM unnest(r.rolconfig) c (setting)
  WHERE starts_with(c.setting, 'statement_timeout=')
) AS timeout
FROM access.analyst a JOIN eventstore.log l ON l.log_id = a.log_id LEFT JOIN pg_roles r ON r.rolname = a.login
GROUP BY a.login, r.rolconnlimit, r.rolconfig ORDER BY a.login
"""


class LoginTaken(PulseOpsError):
    """There is such a login already."""

    code = "login-taken"


class MayNotCreateLogins(PulseOpsError):
    """This login may not make others, or not open logs to them: use the one that migrates."""

    code = "may-not-create-logins"


class Analyst(Struct, frozen=True, kw_only=True):
    """A login and the logs that it reads. `timeout` is how long a query may take unless it says otherwise,
    as PostgreSQL writes it; null when the role is gone, or was made by hand without one.
    """

    name: str
    logs: tuple[str, ...]
    timeout: str | None = None
    connections: int | None = None


class Shut(Struct, frozen=True, kw_only=True):
    """What became of a login. `dropped`: its role is gone. `left`: the sessions that go on."""

    dropped: bool
    left: tuple[int, ...]


async def create(
    pool: asyncpg.Pool, by: By, name: str, *, logs: Sequence[str], longest: timedelta, connections: int
) -> str:
    """Its password, which is kept nowhere. Raises LoginTaken, NotFound and MayNotCreateLogins.

    `longest`: how long a query may take; a default, which the login may lift.
    """
    password = token_urlsafe(24)
    verifier = scram_verifier(password, token_bytes(16))
    milliseconds = str(round(longest.total_seconds() * 1000))

    async def make(connection: asyncpg.Connection) -> None:
        opened = {await find_log(connection, log) for log in logs}
        for statement in _CREATE:
            arguments = [name, str(connections), verifier, _TOLD, milliseconds]
            await connection.execute(await connection.fetchval(_WRITTEN, statement, arguments))
        await connection.execute("SET LOCAL ROLE pulseops_owner")
        # Of one that had the name before, and was dropped by hand.
        await connection.execute(_SHUT, name)
        for log_id in sorted(opened):  # two that are made at once wait for each other in one order
            await connection.execute(_OPEN, log_id, name)
            await record_act(
                connection, by, acted_by(by, "analysts.create", f"analyst:{name}"), log_id=log_id
            )

    try:
        await together(pool, make)
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError) as error:
        raise LoginTaken(f"PostgreSQL has a role named {name} already.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNotCreateLogins(f"{MayNotCreateLogins.__doc__} ({error})") from error
    return password


async def revoke(pool: asyncpg.Pool, by: By, name: str) -> Shut:
    """It sees nothing more, and its sessions end. Raises NotFound and MayNotCreateLogins."""

    async def shut(connection: asyncpg.Connection) -> tuple[int | None, bool]:
        await connection.execute("SET LOCAL ROLE pulseops_owner")
        logs = sorted(row["log_id"] for row in await connection.fetch(_SHUT, name))
        if not logs:
            raise NotFound(f"There is no analyst named {name}.")
        for log_id in logs:
            await record_act(
                connection, by, acted_by(by, "analysts.revoke", f"analyst:{name}"), log_id=log_id
            )
        await connection.execute("RESET ROLE")
        role = await connection.fetchrow(_ROLE, name)
        return role and role["oid"], role is not None and await _dropped(connection, name, role["told"])

    try:
        role, dropped = await together(pool, shut)
        return Shut(dropped=dropped, left=() if role is None else await _ended(pool, role))
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNotCreateLogins(f"{MayNotCreateLogins.__doc__} ({error})") from error


async def _dropped(connection: asyncpg.Connection, name: str, told: str | None) -> bool:
    """Whether the role is gone too: one that was made by hand, or owns something, is kept."""
    if told != _TOLD:
        return False
    try:
        async with connection.transaction():
            await connection.execute(await connection.fetchval(_WRITTEN, "DROP ROLE %1$I", [name]))
    except asyncpg.DependentObjectsStillExistError:
        await connection.execute(await connection.fetchval(_WRITTEN, "ALTER ROLE %1$I NOLOGIN", [name]))
        return False
    return True


async def _ended(pool: asyncpg.Pool, role: int) -> tuple[int, ...]:
    """Those that could not be ended: that takes a superuser, or a member of pg_signal_backend.

    After the commit: what is under way sees what it saw before, and a new one nothing.
    """
    try:
        rows = await pool.fetch(_END, role, _ENDING)
    except asyncpg.InsufficientPrivilegeError:
        rows = await pool.fetch(_SESSIONS, role)
    return tuple(row["pid"] for row in rows)


async def analysts(pool: asyncpg.Pool) -> tuple[Analyst, ...]:
    """By name. Raises MayNotCreateLogins: who reads what is for the owner to know."""
    try:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE pulseops_owner")
            rows = await connection.fetch(_LIST)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNotCreateLogins(f"{MayNotCreateLogins.__doc__} ({error})") from error
    return tuple(Analyst(**{**row, "logs": tuple(row["logs"])}) for row in rows)
