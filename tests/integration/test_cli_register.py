"""`pulseops audit register`, `complete` and `check` as operators and auditors run them, and `verify` then."""

import asyncio
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import pytest

from pulseops.audit import keyfile
from pulseops.audit.notary import Keys
from pulseops.audit.note import Signer, signed
from pulseops.kernel.ids import new_id
from tests.conftest import Database
from tests.integration.appending import append, request
from tests.integration.commanded import key, run, within
from tests.integration.proving import sign

__all__ = ("key",)
FLIP = """
UPDATE audit.register_page SET entries = set_byte(entries, 19, get_byte(entries, 19) - 1)
"""


def recorded(database: Database, keys: Keys, incident: UUID, *, at: int, size: int) -> None:
    """Three more events of the incident and one of another; then all up to `size` are signed."""

    async def done() -> None:
        pool = asyncpg.create_pool(database.admin_url, min_size=1, max_size=2)
        async with pool, pool.acquire() as connection:
            await append(connection, request(incident, at=at, events=3), request(new_id()))
            await sign(connection, pool, size, keys)

    asyncio.run(done())


def test_a_tile_that_is_lost_is_named_however_many_registers_are_held_against_history(
    database: Database, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    recorded(database, keyfile.read(key), new_id(), at=0, size=4)
    kept.write_text(run(capsys, "register")[1])
    within(database, lambda pool: pool.execute("DELETE FROM audit.tile"))
    code, _, said = run(capsys, "verify", "--against", str(kept))
    assert (code, "At position 1: hash that is kept of the event should be" in said) == (1, True)


def test_an_auditor_is_shown_all_of_an_incident_and_checks_it_with_a_public_key_alone(
    database: Database,
    key: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    incident = UUID("01a229bb-e214-700f-b93c-ecbecfd34c56")
    keys = keyfile.read(key)
    code, _, said = run(capsys, "complete", str(incident))
    assert (code, "no register of this log yet" in said) == (1, True)
    code, _, said = run(capsys, "register")
    assert (code, "Nothing of this log has been signed yet" in said) == (1, True)
    recorded(database, keys, incident, at=0, size=4)
    code, note, _ = run(capsys, "register")
    origin = f"{keys.signer.name}/default"
    assert (code, note.splitlines()[:2]) == (0, [f"{origin}/register/4", "2"])
    assert run(capsys, "register") == (0, note, ""), "it is still as of the newest checkpoint"
    recorded(database, keys, incident, at=3, size=8)
    code, told, _ = run(capsys, "complete", str(incident))
    assert code == 0
    assert " ".join(told.split()) == (
        f"{incident} has 3 events and no others among the first 4 events of {origin}: 1, 2, 3. "
        "4 events of the log came since."
    )
    run(capsys, "register")
    code, proof, _ = run(capsys, "complete", str(incident), "--json")
    kept = tmp_path / "proof.json"
    kept.write_text(proof)
    monkeypatch.setenv("PULSEOPS_DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
    offline = (str(kept), "--key", str(keyfile.public(key)))
    code, told, _ = run(capsys, "check", *offline)
    assert (code, "has 6 events and no others among the first 8" in told) == (0, True)
    found = msgspec.json.decode(proof)
    for bent in ({**found, "events": found["events"][:-1]}, {**found, "asOf": 4}, {**found, "listed": []}):
        kept.write_bytes(msgspec.json.encode(bent))
        code, _, said = run(capsys, "check", *offline)
        assert (code, bool(said)) == (1, True)


def test_verify_counts_every_stream_anew_and_names_the_one_that_the_register_has_wrong(
    database: Database, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = keyfile.read(key)
    first, second = (UUID(int=number) for number in (1, 2))
    recorded(database, keys, first, at=0, size=4)
    _, old, _ = run(capsys, "register")
    recorded(database, keys, second, at=0, size=8)
    _, new, _ = run(capsys, "register")
    kept, false = tmp_path / "kept", tmp_path / "false"
    kept.write_text(old)
    code, told, _ = run(capsys, "verify", "--against", str(kept))
    assert code == 0
    assert "Nothing is left out of any stream in the first 4 and 8." in " ".join(told.split())
    lines = new.splitlines()
    false.write_text(
        signed("\n".join([lines[0], lines[1], lines[3].split()[-1], lines[3], ""]), [keys.signer])
    )
    code, _, said = run(capsys, "verify", "--against", str(kept), "--against", str(false))
    assert (code, "position 8: register of all up to here should be 4 streams" in said) == (1, True)
    false.write_text(signed(old.partition("\n\n")[0] + "\n", [Signer.new(keys.signer.name)]))
    assert run(capsys, "verify", "--against", str(false))[0] == 1
    within(database, lambda pool: pool.execute(FLIP))
    code, _, said = run(capsys, "verify")
    assert (code, f"position 3: entry of {first} in the register should be version 3" in said) == (1, True)
    code, told, _ = run(capsys, "verify", "--json")
    assert msgspec.json.decode(told)["divergence"]["field"] == f"entry of {first} in the register"
    code, told, said = run(capsys, "complete", str(first), "--json")
    assert (code, told, "What is kept is not what was signed" in said) == (1, "", True)
    code, again, _ = run(capsys, "register", "--anew")
    assert (code, again.splitlines()[:4]) == (0, new.splitlines()[:4])
    assert run(capsys, "verify")[0] == 0


def test_a_register_needs_the_key_that_signs(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key.unlink()
    code, _, said = run(capsys, "register")
    assert (code, "cannot be read" in said) == (1, True)


def test_a_register_of_what_another_key_signed_names_the_log_and_the_key(
    database: Database, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(database, keyfile.read(key), new_id(), at=0, size=4)
    key.unlink()
    keyfile.make(key)
    assert run(capsys, "register") == (1, "", f"default was signed by another key than {key}.\n")
