"""Which server the command line speaks to, and with which key. The key never stands in argv."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx
from msgspec import Struct

from pulseops.settings import Settings
from pulseops.up.home import running_api


class Unusable(Exception):
    """The command line does not know where to go."""


class Target(Struct, frozen=True, kw_only=True):
    """A server and the key to it; `local` when it is on this machine."""

    url: str
    key: str | None
    local: bool


def find_target(settings: Settings, *, url: str | None = None, key_file: Path | None = None) -> Target:
    """What was asked for, else what is set, else the `pulseops up` that runs from the home.

    The home's admin key is sent to that server alone: at any other address, and at its own once it has ended,
    somebody else may listen, on this machine too.
    """
    running = running_api(settings.home)
    ours = None if running is None else running.url.rstrip("/")
    chosen = (url or settings.url or ours or "").rstrip("/")
    if not chosen:
        raise Unusable(
            f"PulseOps does not run from {settings.home}: start it with `pulseops up`, or name a server with "
            "--url or PULSEOPS_URL, and its key with PULSEOPS_API_KEY or --key-file."
        )
    host = _parsed(chosen).hostname or ""
    local = _is_local(host)
    key, left = settings.api_key, settings.home / "admin.key"
    if key_file is not None:
        key = _read_key(key_file)
    elif key is None and local and chosen == ours and left.is_file():
        key = _read_key(left)
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise Unusable("The key holds characters that no key has: is it the right file?")
    return Target(url=chosen, key=key, local=local)


def _parsed(url: str) -> SplitResult:
    """Raises Unusable for what nobody could connect to."""
    try:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise Unusable("A URL is no place for a password: use PULSEOPS_API_KEY or --key-file.")
        name = (parts.hostname or "").encode("idna")
        httpx.URL(url)
        known = parts.scheme in {"http", "https"} and name and url.isprintable() and " " not in url
        if known and parts.port != 0:
            return parts
    except (ValueError, httpx.InvalidURL):
        pass
    shown = "This" if "@" in url else repr(url)
    raise Unusable(f"{shown} is not the URL of a server: it should look like http://host:8000")


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
