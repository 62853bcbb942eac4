"""An operator publishes, and an auditor holds history against all that was ever published."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from pulseops.audit import keyfile
from pulseops.audit.merkle import EMPTY
from pulseops.audit.notary import Keys
from pulseops.audit.note import opened, signed
from pulseops.audit.register import Register
from tests.conftest import Database
from tests.integration.auditing import AGAIN, EDIT
from tests.integration.commanded import run, sign, within


@pytest.fixture
def keys(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """As an operator sets it up."""
    (tmp_path / "published").mkdir()
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", database.app_url)
    monkeypatch.setenv("PULSEOPS_AUDIT_KEY", str(tmp_path / "audit.key"))
    monkeypatch.setenv("PULSEOPS_AUDIT_PUBLISH", str(tmp_path / "published"))
    return keyfile.make(tmp_path / "audit.key")


def test_what_is_published_is_held_against_history(
    database: Database, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "verify", "--published")[::2] == (1, "Nothing of default is published there.\n")
    assert run(capsys, "publish")[0] == 1
    for size in (10, 20):
        sign(database, keys, events=10, size=size)
        assert run(capsys, "publish") == (0, f"The first {size} events of default are published.\n", "")
    assert run(capsys, "publish")[1] == "The first 20 events of default were published already.\n"
    assert run(capsys, "publish", "--json")[1] == '{"log":"default","size":20,"before":20}\n'
    for place in ("--published", f"--published={tmp_path / 'published'}"):
        code, told, _ = run(capsys, "verify", place)
        assert (code, told.endswith(" All 2 published checkpoints say the same.\n")) == (0, True)
    within(database, lambda pool: pool.execute(f"{EDIT}; {AGAIN}"))
    sign(database, keys, events=0, size=20)
    assert run(capsys, "verify")[0] == 0, "the database agrees with itself"
    code, told, said = run(capsys, "verify", "--published")
    assert (code, told) == (1, "")
    assert "At position 5: hash of the event, as it was published, should be" in said
    code, _, said = run(capsys, "publish")
    assert (code, "does not add to what was published" in said) == (1, True)


def test_what_was_published_of_streams_is_held_against_history(
    database: Database, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "published/default/registers"
    for size in (10, 20):
        sign(database, keys, events=10, size=size)
        assert run(capsys, "register")[0] == 0
        assert run(capsys, "publish")[0] == 0
    assert sorted(one.name for one in there.iterdir()) == ["010", "020"]
    within(database, lambda pool: pool.execute("DELETE FROM audit.register"))
    code, told, _ = run(capsys, "verify", "--published")
    assert (code, " Nothing is left out of any stream in the first 20. All 2" in told) == (0, True)
    true = Register.parsed(opened((there / "020").read_bytes(), keys.verifiers))
    (there / "020").write_text(signed(str(replace(true, entries=1, root=EMPTY)), [keys.signer]))
    code, _, said = run(capsys, "verify", "--published")
    assert (code, "At position 20: register of all up to here should be 1 streams" in said) == (1, True)
    (there / "020").write_text(signed(str(true), [keys.signer]))
    elsewhere = replace(true, log=replace(true.log, size=10))
    (there / "010").write_text(signed(str(elsewhere), [keys.signer]))
    code, _, said = run(capsys, "verify", "--published")
    assert (code, "At position 10: root of all up to here should be" in said) == (1, True)
    (there.parent / "checkpoint").write_bytes((there / "020").read_bytes())
    code, _, said = run(capsys, "verify", "--published")
    assert (code, "A register stands there in place of a checkpoint" in said) == (1, True)
    (there / "010").write_text("x")
    code, _, said = run(capsys, "verify", "--published")
    assert (code, "default/registers/010 is not to be trusted" in said) == (1, True)


def test_a_checkpoint_at_the_place_that_somebody_made_up_is_refused(
    database: Database, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sign(database, keys, events=10, size=10)
    run(capsys, "publish")
    there = tmp_path / "published/default/checkpoint"
    there.write_text(there.read_text().replace("\n10\n", "\n9\n"))
    code, _, said = run(capsys, "verify", "--published")
    assert (code, "default/checkpoint is not to be trusted" in said) == (1, True)
    code, _, said = run(capsys, "publish")
    assert (code, "is not ours" in said) == (1, True)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("", (2, "Where?")),
        ("ftp://x", (2, "should look like")),
        ("/none/there", (3, "cannot be reached: /none/there is no folder")),
    ],
)
def test_a_place_that_cannot_be_used_is_told(
    keys: Keys,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    told: tuple[int, str],
) -> None:
    monkeypatch.setenv("PULSEOPS_AUDIT_PUBLISH", place)
    code, _, said = run(capsys, "publish")
    assert (code, told[1] in said) == (told[0], True)
