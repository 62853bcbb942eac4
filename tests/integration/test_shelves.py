"""Whatever the place is, it keeps files whole, and of two who publish at once lets one win."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulseops.audit.shelf import PlaceInvalid, Shelf, Unreachable
from pulseops.publishing import folder
from pulseops.publishing.places import shelf_of
from tests.integration.appending import until
from tests.integration.shelves import KINDS, git, place_of


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with place_of(request.param, tmp_path, monkeypatch) as where:
        yield where


async def read(shelf: Shelf, *paths: str) -> list[bytes | None]:
    async with shelf.visit() as visit:
        return await visit.read(paths)


async def test_what_was_put_there_is_read_back_and_listed(place: str) -> None:
    shelf = shelf_of(place)
    assert await read(shelf, "a/checkpoint", "a/tile/0/000") == [None, None]
    tile = bytes(range(256)) * 32
    async with shelf.visit() as visit:
        assert await visit.below("a/checkpoints/") == []
        await visit.read(["a/checkpoint"])
        await visit.add({"a/tile/0/000": tile, "a/tile/0/001.p/17": b"\n\0\n"})
        await visit.add({"a/checkpoints/x001/234": b"older"})
        assert await visit.replace("a/checkpoint", b"newest\n")
    async with shelf.visit() as visit:
        found = await visit.read(["a/tile/0/001.p/17", "a/none", "a/tile", "a/checkpoint", "a/tile/0/000"])
        assert found == [b"\n\0\n", None, None, b"newest\n", tile]
        assert await visit.below("a/checkpoints/") == ["a/checkpoints/x001/234"]
        assert len(await visit.below("a/tile/")) == 2
        assert await visit.replace("a/checkpoint", b"newer\n")
    assert await read(shelf_of(place), "a/checkpoint") == [b"newer\n"]


async def test_of_those_who_publish_at_once_one_wins_and_the_others_know(place: str) -> None:
    turn = asyncio.Barrier(3)

    async def publish(name: str) -> bool:
        async with shelf_of(place).visit() as visit:
            await visit.read(["a/checkpoint"])
            await visit.add({f"a/tile/{name}": name.encode()})
            await turn.wait()
            return await visit.replace("a/checkpoint", name.encode())

    for names in (["b", "c", "d"], ["e", "f", "g"]):
        won = await asyncio.gather(*map(publish, names))
        assert sorted(won) == [False, False, True]
        assert await read(shelf_of(place), "a/checkpoint") == [names[won.index(True)].encode()]


async def test_what_was_not_ended_shows_in_no_checkpoint(place: str) -> None:
    shelf = shelf_of(place)
    async with shelf.visit() as visit:
        await visit.read(["a/checkpoint"])
        await visit.add({"a/tile/0/000.p/1": b"x"})
    assert await read(shelf, "a/checkpoint") == [None]
    async with shelf.visit() as visit:
        await visit.read(["a/checkpoint"])
        await visit.add({"a/tile/0/000.p/1": b"y"})
        assert await visit.replace("a/checkpoint", b"newest")
    assert await read(shelf, "a/tile/0/000.p/1") == [b"y"]


async def test_nothing_is_left_over_in_a_folder_or_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place_of("folder", tmp_path, monkeypatch) as place:
        async with shelf_of(place).visit() as visit:
            await visit.add({"a/b": b"x"})
            await visit.read(["a/checkpoint"])
            await visit.replace("a/checkpoint", b"x")
    left = Path(place).rglob("*")  # noqa: ASYNC240
    assert {one.name for one in left} == {"a", "b", "checkpoint", ".lock"}
    with place_of("origin", tmp_path, monkeypatch) as place:
        for note in (b"one\n", None):
            async with shelf_of(place).visit() as visit:
                await visit.add({"a/b": b"x"})
                if note is not None:
                    await visit.replace("a/checkpoint", note)
    for clone in (tmp_path / "here.git", tmp_path / "there.git"):
        assert git("-C", clone, "for-each-ref", "--format=%(refname)") == "refs/heads/main\n"
        assert git("-C", clone, "log", "--format=%an: %B", "main") == "PulseOps: one\n\n"
        git("-C", clone, "fsck", "--strict")


async def test_an_origin_that_has_lost_commits_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place_of("origin", tmp_path, monkeypatch) as place:
        for note in (b"one", b"two"):
            async with shelf_of(place).visit() as visit:
                assert await visit.replace("a/checkpoint", note)
    git("-C", tmp_path / "there.git", "update-ref", "refs/heads/main", "main~1")
    with pytest.raises(Unreachable, match="non-fast-forward"):
        await read(shelf_of(place), "a/checkpoint")


@pytest.mark.parametrize("place", ["/none", "git:/none", "s3://history/of/ours"])
async def test_a_place_that_is_not_there_says_so(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-nobodys-business")
    with pytest.raises(Unreachable) as refused:
        await read(shelf_of(place), "a/checkpoint")
    told = str(refused.value)
    assert (place.partition(":")[2] or place) in told or "127.0.0.1:9" in told
    assert "of-nobodys-business" not in told
    assert len(told.splitlines()) == 1


async def test_a_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        await read(shelf_of(str(tmp_path / "mount")), "a")
    assert not (tmp_path / "mount").exists()


async def test_a_folder_that_does_not_answer_is_given_up_and_not_waited_for_again_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a mount of a machine that is gone; a pipe to which nobody writes does the same."""
    monkeypatch.setattr(folder, "_SECONDS", 0.1)
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a/checkpoint")
    shelf = shelf_of(str(tmp_path))
    with pytest.raises(Unreachable, match="does not answer for"):
        await read(shelf, "a/checkpoint")
    for _ in range(100):
        with pytest.raises(Unreachable, match="still does not answer"):
            await read(shelf, "a/checkpoint")
    (tmp_path / "a/other").write_bytes(b"x")
    os.close(os.open(tmp_path / "a/checkpoint", os.O_WRONLY))
    assert await until(lambda: _answers(shelf, "a/other")) == [b"x"]


