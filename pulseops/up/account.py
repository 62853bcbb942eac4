"""Who runs the embedded servers. PostgreSQL refuses root, so root lends it a service user."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import NamedTuple

SERVICE_USER = "pulseops"


class Account(NamedTuple):
    name: str
    uid: int
    gid: int


def ourselves() -> Account:
    return _account(pwd.getpwuid(os.getuid()))


def account_for(data: Path) -> Account:
    """Ourselves; or for root the owner of the data if there are any, a service user otherwise."""
    if os.getuid() != 0:
        return ourselves()
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return _account(pwd.getpwuid(owner))
    return _service_user()


def traversable(folder: Path, account: Account) -> bool:
    """Can the account reach what lies in this folder? By the mode bits of it and of every parent."""
    return all(_may_enter(step, account) for step in (folder, *folder.parents))


def _may_enter(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if account.uid in {0, status.st_uid}:
        return account.uid == 0 or bool(status.st_mode & stat.S_IXUSR)
    bit = stat.S_IXGRP if account.gid == status.st_gid else stat.S_IXOTH
    return bool(status.st_mode & bit)


def _service_user() -> Account:
    if (found := _lookup(SERVICE_USER)) is None and (useradd := shutil.which("useradd")):
        command = [useradd, "--system", "--no-create-home", "--home-dir", "/nonexistent"]
        subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", SERVICE_USER], capture_output=True, check=False
        )
        found = _lookup(SERVICE_USER)
    if (found := found or _lookup("nobody")) is None:
        raise LookupError("root needs a user `pulseops` or `nobody` to run PostgreSQL as.")
    return found


def _lookup(name: str) -> Account | None:
    try:
        return _account(pwd.getpwnam(name))
    except KeyError:
        return None


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
