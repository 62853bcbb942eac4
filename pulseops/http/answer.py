"""An answer on its way out: encoded once, sent as it is."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

from pulseops.http.refusal import Header

JSON = b"application/json"
_encoder = msgspec.json.Encoder()


class Answer:
    """An ASGI application that says one thing. Handlers return it, and Litestar does not look inside."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, body: bytes, *, status: int = 200, media: bytes = JSON, headers: Iterable[Header] = ()
    ) -> None:
        self.body, self.status = body, status
        self.headers = [*headers]
        if status != HTTPStatus.NOT_MODIFIED:  # which would speak of the body that the caller has
            self.headers[:0] = (b"content-type", media), (b"content-length", b"%d" % len(body))

    def to_asgi_response(self, *_: Any, **__: Any) -> "Answer":
        """What Litestar asks of the answer to an error."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's names
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def encoded(value: Any, *, status: int = 200, media: bytes = JSON, headers: Iterable[Header] = ()) -> Answer:
    """`value` as JSON."""
    return Answer(_encoder.encode(value), status=status, media=media, headers=headers)
