"""`pulseops audit prove` and `check`, and the Python client: proofs of a server, held against a key alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pulseops.audit.notary import Keys
from pulseops.audit.note import Signer
from pulseops.cli.audit.audit import audit
from pulseops.client import AsyncPulseOps, NotProved, PulseOps, Refused, Verifier
from pulseops.http import metrics
from tests.conftest import Database
from tests.integration.appending import until
from tests.integration.proving import KEYS, sign
from tests.integration.sealing import grow
from tests.serving import listening

Run = Callable[..., Coroutine[Any, Any, tuple[object, str]]]


def put(name: str, text: str) -> None:
    Path(name).write_text(text)


def got(name: str) -> str:
    return Path(name).read_text()


@pytest.fixture
async def served(database: Database) -> AsyncIterator[tuple[str, str]]:
    async with listening(database.app_url) as (port, key):
        yield f"http://127.0.0.1:{port}", key


@pytest.fixture
def run(
    served: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """The exit code, and what is said: in a folder with the public key, and an auditor's API key alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULSEOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULSEOPS_URL", served[0])
    monkeypatch.setenv("PULSEOPS_API_KEY", served[1])
    Path("audit.pub").write_text(f"{KEYS.signer.verifier}\n")

    def called(tokens: tuple[str, ...]) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stopped:
            audit(tokens)
        captured = capsys.readouterr()
        return stopped.value.code, captured.out or captured.err

    async def run(*tokens: str) -> tuple[object, str]:
        return await asyncio.to_thread(called, tokens)

    return run


async def test_a_proof_of_an_event_is_asked_for_and_checked_without_the_server(
    run: Run, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 20)
    await sign(app, pool, 20)
    stream = await pool.fetchval("SELECT stream_id FROM eventstore.event WHERE position = 7")
    said = (0, f"Event 7, NOTED of {stream}, recorded ")
    for name, asked in {
        "text": ("prove", "7"),
        "json": ("prove", "7", "--json"),
        "version": ("prove", "--incident", str(stream), "--version", "7"),
    }.items():
        code, proof = await run(*asked)
        assert code == 0, proof
        put(name, proof)
        code, told = await run("check", name, "--key", "audit.pub")
        assert (code, told[: len(said[1])]) == said
        assert "is among the 20 that pulseops/test/default signed" in " ".join(told.split())
    event = json.loads(got("json"))["event"]
    assert (await run("prove", "--event-id", event["id"]))[1] == got("text")
    code, told = await run("check", "text", "--key", "audit.pub", "--json")
    assert json.loads(told) == {
        "origin": "pulseops/test/default",
        "size": 20,
        "event": event | {"source": "/pulseops/logs/"},
    }


async def test_an_event_of_an_export_is_held_against_its_proof(
    run: Run, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 20)
    await sign(app, pool, 20)
    proof = (await run("prove", "7", "--json"))[1]
    text = (await run("prove", "7"))[1]
    event = json.loads(proof)["event"]
    put("bare", "\n".join(line for line in text.split("\n") if not line.startswith("extra ")))
    put("text", text)
    put("json", proof)
    put("event", json.dumps(event) + "\n")
    put("forged", json.dumps(event | {"actor": "user:eve"}) + "\n")
    put("other", json.dumps(json.loads((await run("prove", "8", "--json"))[1])["event"]))
    key = ("--key", "audit.pub")
    for name in ("bare", "text", "json"):
        assert (await run("check", name, *key, "--event", "event"))[0] == 0
        for event_file in ("forged", "other"):
            code, told = await run("check", name, *key, "--event", event_file)
            assert code == 1
            assert "not the one that is proved" in told or "do not lead from the event" in told
    assert await run("check", "bare", *key) == (
        2,
        "This proof has not the event in it: name it with --event.\n",
    )


async def test_history_is_shown_to_have_only_grown_since_a_checkpoint_that_was_kept(
    run: Run, app: asyncpg.Connection, pool: asyncpg.Pool, served: tuple[str, str]
) -> None:
    await grow(app, 20)
    await sign(app, pool, 9)
    code, note = await run("checkpoint", "--url", served[0])
    assert code == 0
    assert note == await pool.fetchval("SELECT note FROM audit.checkpoint")
    put("kept", note)
    await sign(app, pool, 20)
    put("grown", (await run("prove", "--since", "9"))[1])
    key = ("--key", "audit.pub")
    assert (await run("check", "grown", *key))[0] == 2
    code, told = await run("check", "grown", *key, "--against", "kept")
    assert (code, " ".join(told.split())) == (
        0,
        "The 20 events that pulseops/test/default signed begin with the 9 of the checkpoint that was kept.",
    )
    assert json.loads((await run("check", "grown", *key, "--against", "kept", "--json"))[1])["since"] == 9
    put("kept", note.replace("\n9\n", "\n8\n"))
    code, told = await run("check", "grown", *key, "--against", "kept")
    assert (code, "checkpoint that was kept is not to be trusted" in told) == (1, True)
    put("kept", note)
    put("early", (await run("prove", "4", "--size", "9"))[1])
    assert (await run("check", "early", *key))[0] == 1
    assert (await run("check", "early", *key, "--against", "kept"))[0] == 0
    put("late", (await run("prove", "4"))[1])
    assert (await run("check", "late", *key))[0] == 0
    assert (await run("check", "late", *key, "--against", "kept"))[0] == 1, "it is of more events"


