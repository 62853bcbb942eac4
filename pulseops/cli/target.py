"""Which server the command line speaks to, and with which key. The key never stands in argv."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from pulseops.settings import Settings

DEFAULT_URL = "http://127.0.0.1:8000"


class Unusable(Exception):
    """The command line does not know where to go."""


class Target(Struct, frozen=True, kw_only=True):
    """A server and the key to it; `local` when it is on this machine."""

    url: str
    key: str | None
    local: bool


class _Announced(Struct):
    """What a running `pulseops up` writes to `<home>/api.json`."""

    url: str


def find_target(settings: Settings, *, url: str | None = None, key_file: Path | None = None) -> Target:
    """What was asked for, else what is set, else what a running `pulseops up` left in its home.

    The home's admin key opens the home's server: it is never sent to another machine.
    """
    chosen = (url or settings.url or _announced(settings.home) or DEFAULT_URL).rstrip("/")
    parts = urlsplit(chosen)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unusable(f"{chosen!r} is not the URL of a server: it should look like {DEFAULT_URL}")
    if parts.username or parts.password:
        raise Unusable("A URL is no place for a password: use PULSEOPS_API_KEY or --key-file.")
    local = _is_local(parts.hostname)
    key, left = settings.api_key, settings.home / "admin.key"
    if key_file is not None:
        key = _read_key(key_file)
    elif key is None and local and left.is_file():
        key = _read_key(left)
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise Unusable("The key holds characters that no key has: is it the right file?")
    return Target(url=chosen, key=key, local=local)


def _announced(home: Path) -> str | None:
    try:
        return msgspec.json.decode((home / "api.json").read_bytes(), type=_Announced).url
    except (OSError, msgspec.MsgspecError):
        return None


def _read_key(path: Path) -> str:
    try:
        key = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"Cannot read a key from {path}: {error}") from error
    if not key:
        raise Unusable(f"There is no key in {path}.")
    return key


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