async def _answers(shelf: Shelf, path: str) -> list[bytes | None] | None:
    try:
        return await read(shelf, path)
    except Unreachable:
        return None


@pytest.mark.parametrize("link", ["a", "a/tile", "a/tile/0"])
async def test_nothing_is_written_where_a_link_leads_out_of_the_folder(tmp_path: Path, link: str) -> None:
    place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (place / link).parent.mkdir(parents=True)
    (place / link).symlink_to(elsewhere)
    with pytest.raises(Unreachable, match="symbolic link"):
        async with shelf_of(str(place)).visit() as visit:
            await visit.add({"a/tile/0/000": b"x"})
    assert list(elsewhere.iterdir()) == []


def test_a_password_of_an_origin_is_not_told(tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", tmp_path / "here.git")
    git("-C", tmp_path / "here.git", "remote", "add", "origin", "http://me:hunter2@and@hunter3@127.0.0.1:9/x")
    with pytest.raises(Unreachable) as refused:
        asyncio.run(read(shelf_of(f"git:{tmp_path / 'here.git'}"), "a"))
    assert "hunter" not in str(refused.value)


def test_a_repository_with_files_of_somebody_is_left_alone(tmp_path: Path) -> None:
    git("init", "--quiet", tmp_path)
    with pytest.raises(Unreachable, match="no bare repository"):
        asyncio.run(read(shelf_of(f"git:{tmp_path}/.git"), "a"))


@pytest.mark.parametrize("place", ["ftp://x/y", "file://elsewhere/x", "file:x", "s3:/x"])
def test_what_is_no_place_is_refused(place: str) -> None:
    with pytest.raises(PlaceInvalid):
        shelf_of(place)


def test_what_a_place_needs_and_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    monkeypatch.delitem(__import__("sys").modules, "pulseops.publishing.bucket", raising=False)
    with pytest.raises(PlaceInvalid, match="install it"):
        shelf_of("git:/x")
    with pytest.raises(PlaceInvalid, match=r"pulseops\[s3\]"):
        shelf_of("s3://history")