async def test_what_shows_nothing_says_why_and_exits_with_one(
    run: Run, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await grow(app, 20)
    await sign(app, pool, 20)
    text = (await run("prove", "7"))[1]
    put("other.pub", f"{Signer('pulseops/test', bytes(32)).verifier}\n")
    put("none.pub", "")
    put("bad.pub", "hello")
    put("proof", text)
    for key, code, said in (
        ("other.pub", 1, "No key that is trusted has signed this note"),
        ("none.pub", 1, "No key that is trusted"),
        ("bad.pub", 2, "something else than keys"),
        ("missing.pub", 2, "cannot be read"),
    ):
        found, told = await run("check", "proof", "--key", key)
        assert (found, said in " ".join(told.split())) == (code, True), told
    extra = next(line for line in text.split("\n") if line.startswith("extra "))
    for forged, said in (
        (text.replace("index 6", "index 5"), "do not lead"),
        (text.replace("\n20\n", "\n21\n"), "is not of this text"),
        (text.replace(extra + "\n", f"{extra[:-12]}{'A' * 12}\n"), "event"),
        ("", "no proof"),
        ("{}", "no proof"),
        ("[]", "no proof"),
        ('{"from": 1}', "no proof"),
        ("\x00\xff", "no proof"),
    ):
        put("forged", forged)
        found, told = await run("check", "forged", "--key", "audit.pub")
        assert (found, said in " ".join(told.split())) == (1, True), told
    assert (await run("check", "nowhere", "--key", "audit.pub"))[0] == 2


async def test_questions_that_make_no_sense_are_not_asked(
    run: Run, app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    for asked in (
        (),
        ("7", "--since", "3"),
        ("7", "--version", "1"),
        ("--version", "1"),
        ("--incident", "x"),
    ):
        assert (await run("prove", *asked))[0] == 2, asked
    assert (await run("prove", "1"))[0] == 1
    await grow(app, 3)
    await sign(app, pool, 2)
    refusals = metrics.REQUESTS.labels("GET", "/audit/proofs/inclusion", "503")
    before = refusals._value.get()
    waits = asyncio.create_task(run("prove", "3"))
    await until(lambda: asyncio.sleep(0, refusals._value.get() > before))
    await sign(app, pool, 3)
    code, proof = await waits
    assert (code, "\nindex 2\n" in proof) == (0, True), "it was waited for"


def blocking(url: str, key: str, verifiers: list[Verifier]) -> tuple[str, bytes, int, int]:
    with PulseOps(url, key) as client:
        note, tile = client.proofs.checkpoint(), client.proofs.tile(0, 0, width=20)
        known = client.proofs.checkpoint.answer()
        assert not client.proofs.checkpoint.unless(known).changed
        found = client.proofs.inclusion(position=7)
        assert client.proofs.text(position=7).check(found.entry, verifiers).size == 20
        with pytest.raises(Refused, match="no event at position 21"):
            client.proofs.inclusion(position=21)
        with pytest.raises(NotProved):
            found.check([])
        return note, tile, found.check(verifiers).size, client.proofs.consistency(9).newer.size


async def test_the_python_client_asks_and_checks_in_either_colour(
    served: tuple[str, str], app: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    rotated = Keys(signer=Signer("pulseops/test", bytes(32)), earlier=tuple(KEYS.verifiers))
    await grow(app, 20)
    await sign(app, pool, 20, rotated)
    verifiers = list(rotated.verifiers)
    found = await asyncio.to_thread(blocking, *served, verifiers)
    async with AsyncPulseOps(*served) as client:
        note, tile = await client.proofs.checkpoint(), await client.proofs.tile(0, 0, width=20)
        size = (await client.proofs.inclusion(position=7)).check(verifiers).size
        assert (note, tile, size, (await client.proofs.consistency(9)).newer.size) == found
    assert len(tile) == 20 * 32
