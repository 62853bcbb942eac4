"""uvicorn's protocol, with the patience that uvicorn has no setting for: headers must arrive in time."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_PATIENCE = 10.0
"""Seconds from the connection, or from a request's first byte, to the end of its headers."""


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose headers do not come. Bodies are timed where they are read."""

    _until_headers: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._expect_headers()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()

    def _expect_headers(self) -> None:
        self._headers_came()
        self._until_headers = self.loop.call_later(_PATIENCE, self.transport.close)

    def _headers_came(self) -> None:
        if self._until_headers is not None:
            self._until_headers.cancel()
            self._until_headers = None
