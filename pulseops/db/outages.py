"""What the driver raises when the database is not there: the request may be tried again."""

from socket import gaierror

import asyncpg

OUTAGES: tuple[type[Exception], ...] = (
    ConnectionError,
    TimeoutError,
    gaierror,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # also: no server of the URL is in the state that it asks for
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
