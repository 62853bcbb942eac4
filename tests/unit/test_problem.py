"""Which errors are which problems."""

import asyncpg
import pytest

from pulseops.http.problem import of_error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.CannotConnectNowError("the database system is in recovery mode"),
        asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
        # So it looks for a moment on a connection that has heard the goodbye and is not closed yet.
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    ],
)
def test_a_database_that_goes_away_is_unavailable_whatever_the_driver_calls_it(error: Exception) -> None:
    found = of_error(error)
    assert (found.status, found.code) == (503, "unavailable")
