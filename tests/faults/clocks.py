"""Clocks that may be wrong: libfaketime under a program, told by a file what time it is."""

import sys
from datetime import timedelta
from pathlib import Path

from pulseops.up.postgres import EmbeddedPostgres

_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


def libfaketime() -> Path | None:
    """The one of the distribution; None where it is not installed."""
    if sys.platform != "linux":
        return None
    for folder in _LIBRARIES:
        for found in sorted(Path(folder).glob("**/faketime/libfaketimeMT.so.1")):
            return found
    return None


class FakeClock:
    """What programs with this `environment` take for the time of day. How time passes stays true."""

    def __init__(self, file: Path, library: Path) -> None:
        self._file = file
        self._offset = timedelta()
        self.set(timedelta())
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: timedelta) -> None:
        self._offset = offset
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset.total_seconds():+.0f}")
        fresh.chmod(0o644)
        fresh.replace(self._file)

    def jump(self, by: timedelta) -> None:
        self.set(self._offset + by)


class PostgresOutOfTime(EmbeddedPostgres):
    """Its server goes by a clock of ours. The library is loaded after the change of user, not before."""

    clock: FakeClock

    def _launch(self, programs: Path) -> bool:
        folder = self._home.path / "programs"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        settings = " ".join(f"{name}={value}" for name, value in self.clock.environment.items())
        script = folder / "postgres"
        script.write_text(f'#!/bin/sh\nexec env {settings} {programs / "postgres"} "$@"\n')
        script.chmod(0o755)
        return super()._launch(folder)


class NoClock(Exception):
    """Why no clock can be faked here."""


def fake_clock(folder: Path, name: str) -> FakeClock:
    """Raises NoClock."""
    library = libfaketime()
    if library is None:
        raise NoClock("libfaketime is not installed")
    return FakeClock(folder / f"{name}.time", library)
