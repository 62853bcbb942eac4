"""A served database, and the command line before it."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
import structlog
from uvicorn import Server

from pulseops.app import server
from pulseops.audit import keyfile
from pulseops.audit.notary import Keys, Notary
from pulseops.cli.app import app
from pulseops.db.identity import identity
from pulseops.db.pools import open_pool
from pulseops.eventstore.wake import Doorbell
from pulseops.incidents import reporting
from pulseops.rulebook.loader import load_rulebook
from pulseops.settings import Settings
from pulseops.subscriptions.leading import Subscriptions
from pulseops.up.home import Api, Home
from pulseops.wiring import projectors
from tests.conftest import Database
from tests.keys import a_key


async def make_key(url: str) -> str:
    pool = await open_pool(url)
    try:
        return await a_key(pool)
    finally:
        await pool.close()


def run_until_told(api: Server, ready: Event) -> None:
    startup = api.startup

    async def announced(sockets: None = None) -> None:
        await startup(sockets)
        ready.set()

    setattr(api, "startup", announced)  # noqa: B010 -- uvicorn has no hook for it
    try:
        api.run()
    finally:
        ready.set()


async def lead(url: str, redis_url: str, keys: Keys, begun: Event, over: Event) -> None:
    """What the worker does, for as long as it is wanted."""
    pool = await open_pool(url)
    bell = Doorbell(redis_url, database=await identity(pool))
    led = Subscriptions(pool, projectors(load_rulebook()), owner="test", doorbell=bell)
    led.start()
    notary = asyncio.create_task(Notary(pool, keys).watch())
    begun.set()
    await asyncio.to_thread(over.wait)
    notary.cancel()
    await led.stop(5)
    await bell.close()
    await pool.close()


@pytest.fixture
def worked(served: Database, redis_url: str, tmp_path: Path) -> Iterator[Database]:
    """Served, and with a worker: lists show at once what was done, and it is signed."""
    begun, over, keys = Event(), Event(), keyfile.make(tmp_path / "audit.key")
    thread = Thread(target=lambda: asyncio.run(lead(served.app_url, redis_url, keys, begun, over)))
    thread.start()
    assert begun.wait(30)
    yield served
    over.set()
    thread.join()


@pytest.fixture
def served(
    database: Database, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A served database, which the command line finds as it finds a running `up`: through its home."""
    (tmp_path / "admin.key").write_text(asyncio.run(make_key(database.app_url)))
    # Both share this process, and standard output is the command line's.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    reporting._logger.cache_clear()
    api, ready = server(Settings(database_url=database.app_url, redis_url=redis_url, port=0)), Event()
    thread = Thread(target=run_until_told, args=(api, ready))
    thread.start()
    assert ready.wait(30)
    assert api.started
    port = api.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setenv("PULSEOPS_HOME", str(tmp_path))
    home = Home(tmp_path)
    with home.held():
        home.announce(Api(url=f"http://127.0.0.1:{port}", pid=os.getpid()))
        yield database
    api.should_exit = True
    thread.join()
    structlog.reset_defaults()
    reporting._logger.cache_clear()


Run = Callable[..., str]


@pytest.fixture
def run(worked: Database, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command that is done; what it prints."""

    def run(*tokens: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            app(tokens)
        captured = capsys.readouterr()
        assert stopped.value.code in {0, None}, captured.err
        return captured.out

    return run
