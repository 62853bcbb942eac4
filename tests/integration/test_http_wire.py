"""Below the routes: what clients write on the connection itself."""

import json

from tests.conftest import Database
from tests.serving import listening, said

_BODY = b'{"title":"told over an upgradable connection"}'


def _head(token: str, *lines: str) -> bytes:
    told = ["POST /incident HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
    return "\r\n".join([*told, "Content-Type: application/json", *lines, "", ""]).encode()


async def test_an_offer_to_upgrade_is_passed_over_and_the_body_is_read(database: Database) -> None:
    """Java's HttpClient offers HTTP/2 with the first request of every connection, whatever it carries."""
    offer = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk",
    )
    async with listening(database.app_url) as (port, token):
        sized = _head(token, *offer, f"Content-Length: {len(_BODY)}")
        chunked = _head(token, *offer, "Transfer-Encoding: chunked")
        pieces = [b"%x\r\n%b\r\n" % (len(part), part) for part in (_BODY[:9], _BODY[9:])]
        last = _head(token, "Connection: close", f"Content-Length: {len(_BODY)}") + _BODY
        for sent in (
            [sized + _BODY + last],
            [sized, _BODY[:5], _BODY[5:], last],
            [chunked + b"".join(pieces) + b"0\r\n\r\n" + last],
            [chunked, pieces[0], pieces[1] + b"0\r\n", b"\r\n", last],
            [
                b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                last,
            ],
        ):
            answer = await said(port, *sent)
            assert answer.count(b"HTTP/1.1 20") == 2
            assert answer.count(b"HTTP/1.1 ") == 2


async def test_what_is_no_http_is_refused_like_everything_else(database: Database) -> None:
    async with listening(database.app_url) as (port, _):
        head, _, body = (await said(port, b"hello\r\n\r\n")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"content-type: application/problem+json" in head
        assert json.loads(body)["code"] == "malformed"


async def test_a_head_without_end_is_not_collected(database: Database) -> None:
    async with listening(database.app_url) as (port, _):
        endless = b"GET /health/live HTTP/1.1\r\nX: " + b"a" * 40_000
        head, _, body = (await said(port, endless, b"a" * 40_000, b"a" * 400_000)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 431 ")
        assert json.loads(body)["code"] == "head-too-large"
