"""What a browser carries: the cookie of a session, that of a sign-in under way, and where a request is from.

Pure. `url` is where browsers reach PulseOps. `__Host-` keeps other hosts of the same domain from setting one.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from msgspec import Struct

from pulseops.http.refusal import Header

HERE = re.compile(r"/(?![/\\])[!-\[\]-~]{0,999}")
"""A place on this server: no other host, however a browser reads it."""
UNDER_WAY = 600
"""Seconds that somebody has for signing in at the issuer."""
_PORTS = {"https": ":443", "http": ":80"}
_PART = re.compile(r"[A-Za-z0-9_-]{43}")


class Attempt(Struct, frozen=True):
    """A sign-in under way. Only the browser that began it has this, so nobody else can end it."""

    state: str
    nonce: str
    verifier: str
    onward: str

    @property
    def challenge(self) -> str:
        """PKCE, S256 (RFC 7636)."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).decode().rstrip("=")


class Cookies:
    """The two cookies of a server at `url`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        # As browsers write it: without the port that the scheme has anyway.
        host = parts.netloc.lower().removesuffix(_PORTS.get(parts.scheme, ":"))
        self.origin = f"{parts.scheme}://{host}"
        self._secure = parts.scheme == "https"
        prefix = "__Host-" if self._secure else ""
        self.session, self.attempt = f"{prefix}pulseops", f"{prefix}pulseops-sign-in"

    def put(self, name: str, value: str, seconds: int) -> Header:
        """With 0 seconds it is taken away."""
        secure = "; Secure" if self._secure else ""
        text = f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        return (b"set-cookie", text.encode())

    def ours(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether one of our own pages sent this: what the browser says of it, which no page can forge."""
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        if origin is None and site is None:
            return False
        return origin in {None, self.origin.encode()} and site in {None, b"same-origin"}


def carried(header: bytes | None, name: str) -> str | None:
    """The cookie of that name."""
    for one in (header or b"").split(b";"):
        key, _, value = one.strip().partition(b"=")
        if key == name.encode():
            return value.decode("ascii", "replace")
    return None


def new_attempt(onward: str) -> Attempt:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, onward)


def packed(attempt: Attempt) -> str:
    onward = urlsafe_b64encode(attempt.onward.encode()).decode().rstrip("=")
    return f"{attempt.state}.{attempt.nonce}.{attempt.verifier}.{onward}"


def unpacked(text: str | None) -> Attempt | None:
    """None for what is not ours."""
    parts = (text or "").split(".")
    if len(parts) != len(Attempt.__struct_fields__) or not all(map(_PART.fullmatch, parts[:3])):
        return None
    try:
        onward = urlsafe_b64decode(parts[3] + "=" * (-len(parts[3]) % 4)).decode("ascii")
    except ValueError:
        return None
    return Attempt(parts[0], parts[1], parts[2], onward) if HERE.fullmatch(onward) else None
