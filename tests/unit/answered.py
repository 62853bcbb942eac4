"""A server that answers what a test told it to."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from msgspec import Struct


class Reply(Struct):
    """What the server answers; no status: it hangs up without a word."""

    status: int | None
    body: Any = None
    headers: dict[str, str] = {}


class Request(Struct):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[Reply] = []
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.requests.append(Request(self.command, self.path, dict(self.headers.items()), body))
        reply = self.server.replies.pop(0)
        if reply.status is None:
            self.close_connection = True
            return
        kind = "application/json" if reply.status < 400 else "application/problem+json"
        document = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response_only(reply.status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(document)),
            **reply.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(document)

    def do_POST(self) -> None:
        self.do_GET()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with Server() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("PULSEOPS_HOME", str(tmp_path))
        monkeypatch.setenv("PULSEOPS_URL", server.url)
        monkeypatch.setenv("PULSEOPS_API_KEY", "pulseops_1_secret")
        yield server
        server.shutdown()
