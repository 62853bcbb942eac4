"""Our launcher against a real PostgreSQL: who runs it, who may enter, and what a kill leaves behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from pulseops.up import binaries
from pulseops.up import home as homes
from pulseops.up.home import Home, is_private
from pulseops.up.postgres import EmbeddedPostgres, workers_in
from pulseops.up.processes import CannotStart, Mark, wait_until
from tests.conftest import Database

HOLDER = Path(__file__).with_name("hold_servers.py")
only_root = pytest.mark.skipif(os.getuid() != 0, reason="only root has another user to run servers as")


@pytest.fixture(scope="module")
def own_home(ground: Path) -> Home:
    """A home whose servers these tests kill."""
    return Home(ground / "killed")


@pytest.fixture
def own(own_home: Home) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(own_home)
    postgres.start()
    asyncio.run(postgres.prepare())
    yield postgres
    postgres.stop()


async def test_the_application_logs_in_with_its_password_and_is_no_superuser(database: Database) -> None:
    connection = await asyncpg.connect(database.app_url)
    try:
        assert await connection.fetchval("SELECT current_setting('is_superuser')") == "off"
        assert await connection.fetchval("SELECT pg_has_role('pulseops_app', 'MEMBER')")
    finally:
        await connection.close()


async def test_it_keeps_what_it_acknowledges_and_sorts_alike_everywhere(database: Database) -> None:
    connection = await asyncpg.connect(database.app_url)
    try:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert await connection.fetchval("SELECT current_setting($1)", setting) == "on"
        locale = "SELECT datlocale FROM pg_database WHERE datname = current_database()"
        assert await connection.fetchval(locale) == "C.UTF-8"
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    finally:
        await connection.close()


@pytest.mark.parametrize("user", ["pulseops", "postgres"])
async def test_a_wrong_password_is_refused(cluster: EmbeddedPostgres, user: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://{user}:wrong@127.0.0.1:{cluster.port}/postgres")


@only_root
def test_under_root_the_server_runs_as_another_user_who_owns_the_data(cluster: EmbeddedPostgres) -> None:
    status = Path(f"/proc/{cluster.pid}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert set(uids) == {str(cluster.account.uid)} != {"0"}
    assert cluster.cluster.stat().st_uid == cluster.account.uid
    assert "CapEff:\t0000000000000000" in status


def test_passwords_stand_in_a_private_file_and_in_no_command_line(
    home: Home, cluster: EmbeddedPostgres
) -> None:
    assert is_private(home.path / "servers.json")
    servers = home.servers()
    words = Path(f"/proc/{cluster.pid}/cmdline").read_text()
    assert servers.password not in words
    assert servers.superuser_password not in words
    assert not (home.data / "password").exists()


@only_root
def test_a_home_that_the_servers_user_cannot_reach_is_left_closed(
    ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = ground / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(homes, "ELSEWHERE", ground / "elsewhere")
    monkeypatch.setattr(binaries, "traversable", lambda _folder, _account: False)
    for _ in range(2):  # the second start finds what the first has recorded
        home = Home(closed / "home")
        postgres = EmbeddedPostgres(home)
        postgres.start()
        postgres.stop()
        assert (home.path / "data").readlink().parent == ground / "elsewhere"
        assert postgres.cluster.is_relative_to(ground / "elsewhere")
    assert (closed.stat().st_mode & 0o777, ground.stat().st_mode & 0o777) == (0o700, 0o711)


def test_data_that_have_vanished_are_not_silently_replaced(ground: Path) -> None:
    folder = ground / "vanished"
    folder.mkdir()
    (folder / "data").symlink_to(ground / "nowhere")
    with pytest.raises(CannotStart, match="which is gone"):
        Home(folder)


def test_a_killed_parent_takes_the_servers_along_and_the_data_survive(own_home: Home) -> None:
    words = [sys.executable, str(HOLDER), str(own_home.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        try:
            marks = [Mark.of(int(pid)) for pid in (holder.stdout or sys.stdin).readline().split()]
            asyncio.run(_run(EmbeddedPostgres(own_home), "CREATE TABLE kept AS SELECT 7 AS n"))
        finally:
            holder.kill()
    postgres = EmbeddedPostgres(own_home)
    postgres.start()  # while the old server may still be on its way out
    try:
        assert len(marks) == 2
        assert wait_until(lambda: not any(mark and mark.runs() for mark in marks), 5)
        assert asyncio.run(_run(postgres, "SELECT n FROM kept")) == 7
    finally:
        postgres.stop()


def test_a_killed_server_recovers_and_its_stray_query_does_not_block_it(own: EmbeddedPostgres) -> None:
    asyncio.run(_run(own, "CREATE TABLE acknowledged AS SELECT 9 AS n"))
    psql = binaries.postgres_programs(own.account, own.cluster.parent) / "psql"
    endless = ["--command", "SELECT count(*) FROM generate_series(1, 1e12::bigint)"]
    address = {"PGHOST": "127.0.0.1", "PGPORT": str(own.port), "PGUSER": "postgres"}
    secret = {"PGPASSWORD": own.url(admin=True).split(":")[2].partition("@")[0]}
    quiet = subprocess.DEVNULL
    with subprocess.Popen([psql, *endless], env=address | secret, stdout=quiet, stderr=quiet) as client:
        try:
            assert wait_until(lambda: bool(_selecting(own)), 5)
            stray = _selecting(own)
            os.kill(own.pid, signal.SIGKILL)
            own.start()
            assert client.wait(5) != 0
        finally:
            client.kill()
    assert [pid for pid in stray if Mark.of(pid)] == []
    assert asyncio.run(_run(own, "SELECT n FROM acknowledged")) == 9


def test_a_stale_pid_file_whose_number_lives_again_does_not_block(
    own: EmbeddedPostgres, own_home: Home
) -> None:
    own.stop()
    with subprocess.Popen(["sleep", "60"], user=_uid(own), stdin=subprocess.DEVNULL) as other:
        words = (other.pid, own.cluster, 0, 5432, "", "127.0.0.1", "0 0", "ready   ")
        pid_file = own.cluster / "postmaster.pid"
        pid_file.write_text("".join(f"{word}\n" for word in words))
        os.chown(pid_file, own.account.uid, own.account.gid)
        (own_home.run / "postgres").write_text(f"{other.pid} 1")
        try:
            own.start()
            assert other.poll() is None, "it is somebody else's process"
        finally:
            other.kill()


def test_a_half_made_cluster_is_made_anew(ground: Path) -> None:
    home = Home(ground / "half")
    (home.data / "pg18.partial").mkdir()
    (home.data / "pg18.partial" / "PG_VERSION").write_text("18")
    postgres = EmbeddedPostgres(home)
    postgres.start()
    postgres.stop(hurry=True)


def test_the_port_stays_the_same_while_nothing_else_has_taken_it(own: EmbeddedPostgres) -> None:
    before = own.port
    own.stop()
    own.start()
    assert own.port == before


def _selecting(postgres: EmbeddedPostgres) -> list[int]:
    """The processes that run a query, by the title that PostgreSQL gives them."""
    titles = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in workers_in(postgres.cluster)}
    return [pid for pid, title in titles.items() if title.rstrip("\0 ").endswith("SELECT")]


def _uid(postgres: EmbeddedPostgres) -> int | None:
    return postgres.account.uid if os.getuid() == 0 else None


async def _run(postgres: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(postgres.url("postgres", admin=True))
    try:
        if statement.startswith("CREATE"):
            return await connection.execute(statement)
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def test_a_start_that_fails_moves_no_port_for_the_programs_to_follow(own: EmbeddedPostgres) -> None:
    port = own.port
    own.stop()
    own.cluster.chmod(0o755)
    with pytest.raises(CannotStart, match="invalid permissions"):
        own.start()
    assert own.port == port
    own.cluster.chmod(0o700)
