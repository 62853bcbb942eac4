"""Tiles over HTTP, at the paths of C2SP tlog-tiles, and at no others."""

import asyncio

import asyncpg

from pulseops.audit.tiles import Path, of_tree
from tests.conftest import Database
from tests.integration.proving import leaves_of, sign
from tests.integration.sealing import grow, mth
from tests.serving import Api, listening, said


async def test_the_whole_tree_can_be_read_tile_by_tile(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 600)
    await sign(app, pool, 600)
    leaves = await leaves_of(app)
    tiles = {}
    for path in of_tree(600):
        answer = await api.get(f"/audit/tile/{path}")
        assert (answer.status_code, len(answer.content)) == (200, path.width * 32), path
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert "authorization" in answer.headers["vary"], "at one address each log has its own"
        tiles[str(path)] = answer.content
    assert set(tiles) == {"0/000", "0/001", "0/002.p/88", "1/000.p/2"}
    assert b"".join(list(tiles.values())[:3]) == b"".join(leaves)
    assert tiles["1/000.p/2"] == mth(leaves[:256]) + mth(leaves[256:512])


async def test_a_partial_tile_is_the_beginning_of_what_it_becomes(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 300)
    await sign(app, pool, 100)
    assert (await api.get("/audit/tile/0/000.p/101")).status_code == 404
    assert (await api.get("/audit/tile/0/000")).status_code == 404
    before = {width: (await api.get(f"/audit/tile/0/000.p/{width}")).content for width in (1, 99, 100)}
    await sign(app, pool, 300)
    whole = (await api.get("/audit/tile/0/000")).content
    for width, hashes in before.items():
        assert (await api.get(f"/audit/tile/0/000.p/{width}")).content == hashes == whole[: 32 * width]


_BAD = [
    *("", "0", "0/", "/000", "0//000", "0/0", "0/00", "0/0000", "0/000/", "0/000.p", "0/000.p/", "0/x000"),
    *("0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/-1", "0/000.p/1.p/1", "0/000.p/99999"),
    *(
        "00/000",
        "-1/000",
        "64/000",
        "999/000",
        "0/x000/000",
        "0/000/000",
        "0/x001/x000",
        "a/000",
        "0/X001/000",
    ),
    *(
        "0/%30%30",
        "0/000%00",
        "0/000%0a",
        "0/%D9%A0%D9%A0%D9%A0",
        "entries/000",
        "entries/000.p/1",
        "0/" + "x999/" * 200 + "999",
    ),
    *("0/x009/x223/x372/x036/x854/x775/808", "63/x009/x223/x372/x036/x854/x775/807"),
]


async def test_what_is_no_path_of_a_tile_is_not_found(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 3)
    await sign(app, pool, 3)
    for path in _BAD:
        answer = await api.get(f"/audit/tile/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not-found"


async def test_slashes_may_stand_as_they_are_or_as_signs(
    api: Api, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 3)
    await sign(app, pool, 3)
    plain = await api.get("/audit/tile/0/000.p/3")
    assert (await api.get("/audit/tile/0%2F000.p%2F3")).content == plain.content
    assert (await api.head("/audit/tile/0/000.p/3")).headers["content-length"] == "96"


async def test_nothing_is_reached_by_going_up(database: Database) -> None:
    async with listening(database.app_url) as (port, token):
        for path in (
            "/audit/tile/../checkpoint",
            "/audit/tile/0/../../../whoami",
            "/audit/tile/%2e%2e/%2e%2e/whoami",
            "/audit/tile/..%2f..%2fwhoami",
            "/audit/tile/0/000.p/../../../../etc/passwd",
            "/audit/tile//etc/passwd",
            "/audit/tile/\\..\\..",
        ):
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            answer = await said(port, f"{head}Connection: close\r\n\r\n".encode())
            assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), (path, answer)


async def test_many_may_read_tiles_at_once(api: Api, app: asyncpg.Connection, pool: asyncpg.Pool) -> None:
    await grow(app, 600)
    await sign(app, pool, 600)
    paths = [*of_tree(600)] * 25
    answers = await asyncio.gather(*(api.get(f"/audit/tile/{path}") for path in paths))
    assert {answer.status_code for answer in answers} == {200}
    assert {Path.parsed(str(path)) for path in paths} == set(of_tree(600))
