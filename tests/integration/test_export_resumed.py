"""An export that was interrupted goes on only as the one that it was, by database and over HTTP."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from pulseops.archive.carrying import carry
from pulseops.cli.history.fetching import fetch
from pulseops.client import PulseOps
from pulseops.eventstore.export import Wanted
from pulseops.eventstore.part import NotItsPart, Part
from tests.conftest import Database
from tests.integration.carried import signed_up_to
from tests.integration.strange import PLAIN, store
from tests.integration.streaming import hosting

KINDS = "ABCABCABCABC"
LATE = datetime(2999, 1, 1, tzinfo=UTC)
BEGUN = {
    "with as many events of the same last line": (
        Wanted(types=("A",), up_to=4),
        Wanted(types=("A", "C"), after=2),
    ),
    "of a type": (Wanted(types=("A",), up_to=4), Wanted()),
    "of another type, too": (Wanted(types=("A",), up_to=4), Wanted(types=("A", "B"))),
    "from elsewhere": (Wanted(after=2, up_to=4), Wanted()),
    "until some time": (Wanted(up_to=4, until=LATE), Wanted()),
}

Take = Callable[[Wanted, Path], Awaitable[object]]


@pytest.fixture(params=["database", "http"])
async def take(
    request: pytest.FixtureRequest, app: asyncpg.Connection, pool: asyncpg.Pool, database: Database
) -> AsyncIterator[Take]:
    """Takes out a history that is signed, one way and the other."""
    for kind in KINDS:
        await store(app, "{}", PLAIN, kind=kind)
    await signed_up_to(app, pool, len(KINDS))
    if request.param == "database":
        yield lambda wanted, file: carry(app, wanted, "default", file)
        return
    async with hosting(database.app_url) as host:

        def fetched(wanted: Wanted, file: Path) -> None:
            with PulseOps(f"http://127.0.0.1:{host.port}", host.token) as client:
                fetch(client, wanted, file, lambda *_: None)

        yield lambda wanted, file: asyncio.to_thread(fetched, wanted, file)


class Broken(Exception):
    """What ends an export before its time."""


async def broken_off(take: Take, wanted: Wanted, file: Path) -> None:
    """All lines are there, and nothing else is done."""

    def breaks(*_: object) -> None:
        raise Broken

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Part, "finish", breaks)
        with pytest.raises(Broken):
            await take(wanted, file)


@pytest.mark.parametrize("how", BEGUN)
async def test_what_was_begun_otherwise_is_not_gone_on_with(take: Take, tmp_path: Path, how: str) -> None:
    begun, wanted = BEGUN[how]
    file = tmp_path / "history.ndjson"
    await broken_off(take, begun, file)
    before = (tmp_path / "history.ndjson.part").read_bytes()
    with pytest.raises(NotItsPart, match="begun"):
        await take(wanted, file)
    assert not file.exists()
    assert (tmp_path / "history.ndjson.part").read_bytes() == before
    await take(replace(begun, up_to=None), file)
    await take(replace(begun, up_to=None), tmp_path / "at once")
    assert file.read_bytes() == (tmp_path / "at once").read_bytes()
    left = sorted(name for name in os.listdir(tmp_path) if "history" in name)  # noqa: PTH208
    assert left == ["history.ndjson", "history.ndjson.hashes", "history.ndjson.manifest.json"]


async def test_a_file_that_no_export_began_is_left_as_it_is(take: Take, tmp_path: Path) -> None:
    for number, text in enumerate((b"no line's end", b"Dear diary,\nand so on", b"\n", b"\0" * 9)):
        part = tmp_path / f"{number}.part"
        part.write_bytes(text)
        with pytest.raises(NotItsPart):
            await take(Wanted(), tmp_path / str(number))
        assert part.read_bytes() == text


async def test_nothing_is_written_through_a_link(take: Take, tmp_path: Path) -> None:
    """That somebody else put there, in a folder of everyone's."""
    (tmp_path / "precious").write_bytes(b"precious")
    for name in ("o.part", "o.part.begun", ".o.hashes.part", ".o.manifest.json.part"):
        (tmp_path / name).symlink_to(tmp_path / "precious")
        with pytest.raises(OSError, match=r"Too many levels of symbolic links|File exists"):
            await take(Wanted(), tmp_path / "o")
        (tmp_path / name).unlink(missing_ok=True)
        assert (tmp_path / "precious").read_bytes() == b"precious"
    await take(Wanted(), tmp_path / "o")


async def test_nothing_is_left_beside_a_file_that_is_there(take: Take, tmp_path: Path) -> None:
    (tmp_path / "o").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        await take(Wanted(), tmp_path / "o")
    assert os.listdir(tmp_path) == ["o"]  # noqa: PTH208
