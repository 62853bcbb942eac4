"""History that is sealed and signed, and an export of it."""

from pathlib import Path

import asyncpg

from pulseops.archive.carrying import Carried, carry
from pulseops.audit.notary import Keys, Notary
from pulseops.eventstore.export import Wanted
from tests.carried import KEYS, Export
from tests.integration.sealing import sealed_up_to


async def signed_up_to(app: asyncpg.Connection, pool: asyncpg.Pool, size: int, keys: Keys = KEYS) -> None:
    await sealed_up_to(app, size)
    await app.execute("UPDATE audit.checkpoint SET signed_at = '-infinity'")
    await Notary(pool, keys).sign()


def begun(file: Path, lines: bytes, wanted: Wanted | None = None) -> Path:
    """So far an export has come that was interrupted: its part."""
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(lines)
    part.with_name(f"{part.name}.begun").write_bytes((wanted or Wanted()).asked)
    return part


async def exported(
    app: asyncpg.Connection, folder: Path, wanted: Wanted | None = None, *, keys: Keys = KEYS
) -> tuple[Export, Carried]:
    trusted, file = folder / "audit.pub", folder / "history.ndjson"
    trusted.write_text("".join(f"{one}\n" for one in keys.verifiers))
    made = await carry(app, wanted or Wanted(), "default", file)
    return Export(file, trusted), made
