"""`doctor` on this machine: what must be there before anything runs. Each check changes nothing."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pulseops.audit import keyfile
from pulseops.rulebook.loader import load_rulebook
from pulseops.rulebook.problems import RulebookInvalid
from pulseops.rulebook.signing_in import load_sign_in
from pulseops.up.account import Account, ourselves
from pulseops.up.binaries import postgres_programs, redis_program
from pulseops.up.findings import Finding, Place
from pulseops.up.home import is_private
from pulseops.up.processes import LEASH, CannotStart

OLDEST_PYTHON = (3, 11)
LITTLE, TOO_LITTLE = 2 << 30, 256 << 20  # bytes of free disk


def python(_: Place) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield Finding("python", "fail", version, "PulseOps needs Python 3.11 or newer.")
    else:
        yield Finding("python", "ok", version)


def programs(place: Place) -> Iterator[Finding]:
    # Before there is a home, as ourselves: a service user, and a copy for it, are made at the first start.
    account, data = (place.home.account, place.home.data) if place.home else (ourselves(), place.path)
    try:
        postgres = postgres_programs(account, data) / "postgres"
        yield _runs("postgresql program", postgres, account)
    except (CannotStart, OSError) as error:
        yield Finding(
            "postgresql program", "fail", str(error), "Install PulseOps again: `uv sync --reinstall`."
        )
    redis = redis_program(account, data)
    if redis is None:
        advice = "Install redis or valkey, or set PULSEOPS_REDIS_URL."
        yield Finding("redis program", "warn", "none: PulseOps polls, a little slower", advice)
    else:
        yield _runs("redis program", redis, account)


def _runs(check: str, program: Path, account: Account) -> Finding:
    leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(signal.SIGKILL))]
    words = [*leash, str(account.uid), str(account.gid), str(program), "--version"]
    try:
        ran = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return Finding(check, "fail", f"{program} does not answer")
    if ran.returncode:
        why = (ran.stderr.splitlines() or [f"exit code {ran.returncode}"])[-1]
        advice = (
            "A library of this system may be missing, or its folder may forbid running programs (noexec)."
        )
        return Finding(check, "fail", f"{program} does not run as {account.name}: {why}", advice)
    return Finding(check, "ok", f"{ran.stdout.strip()}, as {account.name}")


def folder(place: Place) -> Iterator[Finding]:
    path = place.path
    if not path.exists():
        above = next(one for one in path.parents if one.exists())
        if os.access(above, os.W_OK | os.X_OK):
            yield Finding("home", "ok", f"{path} is made at the first `pulseops up`")
        else:
            yield Finding("home", "fail", f"{above} is not writable", "Choose another with PULSEOPS_HOME.")
        return
    status = path.stat()
    if status.st_uid != os.getuid() and os.getuid() != 0:
        owner = path.owner()
        yield Finding("home", "fail", f"{path} belongs to {owner}", f"Run as {owner}, or set PULSEOPS_HOME.")
    elif not os.access(path, os.W_OK | os.X_OK):
        yield Finding("home", "fail", f"{path} is not writable", "Choose another with PULSEOPS_HOME.")
    elif status.st_mode & 0o022:
        yield Finding("home", "warn", f"{path} is writable by others", f"chmod go-w {path}")
    else:
        yield Finding("home", "ok", str(path))


def disk(place: Place) -> Iterator[Finding]:
    where = (
        place.home.data
        if place.home
        else next(one for one in (place.path, *place.path.parents) if one.exists())
    )
    free = shutil.disk_usage(where).free
    found = f"{free / (1 << 30):.1f} GiB free at {where}"
    if free < TOO_LITTLE:
        yield Finding("disk", "fail", found, "Make room: without it nothing can be stored.")
    elif free < LITTLE:
        yield Finding("disk", "warn", found, "Make room soon.")
    else:
        yield Finding("disk", "ok", found)


def secrets(place: Place) -> Iterator[Finding]:
    for name in ("admin.key", "servers.json"):
        path = place.path / name
        if path.exists() and not is_private(path):
            yield Finding(
                name, "fail", f"{path} can be read by others", f"chmod 600 {path}, and make a new key."
            )
        elif path.exists():
            yield Finding(name, "ok", "readable by its owner alone")


def signing(place: Place) -> Iterator[Finding]:
    chosen = place.settings.audit_key
    path = chosen or place.path / "audit.key"
    if chosen is None and not path.exists():
        return  # `up` makes it
    try:
        keyfile.read(path)
        yield Finding("audit.key", "ok", f"{path}, readable by its owner alone")
    except keyfile.KeyUnusable as error:
        yield Finding(
            "audit.key", "fail", str(error), "Nothing is signed without it: mend that, or put back a copy."
        )


def rules(place: Place) -> Iterator[Finding]:
    chosen = place.settings.rules
    try:
        load_rulebook(chosen)
        yield Finding("rules", "ok", str(chosen or "the default rulebook"))
    except (RulebookInvalid, OSError) as error:
        yield Finding("rules", "fail", str(error), "PulseOps does not start with these rules.")


def sign_in(place: Place) -> Iterator[Finding]:
    chosen = place.settings.oidc
    if chosen is None:
        return
    try:
        yield Finding("sign-in", "ok", f"{chosen}, by {load_sign_in(chosen).issuer}")
    except RulebookInvalid as error:
        yield Finding("sign-in", "fail", str(error), "The API does not start with this file.")


CHECKS = (python, folder, programs, disk, secrets, signing, rules, sign_in)
