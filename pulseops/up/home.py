"""The layout of the folder that `up` keeps (`~/.pulseops`): data, secrets, logs, and who holds it.

data/            what the servers write: pg18/, redis/; a link when their user cannot reach the home
logs/            postgres.log, redis.log, api.log, worker.log
run/             a mark for each process of ours
servers.json     passwords and ports of the embedded servers (0600)
admin.key        the first API key (0600)
audit.key        what signs history (0600); audit.pub, beside it, is for auditors
api.json         where the API listens, while it does
lock             held by the one `up`
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from pulseops.up.account import Account, account_for, traversable
from pulseops.up.processes import CannotStart, Mark, wait_until

LARGE = 10 << 20  # bytes
LOOKING = 0.2  # seconds that somebody may look whether a home is held
ELSEWHERE = Path("/var/lib/pulseops")


class Api(msgspec.Struct, frozen=True):
    url: str
    pid: int


class Servers(msgspec.Struct):
    """Made once; the ports are only a preference and move when something else has taken them."""

    superuser_password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))
    password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))
    redis_password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))
    postgres_port: int = 0
    redis_port: int = 0


class HomeBusy(CannotStart):
    """Another `up` runs on this home."""

    def __init__(self, home: Path, pid: str, api: Api | None) -> None:
        where = f" at {api.url}" if api else ""
        super().__init__(
            f"PulseOps already runs from {home}{where} (process {pid}).\n"
            f"Stop it with Ctrl-C there or `kill {pid}`, or start another with --home."
        )


class Home:
    def __init__(self, path: Path) -> None:
        """Makes what is missing. Never changes the mode of a folder that was there."""
        self.path = path.expanduser().absolute()
        self._make()
        self.account = account_for(self.path / "data")
        self.logs = self._folder("logs", 0o700)
        self.run = self._folder("run", 0o700)
        self.data = self._data()
        self.admin_key = self.path / "admin.key"
        self.audit_key = self.path / "audit.key"
        self._lock = self.path / "lock"
        self._api = self.path / "api.json"
        self._servers = self.path / "servers.json"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """One `up` a home. The kernel lets go of the lock when we die, however we die.

        Raises:
            HomeBusy: with the process and the address of the other one.
        """
        with self._lock.open("a+") as lock:
            # Who only looks whether it is held holds it as well, for a moment.
            if not wait_until(lambda: _locks(lock, fcntl.LOCK_EX), LOOKING):
                lock.seek(0)
                raise HomeBusy(self.path, lock.read().strip() or "unknown", self.api())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self.withdraw()
            yield

    def is_held(self) -> bool:
        """By an `up`, at this moment."""
        return _is_held(self._lock)

    def log(self, name: str) -> Path:
        """A part's log. The last one is put aside when it has grown large."""
        log = self.logs / f"{name}.log"
        if log.exists() and log.stat().st_size > LARGE:
            log.replace(log.with_suffix(".log.1"))
        return log

    def servers(self) -> Servers:
        if not self._servers.exists():
            self._remember(Servers())
        return msgspec.json.decode(self._servers.read_bytes(), type=Servers)

    def remember_port(self, *, postgres: int | None = None, redis: int | None = None) -> None:
        """So that the next start takes the same one, if it is free. On a full disk it is not remembered."""
        with contextlib.suppress(OSError):
            servers = self.servers()
            servers.postgres_port = servers.postgres_port if postgres is None else postgres
            servers.redis_port = servers.redis_port if redis is None else redis
            self._remember(servers)

    def _remember(self, servers: Servers) -> None:
        write_private(self._servers, msgspec.json.format(msgspec.json.encode(servers)))

    def api(self) -> Api | None:
        """Where the API said it listens; it may have been killed since."""
        return _announced(self._api)

    def announce(self, api: Api) -> None:
        write_private(self._api, msgspec.json.encode(api))

    def withdraw(self) -> None:
        self._api.unlink(missing_ok=True)

    def _make(self) -> None:
        if self.path.is_dir():
            return
        self.path.mkdir(parents=True, mode=0o700)
        if os.getuid() == 0:
            self.path.chmod(0o711)  # our own new folder: the servers' user must pass through, not look

    def _folder(self, name: str, mode: int) -> Path:
        folder = self.path / name
        try:
            folder.mkdir(mode=mode, exist_ok=True)
        except PermissionError:
            owner = self.path.owner()
            raise CannotStart(f"{self.path} belongs to {owner}: run as {owner}, or use --home.") from None
        return folder

    def _data(self) -> Path:
        data = self.path / "data"
        if data.is_symlink() and not data.exists():
            raise CannotStart(f"{data} points to {data.readlink()}, which is gone. Restore it or use --home.")
        if not data.exists() and not traversable(self.path, self.account):
            name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
            ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
            (ELSEWHERE / name).mkdir(mode=0o700, exist_ok=True)
            data.symlink_to(ELSEWHERE / name)
        real = data.resolve()
        real.mkdir(mode=0o700, exist_ok=True)
        if os.getuid() == 0 and real.stat().st_uid == 0:
            os.chown(real, self.account.uid, self.account.gid)
        if not traversable(real, self.account):
            raise CannotStart(f"{real} cannot be reached by {self.account.name}, whose data it holds.")
        return real


def write_private(path: Path, content: bytes, *, owner: Account | None = None) -> None:
    """All or nothing, on disk when it returns, and readable by nobody else at any moment; ours, or `owner`'s.

    A link that waits at its name is replaced, not followed: the folder may be another user's.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:  # noqa: PTH123
            sink.write(content)
            sink.flush()
            if owner is not None:
                os.fchown(sink.fileno(), owner.uid, owner.gid)
            os.fsync(sink.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def database_of(path: Path, *, admin: bool = False) -> str | None:
    """The URL of the database that an `up` keeps in this home, as the login `pulseops`; None without one.

    `admin`: as the superuser, as for migrations.
    """
    try:
        servers = msgspec.json.decode((path / "servers.json").read_bytes(), type=Servers)
    except (OSError, msgspec.DecodeError):
        return None
    if Mark.read(path / "run" / "postgres") is None:
        return None
    user, password = ("postgres", servers.superuser_password) if admin else ("pulseops", servers.password)
    return f"postgresql://{user}:{password}@127.0.0.1:{servers.postgres_port}/pulseops"


def running_api(path: Path) -> Api | None:
    """Where the `up` that runs from this home has its API. A killed one's word counts for nothing."""
    return _announced(path / "api.json") if _is_held(path / "lock") else None


def _announced(path: Path) -> Api | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Api)
    except (OSError, msgspec.DecodeError):
        return None


def _is_held(lock: Path) -> bool:
    try:
        with lock.open() as file:
            return not _locks(file, fcntl.LOCK_SH)
    except OSError:
        return False


def _locks(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_private(path: Path) -> bool:
    return not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
