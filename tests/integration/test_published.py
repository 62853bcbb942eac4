"""What was published finds what was changed where the database agrees with itself, and says which event."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from pulseops.publishing.publish import NotAsPublished
from tests.integration.auditing import AGAIN, EDIT, SIZE, UNGUARDED, Scene, scene


@pytest.fixture
async def there(admin: asyncpg.Connection, pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(admin, pool, tmp_path) as made:
        yield made


async def test_what_nobody_has_changed_is_what_was_published(there: Scene) -> None:
    assert await there.verify_published() is None


async def test_history_that_was_changed_sealed_and_signed_anew_is_found_to_the_event(there: Scene) -> None:
    await there.admin.execute(EDIT)
    await there.admin.execute(AGAIN)
    await there.sign()
    assert await there.verify() is None, "the database agrees with itself"
    found = await there.verify_published()
    assert found is not None
    assert (found.position, found.field) == (5, "hash of the event, as it was published,")
    with pytest.raises(NotAsPublished):
        await there.publish()


async def test_a_tail_that_was_cut_off_is_missed_from_its_first_event_on(there: Scene) -> None:
    await there.admin.execute(UNGUARDED)
    await there.admin.execute("DELETE FROM eventstore.event_p0000 WHERE position > 256")
    await there.admin.execute(AGAIN)
    await there.sign(256)
    found = await there.verify_published()
    assert found is not None
    assert (found.position, found.found) == (257, "none")
    with pytest.raises(NotAsPublished, match=f"256 events where {SIZE} were"):
        await there.publish()


@pytest.mark.parametrize(
    ("file", "content", "found"),
    [
        ("tile/0/001", None, (257, "published tile that begins here", "none")),
        ("tile/0/001", b"x", (257, "published tile that begins here", "1")),
        ("tile/1/000.p/2", bytes(64), (1, "published tile that begins here", "another")),
        ("tile/0/000", bytes(8192), (300, "root of the published tiles up to here", None)),
    ],
)
async def test_a_place_that_was_damaged_is_told_before_history_is_suspected(
    there: Scene, file: str, content: bytes | None, found: tuple[int, str, str | None]
) -> None:
    damaged = there.place / "default" / file
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    told = await there.verify_published()
    assert told is not None
    assert (told.position, told.field) == found[:2]
    assert found[2] in (None, told.found)
