"""What comes in is what its manifest says and what was signed of it, as can be shown later as well."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pulseops.audit.keyfile import make
from pulseops.audit.notary import Keys, Notary, newest_note
from pulseops.audit.note import Signer
from pulseops.db.pools import open_pool
from pulseops.eventstore.export import Wanted
from tests.carried import KEYS, Export
from tests.conftest import Database
from tests.histories import report
from tests.integration.carried import exported, signed_up_to
from tests.integration.importing import owner, rows, worked_off
from tests.integration.taking_in import Run, done, run

__all__ = ["run"]

EVENTS = 6
OTHERS = Keys(signer=Signer.new("pulseops/others"))


@pytest.fixture
def carried(database: Database, twin: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Signed, of one place; commands go to another one."""

    async def work() -> Export:
        pool = await open_pool(database.app_url)
        async with pool.acquire() as app:
            await report(app, EVENTS)
            await signed_up_to(app, pool, EVENTS)
            export, _ = await exported(app, tmp_path)
            (tmp_path / "origin.checkpoint").write_text(await newest_note(app, 1) or "")
        await pool.close()
        return export

    monkeypatch.setenv("PULSEOPS_MIGRATION_URL", twin.admin_url)
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", twin.app_url)
    monkeypatch.setenv("PULSEOPS_HOME", str(tmp_path / "home"))
    made: Export = done(work())
    return made


def folder(path: Path, name: str) -> Path:
    (path / name).mkdir()
    return path / name


def test_a_signed_export_is_taken_in_and_later_shown_to_be_what_the_origin_signed(
    carried: Export, twin: Database, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, key = carried.file, carried.keys
    code, out, told = run("events", "import", str(file), "--key", str(key))
    assert (code, told) == (0, "")
    monkeypatch.delenv("PULSEOPS_MIGRATION_URL")
    against = ("audit", "verify", "--against", str(tmp_path / "origin.checkpoint"))

    done(worked_off(twin.app_url))
    code, out, told = run(*against, "--key", str(key))
    assert (code, told) == (0, "")
    assert out == f"6 events are what was sealed, and the first 6 what {KEYS.origin('default')} signed.\n"

    # It signs with a key of its own, and goes on.
    own = make(folder(tmp_path, "home") / "audit.key")

    async def goes_on() -> None:
        pool = await open_pool(twin.app_url)
        async with pool.acquire() as app:
            await report(app, 2)
            await worked_off(twin.app_url)
        await Notary(pool, own).sign()
        await pool.close()

    done(goes_on())
    code, out, told = run(*against, "--key", str(key))
    assert (code, "is left aside" in told) == (0, True)
    assert out == f"8 events are what was sealed, and the first 6 what {KEYS.origin('default')} signed.\n"
    (both := tmp_path / "both").write_text(f"{key.read_text()}{own.signer.verifier}\n")
    code, out, told = run(*against, "--key", str(both))
    assert (code, told) == (0, "")
    assert (
        f"the first 8 what {own.origin('default')} signed, and the first 6 what {KEYS.origin('default')}"
        in out
    )

    async def change() -> None:
        async with owner(twin.admin_url) as admin:
            await admin.execute("ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL")
            await admin.execute('UPDATE eventstore.event SET data = \'{"title": "x"}\' WHERE position = 4')
            await admin.execute("DELETE FROM audit.tile")
            await admin.execute("DELETE FROM audit.checkpoint")
            await admin.execute("UPDATE eventstore.subscription SET position = 0 WHERE name = 'seal'")
        await worked_off(twin.app_url)

    done(change())
    code, out, told = run(*against, "--key", str(key))
    assert (code, "root of all up to here" in told) == (1, True)


def retitled(export: Export) -> None:
    export.file.write_bytes(export.file.read_bytes().replace(b'"Incident 3"', b'"Incident 4"'))


def as_if_written_so(export: Export) -> None:
    retitled(export)
    export.refit()


def as_if_sealed_so(export: Export) -> None:
    as_if_written_so(export)
    export.tell(root=None)


def spaced(export: Export) -> None:
    export.file.write_bytes(export.file.read_bytes().replace(b'{"title": ', b'{"title":  '))


EDITS: dict[str, Callable[[Export], object]] = {
    "The events hash to .*, and what was sealed to ": retitled,
    "The events hash to [^ ]*, and what was sealed to ": as_if_written_so,
    "and what was signed to ": as_if_sealed_so,
    "Its SHA-256 is not the one in its manifest, though its events are": spaced,
    "The file has 5 events, and had 6": lambda it: it.file.write_bytes(b"".join(it.lines()[:-1])),
    "There is no manifest beside the file": lambda it: it.manifest.unlink(),
    "manifest.json is not as it was written": lambda it: it.manifest.write_text("{}"),
    "is a part of a log": lambda it: it.tell(types=["CREATED"]),
    "Nothing of this export was signed": lambda it: it.tell(checkpoint=None, size=None, root=None),
    "No key that is trusted has signed": lambda it: it.keys.write_text(f"{OTHERS.signer.verifier}\n"),
    "holds something else than keys": lambda it: it.keys.write_text("secret"),
}


def test_what_is_not_as_it_was_written_and_signed_is_refused(
    carried: Export, twin: Database, tmp_path: Path, run: Run
) -> None:
    for number, (told, edit) in enumerate(EDITS.items()):
        export = carried.copied(tmp_path / str(number))
        edit(export)
        code, out, said = run("events", "import", str(export.file), "--key", str(export.keys))
        assert (code in {1, 2}, out) == (True, ""), told
        assert re.search(told, said), said
    assert done(rows(twin.admin_url, "eventstore.event")) == []


def test_a_checkpoint_of_more_than_the_export_has_does_not_vouch_for_it(
    carried: Export, database: Database, tmp_path: Path, run: Run
) -> None:
    async def part() -> Export:
        pool = await open_pool(database.app_url)
        async with pool.acquire() as app:
            export, _ = await exported(app, folder(tmp_path, "part"), Wanted(up_to=3))
        await pool.close()
        return export

    export = done(part())
    code, _, told = run("events", "import", str(export.file), "--key", str(export.keys))
    assert (code, "is of 6 events, the export has 3" in told) == (1, True)
    assert run("events", "import", str(export.file))[0] == 0
