"""What the driver raises when the database is not there: the request may be tried again."""

from socket import gaierror

import asyncpg

OUTAGES: tuple[type[Exception], ...] = (
    ConnectionError,
    TimeoutError,
    gaierror,
    asyncpg.InterfaceError,
    # The server has said goodbye and not closed yet; or no server of the URL is as the URL asks.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    # Its disk failed it; nothing says that the next one does.
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
)

MISTAKEN: tuple[type[Exception], ...] = (ValueError, OverflowError)
"""What connecting raises for an address or an option, of the URL or the environment, that cannot be."""

_PASSING = frozenset(("08", "25", "40", "53", "55", "57", "58"))
"""Classes of SQLSTATE: connection, transaction state, deadlock, resources, locks, operator, system."""


def passing(error: Exception) -> bool:
    """Whether it lies with the server or the moment, and not with what was asked: it may pass by itself."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _PASSING
    return isinstance(error, OUTAGES)
