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
