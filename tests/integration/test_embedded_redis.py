"""Our launcher against a real Valkey or Redis."""

import os
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from pulseops.up import binaries
from pulseops.up import redis as launcher
from pulseops.up.home import Home
from pulseops.up.redis import EmbeddedRedis


@pytest.fixture
def server(ground: Path) -> EmbeddedRedis:
    found = EmbeddedRedis.find(Home(ground / "redis-only"))
    if found is None:
        pytest.skip("there is no Redis server for this platform")
    return found


async def test_redis_never_evicts_and_writes_nothing_to_disk(redis_url: str) -> None:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        told = await redis.config_get("maxmemory-policy", "save", "appendonly", "bind")
    assert told == {"maxmemory-policy": "noeviction", "save": "", "appendonly": "no", "bind": "127.0.0.1"}


async def test_a_wrong_password_is_refused(redis_url: str) -> None:
    where = redis_url.rpartition("@")[2]
    async with Redis.from_url(f"redis://:wrong@{where}") as redis:
        with pytest.raises(AuthenticationError):
            await redis.ping()
    async with Redis.from_url(f"redis://{where}") as redis:
        with pytest.raises(AuthenticationError):
            await redis.ping()


def test_a_home_may_have_spaces_quotes_and_other_letters_in_its_name(ground: Path) -> None:
    found = EmbeddedRedis.find(Home(ground / 'Ünser "eigenes" \\ Heim'))
    if found is None:
        pytest.skip("there is no Redis server for this platform")
    try:
        found.start()
        assert found.ended() is None
    finally:
        found.stop()


def test_the_server_starts_again_after_a_kill_with_its_password_out_of_sight(server: EmbeddedRedis) -> None:
    server.start()
    port = server.port
    os.kill(server.pid, 9)
    server.start()
    try:
        secret = server.url.partition("@")[0].removeprefix("redis://:")
        assert secret not in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert secret not in server.log.read_text()
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner == os.getuid() if os.getuid() else owner != 0
        assert server.port == port
    finally:
        server.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has another user to run servers as")
def test_a_copy_for_the_servers_user_follows_none_of_their_links(
    ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, precious = Home(ground / "linked"), ground / "precious"
    program = binaries.redis_program(home.account, home.data)
    if program is None:
        pytest.skip("there is no Redis server for this platform")
    precious.write_text("kept")
    name = f".{program.name}-{int(program.stat().st_mtime)}.{os.getpid()}"
    (home.data / name).symlink_to(precious)
    monkeypatch.setattr(binaries, "traversable", lambda _folder, _account: False)
    copy = binaries.redis_program(home.account, home.data)
    assert precious.read_text() == "kept"
    assert copy is not None
    assert copy.read_bytes() == program.read_bytes()


def test_without_any_program_there_is_no_server(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "redis_program", lambda _account, _data: None)
    assert EmbeddedRedis.find(Home(ground / "redis-none")) is None
