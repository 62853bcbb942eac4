"""Where a server is, checked before a key goes there."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import httpx


class Unusable(ValueError):
    """Nobody can be reached with this URL or key."""


def checked_url(url: str) -> SplitResult:
    """The parts of a server's URL. Unusable for what nobody could connect to; a password is never shown."""
    try:
        parts = urlsplit(url)
        secret = parts.username or parts.password
        name = (parts.hostname or "").encode("idna")
        httpx.URL(url)
        known = parts.scheme in {"http", "https"} and name and url.isprintable() and " " not in url
        known = known and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        parts, known, secret = SplitResult("", "", "", "", ""), False, None
    if secret:
        raise Unusable("A URL is no place for a password: give the key as the key.")
    if known:
        return parts
    shown = "This" if "@" in url else repr(url)
    raise Unusable(f"{shown} is not the URL of a server: it should look like http://host:8000")


def checked_key(key: str) -> str:
    """The key, when it can stand in a header. It is not shown otherwise."""
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        raise Unusable("The key holds characters that no key has: is it the right file?")
    return key


def is_local(host: str) -> bool:
    """Whether it is this machine, for which no proxy is asked: its key does not leave it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
