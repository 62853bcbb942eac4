"""The database of a home that no `up` runs from, for as long as somebody needs it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pulseops.db.migrate import migrate
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres


@contextmanager
def standing(path: Path) -> Iterator[str]:
    """Its URL, as the superuser, at this version's schema. Where there is no home, it is made.

    Raises HomeBusy while an `up` runs from it, CannotStart, CannotMigrate, and OSError of the home.
    """
    home = Home(path)
    with home.held():
        postgres = EmbeddedPostgres(home)
        try:
            postgres.start()
            asyncio.run(postgres.prepare())
            asyncio.run(migrate(postgres.url(admin=True)))
            yield postgres.url(admin=True)
        finally:
            postgres.stop()
