"""A real, if small, HTTP server that answers what it was told to, one connection a request."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass
class Said:
    """What the server was asked."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Scripted:
    """`replies` are sent in turn; None hangs up without a word. The last one is sent for ever."""

    replies: Sequence[bytes | None]
    requests: list[Said] = field(default_factory=list)
    url: str = ""

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in fields)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.requests.append(Said(line, headers, body))
            reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
            if reply is not None:
                writer.write(reply)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def reply(
    status: int, body: bytes = b"{}", *headers: str, kind: str | None = None, length: int | None = None
) -> bytes:
    """A response; `length` when it is to break off before that."""
    kind = kind or ("application/json" if status < 400 else "application/problem+json")
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def scripted(*replies: bytes | None) -> AsyncIterator[Scripted]:
    script = Scripted(replies)
    listening = await asyncio.start_server(script._answer, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield script
    listening.close()
    await listening.wait_closed()
